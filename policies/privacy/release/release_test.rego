package privacy.release_test

import data.privacy.decision.decision
import data.privacy.release

test_a_note_states_what_has_come_to_pass[name] if {
	some name, [note, expected] in {
		"nothing but whether it matters": [{}, {}],
		"all of it was done": [
			{"announced": {"where": "news", "date": "2026-01-01"}, "told": {"how": "mail", "date": "2025-12-31"}},
			{"announced_on_website": true, "registered_contact_notified": true},
		],
		"all of it is to come": [
			{"announced": {"where": "news", "date": "2026-01-02"}, "told": {"how": "mail", "date": "2026-02-01"}},
			{"announced_on_website": false, "registered_contact_notified": false},
		],
		"nothing will be done": [
			{"announced": false, "told": false},
			{"announced_on_website": false, "registered_contact_notified": false},
		],
	}
	asked := release.asks with input as _release(note)
	asked.problems == []
	asked.evaluation.context.facts == object.union({"change_significant": true}, expected)
}

test_what_is_wrong_with_a_note_is_named[name] if {
	some name, [note, expected] in {
		"an unknown key": [{"shouted": true}, {"shouted": "unknown"}],
		"nothing is said": [{"says": " "}, {"says": "missing, or not a text"}],
		"significance of another type": [{"significant": "yes"}, {"significant": "missing, or not true or false"}],
		"a promise instead of a day": [{"announced": "soon"}, {"announced": "not false, nor what was done"}],
		"no place": [{"announced": {"date": "2026-01-01"}}, {"announced.where": "not a text"}],
		"no day": [{"told": {"how": "mail"}}, {"told.date": "not a day such as 2027-01-31"}],
		"a day that there is not": [
			{"told": {"how": "mail", "date": "2026-13-01"}},
			{"told.date": "not a day such as 2027-01-31"},
		],
	}
	{problem.at: problem.is | some problem in release.asks.problems with input as _release(note)} == expected
}

test_what_a_note_must_have_is_missed if {
	asked := release.asks with input as {"note": {}, "environment": {"date": "2026-01-01"}}
	{problem.at | some problem in asked.problems} == {"says", "significant"}
}

test_the_agreement_decides_on_the_release[name] if {
	some name, [note, expected] in {
		"a significant change that was announced and told": [
			{"announced": {"where": "news", "date": "2026-01-01"}, "told": {"how": "mail", "date": "2026-01-01"}},
			"permitted",
		],
		"a significant change that nobody heard of": [{"announced": false, "told": false}, "obligation_unmet"],
		"a significant change that only the website has": [
			{"announced": {"where": "news", "date": "2026-01-01"}, "told": false},
			"obligation_unmet",
		],
		"a change that matters to nobody": [{"significant": false, "announced": false, "told": false}, "permitted"],
	}
	evaluation := release.asks.evaluation with input as _release(note)
	answer := decision with input as object.union(evaluation, {"environment": {"date": "2026-01-01"}})
	answer.context.reason == expected
}

_release(note) := {
	"note": object.union({"says": "a clause is read otherwise", "significant": true}, note),
	"environment": {"date": "2026-01-01"},
}
