package privacy.clauses_test.s4_protection

import data.privacy.lib.testing_test as t

test_4_a[name] if {
	some name, [request, expected] in {
		"permitted: it is transmitted under protection": [_moved("transmit", {"transmission_protected": true}), "permitted"],
		"refused: it is transmitted in the clear": [_moved("transmit", {"transmission_protected": false}), "obligation_unmet"],
		"refused: it is collected in the clear": [
			t.asks("collect", ["email_address"], "fulfil_request", {
				"processing_ground": "contract",
				"touchpoint": "purchase",
				"transmission_protected": false,
			}),
			"obligation_unmet",
		],
		"boundary: whether it is protected is not stated, and comes back as a duty": [_moved("transmit", {}), "permitted"],
		"boundary: a check with a third party moves it too": [
			t.to("third_party_service_provider", t.asks("verify", ["email_address"], "account_network_security", {
				"processing_ground": "contract",
				"source": "id_creation",
				"transmission_protected": false,
			})),
			"obligation_unmet",
		],
	}
	t.answer(request, "4-a") == expected
}

test_4_a_which_acts_move_it[name] if {
	some name, [action, expected] in {
		"sharing inside the group": ["share", "obligation_unmet"],
		"disclosing": ["disclose", "obligation_unmet"],
		"exchanging": ["exchange", "obligation_unmet"],
		"transferring": ["transfer", "obligation_unmet"],
		"transmitting": ["transmit", "obligation_unmet"],
		"notifying": ["notify", "obligation_unmet"],
		"using moves nothing": ["use", "permitted"],
		"reading moves nothing": ["read", "permitted"],
	}
	t.context(_moved(action, {"transmission_protected": false})).reason == expected
}

test_4_a_protection_is_a_duty_of_what_moves[name] if {
	some name, [action, expected] in {
		"sharing inside the group": ["share", {"protect_in_transmission"}],
		"a notice to the company": ["notify", {"protect_in_transmission"}],
		"use": ["use", set()],
	}
	t.obligations(_moved(action, {})) == expected
}

test_4_b[name] if {
	some name, [facts, expected] in {
		"permitted: few may enter the systems": [{"storage_limited_access": true}, "permitted"],
		"refused: anybody may enter them": [{"storage_limited_access": false}, "obligation_unmet"],
		"boundary: who may enter them is not stated, and comes back as a duty": [{}, "permitted"],
	}
	t.answer(_stored(facts), "4-b") == expected
}

test_4_c[name] if {
	some name, [facts, expected] in {
		"permitted: the premises are secured": [{"storage_physical_security": true}, "permitted"],
		"refused: they are not, though few may enter the systems": [
			{"storage_limited_access": true, "storage_physical_security": false},
			"obligation_unmet",
		],
		"boundary: whether they are secured is not stated, and comes back as a duty": [
			{"storage_limited_access": true},
			"permitted",
		],
	}
	t.answer(_stored(facts), "4-c") == expected
}

test_4_c_storing_brings_both_safeguards_along if {
	t.obligations(_stored({})) == {"store_on_limited_access_systems", "store_in_physically_secured_facility"}
}

test_4_d[name] if {
	some name, [request, expected] in {
		"permitted: another user reads what a company shared": [_seen("read", {"shared_by_company": true}), "permitted"],
		"permitted: another user gathers it": [_seen("collect", {"shared_by_company": true}), "permitted"],
		"refused: the company did not share it": [_seen("use", {"shared_by_company": false}), "condition_unmet"],
		"refused: another user sells what a company shared": [
			_seen("sell", {"shared_by_company": true}),
			"no_applicable_permission",
		],
		"boundary: whether the company shared it is not stated": [_seen("read", {}), "missing_fact"],
		"boundary: another user publishes once more what a company shared": [
			_seen("publish", {"shared_by_company": true}),
			"no_applicable_permission",
		],
	}
	t.answer(request, "4-d") == expected
}

test_4_e[name] if {
	some name, [request, expected] in {
		"permitted: a company publishes what is its own": [_published("self_publication", {"owner": "self"}), "permitted"],
		"refused: it publishes what is another's": [
			_published("self_publication", {"owner": "other_company"}),
			"condition_unmet",
		],
		"boundary: whose it is is not stated": [_published("self_publication", {}), "missing_fact"],
		"boundary: sharing for another purpose is no publication of its own": [
			_published("own_advertising", {"owner": "self"}),
			"no_applicable_permission",
		],
		"boundary: what it publishes for is not stated": [
			json.remove(_published("x", {"owner": "self"}), ["/context/purpose"]),
			"missing_fact",
		],
	}
	_answer_4_e(request) == expected
}

# Where nothing is said of the purpose it is not yet known to be this clause's.
_answer_4_e(request) := t.answer(request, "4-e") if {
	request.context.purpose
} else := t.context(request).reason

test_4_e_the_company_answers_for_it if {
	t.obligations(_published("self_publication", {"owner": "self"})) == {"company_bears_responsibility"}
}

test_4_f[name] if {
	some name, [facts, expected] in {
		"permitted: both details were posted": [{"shared_categories": ["company_name", "email_address"]}, "permitted"],
		"permitted: the company shared what is asked": [{"shared_by_company": true}, "permitted"],
		"refused: other details were posted": [{"shared_categories": ["location"]}, "condition_unmet"],
		"boundary: one of the two details was posted": [{"shared_categories": ["company_name"]}, "mixed"],
		"boundary: nothing was posted": [{"shared_categories": []}, "condition_unmet"],
	}
	request := t.by("other_user", t.asks("read", ["company_name", "email_address"], "fulfil_request", facts))
	t.answer(request, "4-f") == expected
}

# What is public stays company information for CSW.
test_4_f_publicity_is_no_consent_to_marketing if {
	request := t.to("third_party_advertiser", t.asks("disclose", ["email_address"], "third_party_marketing", {"shared_by_company": true}))
	t.context(request).reason == "prohibited"
}

_moved(action, facts) := t.to("csw", t.asks(action, ["email_address"], "provide_products_services", object.union(
	{"processing_ground": "contract"},
	facts,
)))

_stored(facts) := t.asks("store", ["email_address"], "provide_products_services", object.union(
	{"processing_ground": "contract"},
	facts,
))

_seen(action, facts) := t.by("other_user", t.asks(action, ["email_address"], "any_purpose", facts))

_published(purpose, facts) := t.by("company", t.asks("publish", ["email_address"], purpose, facts))
