package privacy.clauses_test.s2_non_company_information

import data.privacy.lib.testing_test as t

test_2_a[name] if {
	some name, [facts, expected] in {
		"permitted: an unlisted item that is proved neither to identify nor to reach a company": [
			{"identifies_company": false, "can_contact_company": false},
			"permitted",
		],
		"refused: it does not identify a company, but reaches one": [
			{"identifies_company": false, "can_contact_company": true},
			"no_applicable_permission",
		],
		"refused: it identifies a company, though it reaches none": [
			{"identifies_company": true, "can_contact_company": false},
			"no_applicable_permission",
		],
		"boundary: whether it reaches a company is not stated": [{"identifies_company": false}, "missing_fact"],
		"boundary: whether it identifies a company is not stated": [{"can_contact_company": false}, "missing_fact"],
	}
	_answer_2_a(t.asks("use", ["screen_size"], "anything_at_all", facts)) == expected
}

# What fails the test is company information, and speaks of that (1-a).
_answer_2_a(request) := "permitted" if {
	t.answer(request, "2-a") == "permitted"
} else := t.context(request).reason

test_2_b[name] if {
	some name, [request, expected] in {
		"permitted: zip codes go to an advertiser for its own marketing": [
			_passed(["zip_code"], "third_party_marketing", {"linked_to_company": false}),
			"permitted",
		],
		"permitted: languages are published for a purpose nobody has heard of": [
			t.asks("publish", ["language"], "any_purpose", {"linked_to_company": false}),
			"permitted",
		],
		"permitted: languages are sold": [t.asks("sell", ["language"], "resale", {"linked_to_company": false}), "permitted"],
		"refused: nobody but CSW, its staff and its affiliates gains by the freedom": [
			t.by("third_party_service_provider", t.asks("use", ["zip_code"], "deliver_products", {"received_under": "3-a"})),
			"no_applicable_permission",
		],
		"boundary: outward, and nobody says whether it is linked or joined": [
			_passed(["zip_code"], "third_party_marketing", {}),
			"missing_fact",
		],
		"boundary: in-house it needs not be stated": [t.asks("use", ["zip_code"], "anything_at_all", {}), "permitted"],
		"boundary: no purpose is needed": [
			json.remove(_passed(["zip_code"], "x", {"linked_to_company": false}), ["/context/purpose"]),
			"permitted",
		],
		"boundary: one of linked and joined is enough": [
			_passed(["zip_code"], "third_party_marketing", {"combined_with_company_info": false}),
			"permitted",
		],
	}
	t.answer(request, "2-b") == expected
}

test_2_b_names_both_facts_that_would_prove_it if {
	t.context(_passed(["zip_code"], "third_party_marketing", {})).missing_facts == [
		"linked_to_company",
		"combined_with_company_info",
	]
}

test_2_c[name] if {
	some name, [request, expected] in {
		"permitted: occupations and time zones are read in product use": [
			t.asks("collect", ["occupation", "time_zone"], "understand_customer_behaviour", {
				"touchpoint": "product_use",
				"linked_to_company": false,
			}),
			"permitted",
		],
		"permitted: a device that is linked to nobody goes to an analyst": [
			_passed(["device_id"], "analytics", {"linked_to_company": false}),
			"permitted",
		],
		"refused: tied to an account, they are gathered in a survey": [
			_linked_collected(["occupation"], {"touchpoint": "survey"}),
			"condition_unmet",
		],
		"boundary: tied to an account, they are gathered in product use on a ground": [
			_linked_collected(["occupation"], {"touchpoint": "product_use"}),
			"permitted",
		],
		"boundary: tied to an account, and the touchpoint is not stated": [
			_linked_collected(["occupation"], {}),
			"missing_fact",
		],
		"boundary: a device, and nobody says whether it is linked": [
			_passed(["device_id"], "analytics", {}),
			"missing_fact",
		],
	}
	t.answer(request, "2-c") == expected
}

