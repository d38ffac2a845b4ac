package privacy.decision_test

import data.privacy.decision
import data.privacy.lib.testing_test as t

_remedies(request) := found if {
	answer := decision.decision with input as object.union(request, {"context": {"answer": "remedies"}})
	found := [step.facts | some step in answer.context.remedies]
}

_to_helper := t.to("third_party_service_provider", t.asks("disclose", ["company_name"], "deliver_products", {}))

test_what_is_missing_comes_first_with_each_value if {
	found := _remedies(_to_helper)
	{name | some i in numbers.range(0, 6); some name, _ in found[i]} == {"processing_ground"}
	{"processing_ground": "contract"} in found
}

test_what_a_clause_of_the_refusal_turns_on_is_named if {
	found := _remedies(_to_helper)
	{"third_party_bound": true} in found
	{"categories_needed": ["company_name"]} in found
	{"received_under": "3-a"} in found
}

test_a_value_that_is_stated_is_not_offered_again if {
	found := _remedies(t.knowing({"processing_ground": "none"}, _to_helper))
	not {"processing_ground": "none"} in found
	{"processing_ground": "contract"} in found
}

test_an_aggregate_may_be_large_enough if {
	asked := t.to("third_party", t.asks("disclose", ["aggregated_data"], "internal_research", {}))
	{"aggregate_size": 2} in _remedies(asked)
}

test_a_consent_may_be_for_what_is_asked if {
	facts := {"consent": "explicit", "consent_scope": "own_advertising", "linked_to_company": false}
	asked := t.to("software_developer", t.asks("disclose", ["device_app_usage"], "help_software_developers", facts))
	{"consent_scope": "help_software_developers"} in _remedies(asked)
}

test_nothing_is_offered_where_no_fact_helps[name] if {
	some name, request in {
		"a prohibition": t.to("third_party", t.asks("sell", ["company_name"], "resale", {})),
		"a prohibition of one of two": t.to("third_party", t.asks("sell", ["company_name", "time_zone"], "resale", {})),
		"an invalid request": t.asks("use", ["company_name"], "own_advertising", {"consent": 7}),
		"a permission": t.asks("use", ["company_name"], "fulfil_request", {"processing_ground": "contract"}),
	}
	_remedies(request) == []
}

test_nothing_is_offered_unasked if t.context(_to_helper).remedies == []
