package privacy.clauses_test.s5_3_questions_and_changes

import data.privacy.lib.testing_test as t

test_5_3_a[name] if {
	some name, [request, expected] in {
		"permitted: a company complains about how its email address was used": [
			_of_company("complain", ["email_address"], "privacy_complaint"),
			"permitted",
		],
		"permitted: a company writes to the data protection officer": [
			_of_company("contact_dpo", ["email_address"], "privacy_complaint"),
			"permitted",
		],
		"refused: no clause grants a copy": [
			_of_company("access", ["email_address"], "access_request"),
			"no_applicable_permission",
		],
		"refused: no clause grants erasure": [
			_of_company("delete", ["email_address"], "erasure_request"),
			"no_applicable_permission",
		],
		"boundary: a complaint about nothing in particular": [
			_of_company("complain", [], "privacy_complaint"),
			"permitted",
		],
	}
	t.answer(request, "5.3-a") == expected
}

test_5_3_a_claims_go_to_a_person_all_the_same[name] if {
	some name in ["access", "delete", "complain", "contact_dpo"]
	t.obligations(_of_company(name, ["email_address"], "privacy_complaint")) == {"route_to_data_protection_officer"}
}

test_5_3_b[name] if {
	some name, [request, expected] in {
		"permitted: an employee looks into a complaint": [_handled("csw_employee", {"processing_ground": "contract"}), "permitted"],
		"permitted: the data protection officer does": [
			_handled("data_protection_officer", {"processing_ground": "legal_obligation"}),
			"permitted",
		],
		"refused: there is no ground to look at the data": [
			_handled("csw_employee", {"processing_ground": "none"}),
			"condition_unmet",
		],
		"boundary: the ground is not stated": [_handled("csw_employee", {}), "missing_fact"],
	}
	t.answer(request, "5.3-b") == expected
}

# Complaints are for people: neither a system of CSW's nor an affiliate handles them.
test_5_3_b_is_for_staff[name] if {
	some name, subject in {"a system": "csw", "an affiliate": "affiliate"}
	request := _handled(subject, {"processing_ground": "contract", "affiliate_verified": true})
	t.context(request).reason == "no_applicable_permission"
}

test_5_3_b_what_can_be_bettered_is if {
	t.obligations(_handled("csw_employee", {"processing_ground": "contract"})) == {"act_on_complaint_if_improvable"}
}

test_5_3_d[name] if {
	some name, [request, expected] in {
		"permitted: CSW changes a few words": [_changed({"change_significant": false}), "permitted"],
		"refused: CSW changes a lot, and announces nothing": [
			_changed({
				"change_significant": true,
				"announced_on_website": false,
				"registered_contact_notified": false,
			}),
			"obligation_unmet",
		],
		"boundary: how much it changes is not stated": [_changed({}), "permitted"],
	}
	t.answer(request, "5.3-d") == expected
}

test_5_3_d_the_agreement_is_csws_to_change[name] if {
	some name, subject in {"a company": "company", "an affiliate": "affiliate", "another user": "other_user"}
	t.context(t.by(subject, _changed({"change_significant": false}))).reason == "no_applicable_permission"
}

test_5_3_e[name] if {
	some name, [facts, expected] in {
		"permitted: a significant change is on the website": [
			{"change_significant": true, "announced_on_website": true, "registered_contact_notified": true},
			"permitted",
		],
		"refused: it is known not to be announced, though companies were told": [
			{"change_significant": true, "announced_on_website": false, "registered_contact_notified": true},
			"obligation_unmet",
		],
		"boundary: whether it is announced is not stated, and comes back as a duty": [{"change_significant": true}, "permitted"],
		"boundary: an insignificant change needs no announcement": [
			{"change_significant": false, "announced_on_website": false},
			"permitted",
		],
	}
	t.answer(_changed(facts), "5.3-e") == expected
}

test_5_3_f[name] if {
	some name, [facts, expected] in {
		"permitted: companies are told through their registered contact": [
			{"change_significant": true, "announced_on_website": true, "registered_contact_notified": true},
			"permitted",
		],
		"refused: they are known not to be told, though it is on the website": [
			{"change_significant": true, "announced_on_website": true, "registered_contact_notified": false},
			"obligation_unmet",
		],
		"boundary: whether they are told is not stated, and comes back as a duty": [
			{"change_significant": true, "announced_on_website": true},
			"permitted",
		],
		"boundary: how much it changes is not stated, and they are known not to be told": [
			{"registered_contact_notified": false},
			"obligation_unmet",
		],
	}
	t.answer(_changed(facts), "5.3-f") == expected
}

test_5_3_the_duties_of_a_change[name] if {
	some name, [facts, expected] in {
		"significant": [{"change_significant": true}, _all_duties],
		"not stated": [{}, _all_duties],
		"insignificant": [{"change_significant": false}, set()],
	}
	t.obligations(_changed(facts)) == expected
}

_all_duties := {"announce_on_website", "publish_updated_policy", "notify_via_registered_contact"}

_of_company(action, categories, purpose) := t.by("company", t.asks(action, categories, purpose, {}))

_handled(subject, facts) := t.by(subject, t.asks("use", ["email_address"], "complaint_handling", object.union(
	{"guidelines_conveyed": true},
	facts,
)))

_changed(facts) := t.asks("update_policy", [], "policy_change", facts)
