package privacy.decision_test.explanation

import data.privacy.decision
import data.privacy.lib.testing_test as t

_explained(request) := given.context.explanation if {
	given := decision.decision with input as object.union(request, {"context": {"answer": "explain"}})
}

test_a_permission_says_what_each_clause_found if {
	explanation := _explained(t.asks("use", ["email_address"], "loss_prevention", {"processing_ground": "contract"}))
	{[found.clause, found.finding] | some found in explanation} == {["1.2-b", "permitted"], ["1.2-j", "permitted"]}
	every found in explanation { startswith(found.says, found.clause) }
}

test_a_refusal_names_the_fact_that_is_missing if {
	explanation := _explained(t.asks("use", ["email_address"], "internal_audit", {"processing_ground": "contract"}))
	[found] := explanation
	found.clause == "1.2-u"
	found.finding == "missing_fact"
	contains(found.says, "it turns on audience, which was not given")
}

test_a_condition_that_does_not_hold_is_told_as_one if {
	explanation := _explained(t.asks("use", ["email_address"], "internal_audit", {
		"processing_ground": "contract",
		"audience": "external",
	}))
	[found] := explanation
	contains(found.says, "is stated not to hold")
}

test_what_is_out_of_scope_is_explained_for_each_category if {
	explanation := _explained(t.by("third_party_site", t.asks("collect", ["location", "email_address"], "own_service", {"collected_by": "third_party"})))
	[found.category | some found in explanation] == ["location", "email_address"]
	every found in explanation { found.finding == "out_of_scope" }
}

test_without_being_asked_nothing_is_explained if {
	given := decision.decision with input as t.asks("use", ["email_address"], "loss_prevention", {"processing_ground": "contract"})
	not "explanation" in object.keys(given.context)
}
