package privacy.decision_test.verdict

import data.privacy.lib.testing_test as t

# Within one category: what no further fact can mend comes first, and a duty counts once all gates hold.
test_which_reason_of_one_category[name] if {
	some name, [request, expected] in {
		"forbidden, and a condition unmet": [
			_sent("third_party_marketing", {"processing_ground": "none"}),
			"prohibited",
		],
		"a condition unmet, and a fact missing": [
			t.asks("collect", ["government_id"], "legal_compliance", {"jurisdiction_requires_id": false}),
			"condition_unmet",
		],
		"a condition unmet, and a duty unmet": [
			_sent("deliver_products", {"processing_ground": "none", "third_party_bound": false}),
			"condition_unmet",
		],
		"a fact missing, and a duty unmet": [_sent("deliver_products", {"third_party_bound": false}), "missing_fact"],
		"nothing but a duty unmet": [
			_sent("deliver_products", {"processing_ground": "contract", "third_party_bound": false}),
			"obligation_unmet",
		],
	}
	t.context(request).reason == expected
}

# Among several categories: what no further fact can mend comes first.
test_which_reason_of_several_categories[name] if {
	some name, [request, reasons, expected] in {
		"prohibited before a condition unmet": [
			_sent_all(["device_app_usage", "email_address"], "software_developer", "help_software_developers", {
				"consideration": true,
				"consent": "absent",
				"linked_to_company": false,
				"combined_with_company_info": false,
			}),
			["condition_unmet", "prohibited"],
			"prohibited",
		],
		"a condition unmet before a duty unmet": [
			_sent_all(["company_name", "payment_information"], "third_party", "deliver_products", {
				"processing_ground": "contract",
				"third_party_bound": false,
				"categories_needed": ["company_name"],
			}),
			["obligation_unmet", "condition_unmet"],
			"condition_unmet",
		],
		"a duty unmet before nothing that grants": [
			_sent_all(["government_id", "company_name"], "third_party", "deliver_products", {
				"processing_ground": "contract",
				"third_party_bound": false,
			}),
			["no_applicable_permission", "obligation_unmet"],
			"obligation_unmet",
		],
		"nothing that grants before a fact missing": [
			t.asks("use", ["email_address", "government_id"], "improve_products_services", {}),
			["missing_fact", "no_applicable_permission"],
			"no_applicable_permission",
		],
		"a condition unmet before a fact missing": [
			t.asks("use", ["ip_address", "payment_information"], "anti_fraud", {
				"processing_ground": "contract",
				"absolutely_necessary": true,
				"evaluation_done": true,
				"evaluation_outcome": "favourable",
				"source_by_category": {
					"ip_address": "online_transaction_with_csw",
					"payment_information": "offline_transaction_with_csw",
				},
			}),
			["missing_fact", "condition_unmet"],
			"condition_unmet",
		],
	}
	context := t.context(request)
	[denied.reason | some denied in context.denied] == reasons
	context.reason == expected
}

test_the_missing_facts_of_all_categories_are_listed if {
	request := t.asks("use", ["email_address", "government_id", "search_queries"], "improve_products_services", {})
	context := t.context(request)
	context.reason == "no_applicable_permission"
	context.missing_facts == ["linked_to_ip", "processing_ground"]
}

test_some_permitted_and_some_not[name] if {
	some name, [categories, permitted] in {
		"the permitted one first": [["email_address", "government_id"], ["email_address"]],
		"the permitted one last": [["government_id", "email_address"], ["email_address"]],
		"in the request's order": [["phone_number", "government_id", "email_address"], ["phone_number", "email_address"]],
	}
	answer := data.privacy.decision.decision with input as t.asks("use", categories, "improve_products_services", {"processing_ground": "contract"})
	answer.decision == false
	[answer.context.outcome, answer.context.reason, answer.context.permitted] == ["partial", "mixed", permitted]
}