test_2_d[name] if {
	some name, [request, expected] in {
		"permitted: activity in CSW's other offerings is collected": [
			t.asks("collect", ["other_product_activity"], "understand_customer_interest", {"linked_to_company": false}),
			"permitted",
		],
		"refused: it is tied to an account, and there is no ground": [_activity({"processing_ground": "none"}), "condition_unmet"],
		"boundary: it is tied to an account, and the ground is not stated": [_activity({}), "missing_fact"],
		"boundary: it is tied to an account, and the contract asks for it": [_activity({"processing_ground": "contract"}), "permitted"],
	}
	t.answer(request, "2-d") == expected
}

test_2_e[name] if {
	some name, [request, expected] in {
		"permitted: activity is summarised to see what interests companies": [
			t.asks("summarise", ["activity_data"], "understand_customer_interest", {"linked_to_company": false}),
			"permitted",
		],
		"refused: tied to an account, it is summarised on no ground": [
			_summarised({"processing_ground": "none"}),
			"condition_unmet",
		],
		"boundary: tied to an account, it is summarised under the contract": [
			_summarised({"processing_ground": "contract"}),
			"permitted",
		],
		"boundary: tied to an account, and the ground is not stated": [_summarised({}), "missing_fact"],
	}
	t.answer(request, "2-e") == expected
}

test_2_f[name] if {
	some name, [facts, expected] in {
		"permitted: an aggregate of a thousand companies goes to a partner, though made of company information": [
			{"aggregate_size": 1000, "derived_from": "company_information"},
			"permitted",
		],
		"refused: an aggregate of one": [{"aggregate_size": 1}, "no_applicable_permission"],
		"refused: an aggregate of many in which one is told apart": [
			{"aggregate_size": 1000, "identifies_company": true},
			"no_applicable_permission",
		],
		"boundary: an aggregate of two": [{"aggregate_size": 2}, "permitted"],
		"boundary: an aggregate of none": [{"aggregate_size": 0}, "no_applicable_permission"],
		"boundary: how many it covers is not stated": [{}, "missing_fact"],
		"boundary: an aggregate of two through which a company can be reached": [
			{"aggregate_size": 2, "can_contact_company": true},
			"no_applicable_permission",
		],
	}
	t.answer(_passed(["aggregated_data"], "partner_report", facts), "2-f") == expected
}

test_2_g[name] if {
	some name, [request, expected] in {
		"permitted: usage details that are not tied to an IP address are collected": [
			t.asks("collect", ["service_usage_details"], "improve_relevance", {"linked_to_ip": false}),
			"permitted",
		],
		"permitted: they are stored": [
			t.asks("store", ["search_queries"], "improve_relevance", {"linked_to_ip": false}),
			"permitted",
		],
		"refused: tied to an account, on no ground": [
			_usage("collect", {"processing_ground": "none"}),
			"condition_unmet",
		],
		"boundary: tied to an account, under the contract": [
			_usage("collect", {"processing_ground": "contract"}),
			"permitted",
		],
		"boundary: whether they are tied to an IP address is not stated": [
			t.asks("collect", ["service_usage_details"], "improve_relevance", {}),
			"missing_fact",
		],
	}
	t.answer(request, "2-g") == expected
}

test_2_h[name] if {
	some name, [request, expected] in {
		"permitted: usage details make results more relevant": [
			t.asks("use", ["service_usage_details"], "improve_relevance", {"consent": "absent", "linked_to_ip": false}),
			"permitted",
		],
		"refused: tied to an account, on no ground": [_usage("use", {"processing_ground": "none"}), "condition_unmet"],
		"boundary: tied to an account, and the ground is not stated": [_usage("use", {}), "missing_fact"],
		"boundary: tied to an account, under the contract": [_usage("use", {"processing_ground": "contract"}), "permitted"],
	}
	t.answer(request, "2-h") == expected
}

