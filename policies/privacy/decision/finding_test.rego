package privacy.decision_test.finding

import data.privacy.lib.testing_test as t

# What stands on both lists is judged by its linkage, and is company information while nobody speaks of it.
test_a_category_on_both_lists[name] if {
	some name, [request, expected] in {
		"linked to nobody, it is free": [_marketed({"linked_to_company": false}), ["permitted", []]],
		"linked to a company, it is company information": [_marketed({"linked_to_company": true}), ["prohibited", []]],
		"linked to nobody, but joined, it is company information": [
			_marketed({"linked_to_company": false, "combined_with_company_info": true}),
			["prohibited", []],
		],
		"nobody says, and as company information it would be refused": [_marketed({}), ["missing_fact", ["linked_to_company"]]],
		"nobody says, and as company information it passes": [
			t.asks("use", ["location"], "fulfil_request", {"processing_ground": "contract"}),
			["permitted", []],
		],
		"nobody says, and as company information it would want a ground": [
			t.asks("use", ["location"], "fulfil_request", {}),
			["missing_fact", ["linked_to_company", "processing_ground"]],
		],
		"nobody says, and no clause knows the purpose": [
			t.asks("use", ["device_id"], "anything_at_all", {"processing_ground": "contract"}),
			["missing_fact", ["linked_to_company"]],
		],
		"linked to a company, and no clause knows the purpose": [
			t.asks("use", ["device_id"], "anything_at_all", {"processing_ground": "contract", "linked_to_company": true}),
			["no_applicable_permission", []],
		],
	}
	context := t.context(request)
	[context.reason, context.missing_facts] == expected
}

test_what_is_free_until_it_is_joined_or_linked[name] if {
	some category in [
		"occupation",
		"language",
		"zip_code",
		"area_code",
		"referral_url",
		"time_zone",
		"activity_data",
		"other_product_activity",
		"search_queries",
		"service_usage_details",
		"device_app_usage",
		"aggregated_data",
	]
	some state, [facts, expected] in {
		"linked to nobody": [{"linked_to_company": false}, "permitted"],
		"linked": [{"linked_to_company": true}, "prohibited"],
		"joined": [{"combined_with_company_info": true}, "prohibited"],
	}
	name := $"{category}, {state}"
	request := t.to("third_party_advertiser", t.asks("disclose", [category], "third_party_marketing", object.union(
		{"aggregate_size": 1000, "linked_to_ip": false},
		facts,
	)))
	t.context(request).reason == expected
}

test_company_information_stays_that_whatever_is_said_of_it[name] if {
	some name in [
		"company_name",
		"phone_number",
		"email_address",
		"contact_preferences",
		"ip_address",
		"payment_information",
		"profile_information",
		"government_id",
		"activation_information",
		"uploaded_content",
		"all_company_information",
	]
	request := t.to("third_party_advertiser", t.asks("disclose", [name], "third_party_marketing", {
		"linked_to_company": false,
		"combined_with_company_info": false,
		"identifies_company": false,
		"can_contact_company": false,
	}))
	t.context(request).reason == "prohibited"
}

test_an_unlisted_category[name] if {
	some name, [request, expected] in {
		"of which nothing is known": [_unlisted("use", {}), ["missing_fact", ["identifies_company", "can_contact_company"]]],
		"of which half is known": [
			_unlisted("use", {"can_contact_company": false}),
			["missing_fact", ["identifies_company"]],
		],
		"proved free, in-house": [
			_unlisted("use", {"identifies_company": false, "can_contact_company": false}),
			["permitted", []],
		],
		"proved free, outward, and nobody says whether it is linked": [
			_unlisted("disclose", {"identifies_company": false, "can_contact_company": false}),
			["missing_fact", ["linked_to_company", "combined_with_company_info"]],
		],
		"that identifies a company": [_unlisted("use", {"identifies_company": true}), ["no_applicable_permission", []]],
		"sold, that identifies a company": [_unlisted("sell", {"identifies_company": true}), ["prohibited", []]],
		"linked to a company": [
			_unlisted("use", {"identifies_company": false, "can_contact_company": false, "linked_to_company": true}),
			["no_applicable_permission", []],
		],
	}
	context := t.context(request)
	[context.reason, context.missing_facts] == expected
}