# Of several purposes every one must be permitted.
test_several_purposes[name] if {
	some name, [purposes, facts, expected] in {
		"both permitted": [["improve_products_services", "own_advertising"], {}, ["permitted", []]],
		"one by itself": [["own_advertising"], {}, ["permitted", []]],
		"one prohibited": [["improve_products_services", "third_party_marketing"], {}, ["prohibited", []]],
		"one that no clause knows": [["anything_at_all", "own_advertising"], {}, ["no_applicable_permission", []]],
		"one that lacks a fact": [["own_advertising", "internal_audit"], {}, ["missing_fact", ["audience"]]],
		"two that lack different facts": [
			["anti_fraud", "internal_audit"],
			{"source": "online_transaction_with_csw", "transaction_completed": true, "absolutely_necessary": true},
			["missing_fact", ["evaluation_done", "audience"]],
		],
		"one that lacks a fact, one with a condition unmet": [
			["anti_fraud", "internal_audit"],
			{"audience": "external"},
			["condition_unmet", ["source", "absolutely_necessary", "evaluation_done", "transaction_completed"]],
		],
		"one prohibited before one with a condition unmet": [
			["internal_audit", "third_party_marketing"],
			{"audience": "external"},
			["prohibited", []],
		],
	}
	context := t.context(t.asks("use", ["payment_information"], purposes, object.union({"processing_ground": "contract"}, facts)))
	[context.reason, context.missing_facts] == expected
}

test_several_purposes_unite_clauses_and_obligations if {
	request := t.asks("use", ["payment_information"], ["improve_products_services", "anti_fraud"], {
		"processing_ground": "contract",
		"source": "online_transaction_with_csw",
		"transaction_completed": true,
		"absolutely_necessary": true,
		"evaluation_done": true,
		"evaluation_outcome": "favourable",
	})
	t.context(request).reason == "permitted"
	{"1.2-i", "1.2-k", "1.2-n", "1.2-o", "1.2-p"} - t.cited(request) == set()
	t.obligations(request) == {"record_balancing_evaluation", "limit_to_necessary_data"}
}

test_several_purposes_and_several_categories if {
	request := t.asks("use", ["language", "email_address"], ["own_advertising", "anything_at_all"], {"processing_ground": "contract"})
	context := t.context(request)
	[context.reason, context.permitted] == ["mixed", ["language"]]
}

test_several_purposes_and_several_sources[name] if {
	some name, [source, reason] in {
		"each may serve both": ["sharing_user", "permitted"],
		"one may serve neither": ["data_broker", "mixed"],
	}
	request := t.asks("use", ["company_name", "email_address"], ["fulfil_request", "provide_products_services"], {
		"processing_ground": "contract",
		"source_by_category": {"company_name": "inviting_user", "email_address": source},
	})
	t.context(request).reason == reason
}

test_a_purpose_that_is_refused_brings_nothing_along if {
	request := t.asks("update_policy", [], ["policy_change", "policy_change"], {
		"change_significant": true,
		"announced_on_website": false,
	})
	t.context(request).reason == "obligation_unmet"
	t.obligations(request) == set()
}

# Outward a joined set is one thing.
test_a_joined_set_outward[name] if {
	some name, [facts, expected] in {
		"all of it may go": [{}, ["permitted", ["email_address", "payment_information", "zip_code"], []]],
		"one item is not needed": [
			{"categories_needed": ["email_address", "zip_code"]},
			["condition_unmet", [], ["condition_unmet", "condition_unmet", "condition_unmet"]],
		],
		"nobody is bound": [
			{"third_party_bound": false},
			["obligation_unmet", [], ["obligation_unmet", "obligation_unmet", "obligation_unmet"]],
		],
	}
	context := t.context(_sent_all(["email_address", "payment_information", "zip_code"], "third_party", "own_advertising", object.union(
		{"processing_ground": "contract", "combined_with_company_info": true},
		facts,
	)))
	[context.reason, context.permitted, [denied.reason | some denied in context.denied]] == expected
}

test_a_joined_set_keeps_the_reasons_that_it_has if {
	context := t.context(_sent_all(["email_address", "government_id", "payment_information"], "third_party", "deliver_products", {
		"processing_ground": "contract",
		"third_party_bound": true,
		"combined_with_company_info": true,
		"categories_needed": ["email_address", "government_id"],
	}))
	context.reason == "condition_unmet"
	[denied.reason | some denied in context.denied] == ["condition_unmet", "no_applicable_permission", "condition_unmet"]
	context.obligations == []
}

test_a_joined_set_of_several_purposes if {
	context := t.context(_sent_all(["email_address", "payment_information"], "third_party", ["deliver_products", "own_advertising"], {
		"processing_ground": "contract",
		"third_party_bound": true,
		"combined_with_company_info": true,
		"categories_needed": ["email_address"],
	}))
	[context.outcome, context.reason] == ["denied", "condition_unmet"]
}