test_2_i[name] if {
	some name, [request, expected] in {
		"permitted: queries are tied to an IP address to keep the service's quality": [
			t.asks("use", ["search_queries", "ip_address"], "service_quality", {"linked_to_ip": true, "processing_ground": "contract"}),
			"permitted",
		],
		"refused: tied to an IP address, they go to a partner": [
			_passed(["search_queries"], "partner_report", {"linked_to_ip": true, "linked_to_company": false}),
			"condition_unmet",
		],
		"boundary: in-house for another purpose the usage details pass without the address": [
			t.asks("use", ["search_queries"], "improve_relevance", {"linked_to_ip": true}),
			"permitted",
		],
		"boundary: in-house for another purpose the address stays behind": [
			t.asks("use", ["search_queries", "ip_address"], "improve_relevance", {"linked_to_ip": true, "processing_ground": "contract"}),
			"mixed",
		],
		"boundary: whether they are tied to an IP address is not stated": [
			t.asks("use", ["search_queries"], "improve_relevance", {}),
			"missing_fact",
		],
		"boundary: for the quality of the service too the linked set needs a ground": [
			t.asks("use", ["search_queries", "ip_address"], "service_quality", {"linked_to_ip": true}),
			"missing_fact",
		],
	}
	t.answer(request, "2-i") == expected
}

test_2_i_the_link_is_removed[name] if {
	some name, [purpose, facts, expected] in {
		"in-house for another purpose": ["improve_relevance", {"linked_to_ip": true}, {"remove_ip_link"}],
		"not for the quality of the service": ["service_quality", {"linked_to_ip": true, "processing_ground": "contract"}, set()],
		"not where there is none": ["improve_relevance", {"linked_to_ip": false}, set()],
		"in-house for another purpose, while tied to an account too": [
			"improve_relevance",
			{"linked_to_ip": true, "linked_to_company": true, "processing_ground": "contract"},
			{"remove_ip_link"},
		],
	}
	request := t.asks("use", ["search_queries"], purpose, facts)
	t.context(request).reason == "permitted"
	t.obligations(request) & {"remove_ip_link"} == expected
}

test_2_i_who_else_gets_the_linked_set[name] if {
	some name, [recipient, purpose, facts, expected] in {
		"a bound provider, for the quality of the service": [
			"third_party_service_provider",
			"service_quality",
			{"processing_ground": "contract", "third_party_bound": true},
			"permitted",
		],
		"a provider that is not bound does not": [
			"third_party_service_provider",
			"service_quality",
			{"processing_ground": "contract", "third_party_bound": false},
			"obligation_unmet",
		],
		"an authority that demands it by law": [
			"government_body",
			"legal_process_response",
			{"legal_process": "court_order", "demand_scope": ["search_queries", "ip_address"]},
			"permitted",
		],
		"an authority that asks without force does not": [
			"government_body",
			"legal_process_response",
			{"legal_process": "none"},
			"condition_unmet",
		],
	}
	request := t.to(recipient, t.asks("disclose", ["search_queries", "ip_address"], purpose, object.union({"linked_to_ip": true}, facts)))
	t.context(request).reason == expected
}

test_2_j[name] if {
	some name, [request, expected] in {
		"permitted: usage goes to developers with explicit consent": [_to_developers({"consent": "explicit"}), "permitted"],
		"refused: there is no consent": [_to_developers({"consent": "absent"}), "condition_unmet"],
		"refused: the developer would advertise with it": [
			_developer("own_advertising_of_recipient"),
			"condition_unmet",
		],
		"refused: an aggregate of it goes to developers without consent": [
			t.to("software_developer", t.asks("disclose", ["aggregated_data"], "help_software_developers", {
				"consent": "absent",
				"derived_from": "device_app_usage",
				"aggregate_size": 1000,
			})),
			"condition_unmet",
		],
		"boundary: consent that only follows from what the company did": [_to_developers({"consent": "implied"}), "condition_unmet"],
		"boundary: whether there is consent is not stated": [_to_developers({}), "missing_fact"],
		"boundary: the consent covers something else": [
			_to_developers({"consent": "explicit", "consent_scope": "own_advertising"}),
			"condition_unmet",
		],
		"boundary: a developer keeps to what the consent is for": [_developer("help_software_developers"), "permitted"],
		"boundary: collecting it for developers needs the consent as well": [
			t.asks("collect", ["device_app_usage"], "help_software_developers", {"consent": "implied"}),
			"condition_unmet",
		],
		"boundary: it goes to developers for another purpose": [
			object.union(_to_developers({"consent": "explicit"}), {"context": {"purpose": "analytics"}}),
			"condition_unmet",
		],
	}
	t.answer(request, "2-j") == expected
}