test_who_gains_by_the_freer_regime[name] if {
	some name, [subject, expected] in {
		"CSW": ["csw", "permitted"],
		"its employees": ["csw_employee", "permitted"],
		"its data protection officer": ["data_protection_officer", "permitted"],
		"its affiliates": ["affiliate", "permitted"],
		"no company": ["company", "no_applicable_permission"],
		"no provider": ["third_party_service_provider", "no_applicable_permission"],
		"no developer": ["software_developer", "no_applicable_permission"],
		"no authority": ["government_body", "no_applicable_permission"],
		"no contractor": ["contractor", "no_applicable_permission"],
	}
	request := t.by(subject, t.asks("use", ["language"], "anything_at_all", {"affiliate_verified": true, "consent": "explicit"}))
	t.context(request).reason == expected
}

test_an_affiliate_gains_once_it_is_verified[name] if {
	some name, [facts, expected] in {
		"verified": [{"affiliate_verified": true}, ["permitted", []]],
		"not verified": [{"affiliate_verified": false}, ["condition_unmet", []]],
		"not stated": [{}, ["missing_fact", ["affiliate_verified"]]],
	}
	context := t.context(t.by("affiliate", t.asks("use", ["language"], "anything_at_all", facts)))
	[context.reason, context.missing_facts] == expected
}

test_whom_the_prohibitions_bind[name] if {
	some name, [subject, expected] in {
		"CSW": ["csw", "prohibited"],
		"its employees, trained or not": ["csw_employee", "prohibited"],
		"its data protection officer": ["data_protection_officer", "prohibited"],
		"its affiliates": ["affiliate", "prohibited"],
		"its providers": ["third_party_service_provider", "prohibited"],
		"its developers": ["software_developer", "prohibited"],
		"not the company itself": ["company", "no_applicable_permission"],
		"not other users": ["other_user", "no_applicable_permission"],
		"not somebody who may not act at all": ["contractor", "no_applicable_permission"],
	}
	request := t.by(subject, t.asks("sell", ["email_address"], "resale", {"affiliate_verified": true}))
	t.context(request).reason == expected
}

test_a_small_aggregate_is_company_information[name] if {
	some name, [facts, expected] in {
		"in-house, on a ground": [{"aggregate_size": 1, "processing_ground": "contract"}, "permitted"],
		"in-house, and no ground is stated": [{"aggregate_size": 1}, "missing_fact"],
		"in-house, large": [{"aggregate_size": 3}, "permitted"],
	}
	t.context(t.asks("use", ["aggregated_data"], "improve_products_services", facts)).reason == expected
}

test_what_passes_in_house_while_linked[name] if {
	some name, [action, category, purpose, facts, expected] in {
		"occupations are used to understand behaviour": ["use", "occupation", "understand_customer_behaviour", {}, "permitted"],
		"activity is used to see interests": ["use", "activity_data", "understand_customer_interest", {}, "permitted"],
		"usage makes results relevant": ["use", "search_queries", "improve_relevance", {"linked_to_ip": false}, "permitted"],
		"usage keeps the quality of the service": ["use", "search_queries", "service_quality", {"linked_to_ip": false}, "permitted"],
		"languages serve CSW's advertising": ["use", "language", "own_advertising", {}, "permitted"],
		"languages serve nothing that no clause describes": ["use", "language", "anything_at_all", {}, "no_applicable_permission"],
		"occupations are read by an affiliate": ["read", "occupation", "understand_customer_behaviour", {}, "permitted"],
	}
	request := t.asks(action, [category], purpose, object.union({"processing_ground": "contract", "linked_to_company": true}, facts))
	t.context(request).reason == expected
}