# What a clause for company information excludes leaves other information be.
test_what_is_needed_is_asked_of_company_information_alone if {
	context := t.context(_sent_all(["email_address", "zip_code"], "third_party", "own_advertising", {
		"processing_ground": "contract",
		"third_party_bound": true,
		"linked_to_company": false,
		"combined_with_company_info": false,
		"categories_needed": ["company_name"],
	}))
	[context.reason, context.permitted] == ["mixed", ["zip_code"]]
}

# In-house each category stands for itself, joined or not.
test_a_joined_set_in_house[name] if {
	some name, request in {
		"used": t.asks("use", ["email_address", "government_id"], "improve_products_services", _joined),
		"shared with CSW": t.to("csw", t.asks("share", ["email_address", "government_id"], "improve_products_services", _joined)),
		"shared with an affiliate": t.to("affiliate", t.asks("share", ["email_address", "government_id"], "improve_products_services", object.union(
			_joined,
			{"affiliate_verified": true},
		))),
	}
	context := t.context(request)
	[context.reason, context.permitted] == ["mixed", ["email_address"]]
}

# A request that mixes both kinds shows that they are not joined.
test_a_mixed_request[name] if {
	some name, [request, expected] in {
		"outward, and nobody says whether it is joined": [
			_mixed({"linked_to_company": false}),
			["missing_fact", [], ["combined_with_company_info"]],
		],
		"outward, not joined": [
			_mixed({"combined_with_company_info": false}),
			["permitted", ["zip_code", "email_address"], []],
		],
		"outward, joined": [
			_mixed({"combined_with_company_info": true}),
			["permitted", ["zip_code", "email_address"], []],
		],
		"outward, taken apart": [
			_mixed({"separated": true, "join_key_retained": false}),
			["permitted", ["zip_code", "email_address"], []],
		],
		"in-house, and nobody says whether it is joined": [
			t.asks("use", ["zip_code", "email_address"], "own_advertising", {"processing_ground": "contract"}),
			["permitted", ["zip_code", "email_address"], []],
		],
		"of company information alone": [
			_sent("own_advertising", {"processing_ground": "contract", "third_party_bound": true}),
			["permitted", ["email_address"], []],
		],
		"of what may be company information and what is": [
			_sent_all(["location", "email_address"], "third_party", "own_advertising", {
				"processing_ground": "contract",
				"third_party_bound": true,
			}),
			["permitted", ["location", "email_address"], []],
		],
	}
	context := t.context(request)
	[context.reason, context.permitted, context.missing_facts] == expected
}

test_a_mixed_request_keeps_its_own_faults if {
	request := _sent_all(["zip_code", "email_address"], "third_party_advertiser", "third_party_marketing", {"linked_to_company": false})
	context := t.context(request)
	context.reason == "prohibited"
	context.missing_facts == ["combined_with_company_info"]
}

test_what_passes_of_a_mixed_request_is_kept_apart[name] if {
	some name, [facts, expected] in {
		"one part passes": [{"combined_with_company_info": false}, {"keep_categories_separate"}],
		"nothing passes": [{}, set()],
	}
	request := _sent_all(["zip_code", "email_address"], "third_party_advertiser", "third_party_marketing", object.union(
		{"linked_to_company": false},
		facts,
	))
	t.obligations(request) == expected
}

test_a_source_of_its_own_for_a_category if {
	request := t.asks("use", ["email_address", "phone_number", "company_name"], "own_advertising", {
		"processing_ground": "contract",
		"source": "inviting_user",
		"source_by_category": {"email_address": "direct_from_company"},
	})
	context := t.context(request)
	[context.reason, context.permitted] == ["mixed", ["email_address"]]
}

test_an_act_without_categories_is_decided_as_one_thing if {
	context := t.context(t.asks("update_policy", [], "policy_change", {
		"change_significant": true,
		"announced_on_website": false,
	}))
	[context.outcome, context.reason, context.permitted, context.denied] == ["denied", "obligation_unmet", [], []]
}

_joined := {"processing_ground": "contract", "combined_with_company_info": true}

_sent(purpose, facts) := _sent_all(["email_address"], "third_party", purpose, facts)

_sent_all(categories, recipient, purpose, facts) := t.to(recipient, t.asks("disclose", categories, purpose, facts))

_mixed(facts) := _sent_all(["zip_code", "email_address"], "third_party", "own_advertising", object.union(
	{"processing_ground": "contract", "third_party_bound": true},
	facts,
))