# The consent is about developers: CSW's own use of the same data is free of it.
test_2_j_does_not_reach_csws_own_use if {
	request := t.asks("use", ["device_app_usage"], "improve_products_services", {"consent": "absent"})
	t.context(request).reason == "permitted"
}

test_2_k[name] if {
	some name, [request, expected] in {
		"permitted: what was joined is truly separated, and free again": [
			_passed(["zip_code", "language"], "any_purpose", {"separated": true, "join_key_retained": false}),
			"permitted",
		],
		"refused: a joined set goes to an advertiser": [
			_passed(["zip_code", "email_address"], "third_party_marketing", {"combined_with_company_info": true}),
			"prohibited",
		],
		"refused: activity that is tied to an account goes to an advertiser": [
			_passed(["activity_data"], "third_party_marketing", {"linked_to_company": true}),
			"prohibited",
		],
		"boundary: it was separated, and a key that joins it again was kept": [
			_passed(["zip_code"], "any_purpose", {"separated": true, "join_key_retained": true}),
			"condition_unmet",
		],
		"boundary: it was separated, and nobody says whether a key was kept": [
			_passed(["zip_code"], "any_purpose", {"separated": true}),
			"missing_fact",
		],
		"boundary: joined in-house, it serves CSW as company information does": [
			t.asks("use", ["zip_code", "email_address"], "own_advertising", {
				"combined_with_company_info": true,
				"processing_ground": "contract",
			}),
			"permitted",
		],
		"boundary: a mixed request outward, and nobody says whether it is joined": [
			_passed(["zip_code", "email_address"], "own_advertising", {
				"linked_to_company": false,
				"processing_ground": "contract",
				"third_party_bound": true,
			}),
			"missing_fact",
		],
	}
	t.answer(request, "2-k") == expected
}

test_2_k_joining_is_said_to_make_company_information[name] if {
	some name, [request, expected] in {
		"combining": [
			t.asks("combine", ["email_address", "activity_data"], "own_advertising", {"processing_ground": "contract"}),
			{"treat_as_company_information"},
		],
		"using what was not joined": [t.asks("use", ["activity_data"], "own_advertising", {}), set()],
	}
	t.context(request).reason == "permitted"
	t.obligations(request) == expected
}

_passed(categories, purpose, facts) := t.to("third_party", t.asks("disclose", categories, purpose, facts))

_linked_collected(categories, facts) := t.asks("collect", categories, "understand_customer_behaviour", object.union(
	{"processing_ground": "contract", "linked_to_company": true},
	facts,
))

_activity(facts) := t.asks("collect", ["activity_data"], "understand_customer_interest", object.union(
	{"linked_to_company": true},
	facts,
))

_summarised(facts) := t.asks("summarise", ["activity_data"], "understand_customer_interest", object.union(
	{"linked_to_company": true},
	facts,
))

_usage(action, facts) := t.asks(action, ["service_usage_details"], "improve_relevance", object.union(
	{"linked_to_company": true, "linked_to_ip": false},
	facts,
))

_to_developers(facts) := t.to("software_developer", t.asks("disclose", ["device_app_usage"], "help_software_developers", object.union(
	{"linked_to_company": false},
	facts,
)))

_developer(purpose) := t.by("software_developer", t.asks("use", ["device_app_usage"], purpose, {
	"consent": "explicit",
	"consent_scope": "help_software_developers",
}))
