package privacy.clauses_test.s5_2_commitment

import data.privacy.lib.testing_test as t

test_5_2_a[name] if {
	some name, [request, expected] in {
		"permitted: an employee who knows the guidelines serves a request": [
			_by("csw_employee", {"guidelines_conveyed": true}),
			"permitted",
		],
		"permitted: an employee who does not works on aggregates": [
			t.by("csw_employee", t.asks("use", ["aggregated_data"], "internal_data_analysis", {
				"guidelines_conveyed": false,
				"aggregate_size": 500,
			})),
			"permitted",
		],
		"refused: an employee was never given the guidelines": [
			_by("csw_employee", {"guidelines_conveyed": false}),
			"obligation_unmet",
		],
		"boundary: whether the employee knows them is not stated": [_by("csw_employee", {}), "missing_fact"],
		"boundary: the data protection officer is an employee too": [_by("data_protection_officer", {}), "missing_fact"],
		"boundary: a system of CSW's reads no guidelines": [_by("csw", {}), "permitted"],
	}
	t.against(request, "5.2-a") == expected
}

_by(subject, facts) := t.by(subject, t.asks("use", ["email_address"], "fulfil_request", object.union(
	{"processing_ground": "contract"},
	facts,
)))