test_linked_device_usage_and_developers[name] if {
	some name, [request, expected] in {
		"collected for them without consent": [
			t.asks("collect", ["device_app_usage"], "help_software_developers", {
				"processing_ground": "contract",
				"linked_to_company": true,
				"consent": "absent",
			}),
			"condition_unmet",
		],
		"disclosed to them with consent: company information has no way there": [
			t.to("software_developer", t.asks("disclose", ["device_app_usage"], "help_software_developers", {
				"processing_ground": "contract",
				"linked_to_company": true,
				"consent": "explicit",
			})),
			"no_applicable_permission",
		],
	}
	t.context(request).reason == expected
}

test_what_a_developer_may_have[name] if {
	some name, [categories, purpose, facts, expected] in {
		"device usage, for what was consented to": [["device_app_usage"], "help_software_developers", {"consent": "explicit"}, "permitted"],
		"device usage, whose purpose is not stated": [["device_app_usage"], "", {"consent": "explicit"}, "missing_fact"],
		"an aggregate of it": [
			["aggregated_data"],
			"help_software_developers",
			{"consent": "explicit", "derived_from": "device_app_usage", "aggregate_size": 1000},
			"permitted",
		],
		"nothing else": [["email_address"], "help_software_developers", {"consent": "explicit"}, "no_applicable_permission"],
	}
	request := t.by("software_developer", t.asks("use", categories, purpose, facts))
	t.context(request).reason == expected
}

test_what_a_developer_would_use_it_for_has_to_be_stated if {
	request := t.by("software_developer", t.asks("use", ["device_app_usage"], "x", {"consent": "explicit"}))
	context := t.context(json.remove(request, ["/context/purpose"]))
	[context.reason, context.missing_facts] == ["missing_fact", ["purpose"]]
}

test_what_a_clause_names_and_nothing_lets_csw_collect[name] if {
	some name, [action, category, purpose, expected] in {
		"activation details are not collected": ["collect", "activation_information", "activation_services", "no_applicable_permission"],
		"they are stored for what 3-e names": ["store", "activation_information", "activation_services", "permitted"],
		"they are transmitted for it": ["transmit", "activation_information", "activation_services", "permitted"],
		"they serve nothing else": ["use", "activation_information", "own_advertising", "no_applicable_permission"],
		"uploads are not collected": ["collect", "uploaded_content", "illegal_content_screening", "no_applicable_permission"],
		"they are transmitted for the screening": ["transmit", "uploaded_content", "illegal_content_screening", "permitted"],
		"they serve nothing else ": ["use", "uploaded_content", "improve_products_services", "no_applicable_permission"],
		"all there is serves nothing in-house": ["use", "all_company_information", "improve_products_services", "no_applicable_permission"],
	}
	request := t.to("csw", t.asks(action, [category], purpose, {"processing_ground": "contract", "touchpoint": "create_id"}))
	t.context(request).reason == expected
}

test_where_the_purpose_is_not_stated[name] if {
	some name, [request, expected] in {
		"company information": [t.asks("use", ["email_address"], "", {"processing_ground": "contract"}), "missing_fact"],
		"non-company information": [t.asks("use", ["language"], "", {}), "permitted"],
		"company information outward": [
			t.to("third_party", t.asks("disclose", ["email_address"], "", {"processing_ground": "contract"})),
			"missing_fact",
		],
		"company information towards nobody in particular": [
			t.asks("disclose", ["email_address"], "", {"processing_ground": "contract"}),
			"missing_fact",
		],
		"an act that no purpose opens": [t.asks("publish", ["email_address"], "", {"processing_ground": "contract"}), "no_applicable_permission"],
		"from where CSW does not draw": [
			t.asks("collect", ["email_address"], "", {"processing_ground": "contract", "source": "data_broker"}),
			"no_applicable_permission",
		],
	}
	t.context(request).reason == expected
}

_marketed(facts) := t.to("third_party_advertiser", t.asks("disclose", ["location"], "third_party_marketing", facts))

_unlisted(action, facts) := t.to("third_party", t.asks(action, ["screen_size"], "anything_at_all", facts))
