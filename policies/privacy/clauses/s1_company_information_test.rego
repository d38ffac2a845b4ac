package privacy.clauses_test.s1_company_information

import data.privacy.lib.testing_test as t

test_1_a[name] if {
	some name, [facts, expected] in {
		"permitted: an unlisted item that is proved neither to identify nor to reach a company": [
			{"identifies_company": false, "can_contact_company": false},
			"permitted",
		],
		"refused: an unlisted item that identifies a company": [{"identifies_company": true}, "no_applicable_permission"],
		"refused: an unlisted item that reaches a company without naming it": [
			{"identifies_company": false, "can_contact_company": true},
			"no_applicable_permission",
		],
		"boundary: of the two tests only one is said to fail": [{"identifies_company": false}, "missing_fact"],
		"boundary: nothing is said of either test": [{}, "missing_fact"],
	}
	t.answer(_used("registration_number", facts), "1-a") == expected
}

# A listed category needs no proof, and none can lift it from its list.
test_1_a_a_list_outranks_what_is_stated if {
	request := t.asks("publish", ["email_address"], "improve_products_services", {
		"identifies_company": false,
		"can_contact_company": false,
		"linked_to_company": false,
	})
	t.context(request).reason == "no_applicable_permission"
}

test_1_b[name] if {
	some name, [request, expected] in {
		"permitted: an affiliate in contact with a company asks it for contact details": [_asked, "permitted"],
		"permitted: CSW itself asks for them": [t.by("csw", _asked), "permitted"],
		"refused: a company is asked that is not in touch": [t.knowing({"touchpoint": "none"}, _asked), "condition_unmet"],
		"refused: the affiliate that asks is known not to be one": [
			t.knowing({"affiliate_verified": false}, _asked),
			"condition_unmet",
		],
		"boundary: nothing says how the company is in touch": [t.without(["touchpoint"], _asked), "missing_fact"],
		"boundary: an affiliate by its own word": [t.without(["affiliate_verified"], _asked), "missing_fact"],
	}
	t.answer(request, "1-b") == expected
}

test_1_c[name] if {
	some name, [request, expected] in {
		"permitted: CSW shares contact details with a verified affiliate": [_shared, "permitted"],
		"permitted: a verified affiliate shares them with CSW": [t.to("csw", t.by("affiliate", _shared)), "permitted"],
		"refused: the recipient is known to be no affiliate": [
			t.knowing({"affiliate_verified": false}, _shared),
			"condition_unmet",
		],
		"refused: the affiliate would advertise unrelated goods of its own": [
			_for("affiliate_own_advertising", _shared),
			"no_applicable_permission",
		],
		"boundary: an affiliate by its own word": [t.without(["affiliate_verified"], _shared), "missing_fact"],
		"boundary: a contractor is no affiliate": [t.by("contractor", _used("email_address", {})), "no_applicable_permission"],
	}
	t.answer(request, "1-c") == expected
}

test_1_d[name] if {
	some name, [request, expected] in {
		"permitted: contact details are joined to activity for CSW's own advertising": [_combined, "permitted"],
		"refused: the other half comes from a data broker": [
			t.knowing({"other_source": "data_broker"}, _combined),
			"no_applicable_permission",
		],
		"refused: joining to prevent losses is not joining to better products": [
			_for("loss_prevention", _combined),
			"no_applicable_permission",
		],
		"boundary: the other half comes from somebody who invited the company, which is a source CSW may draw on": [
			_for("provide_products_services", t.knowing({"other_source": "inviting_user"}, _combined)),
			"permitted",
		],
		"boundary: the ground for joining is not stated": [t.without(["processing_ground"], _combined), "missing_fact"],
	}
	t.answer(request, "1-d") == expected
}

test_1_e[name] if {
	some name, [request, expected] in {
		"permitted: a company withholds its government identification": [_declined, "permitted"],
		"refused: CSW collects what the company declined to give": [_collected_anyway, "condition_unmet"],
		"refused: nobody but the company declines in its place": [t.by("csw", _declined), "no_applicable_permission"],
		"boundary: asking again for what was declined is collecting it": [
			object.union(_collected_anyway, {"action": {"name": "request"}}),
			"condition_unmet",
		],
		"boundary: what the company declined once more, but CSW holds, is used": [
			object.union(_collected_anyway, {"action": {"name": "use"}}),
			"permitted",
		],
	}
	_answer_1_e(name, request) == expected
}

# Use of what is held, and a claim to another's right, are not about declining: they are decided elsewhere.
_answer_1_e(name, request) := t.context(request).reason if {
	contains(name, "CSW holds")
} else := t.context(request).reason if {
	contains(name, "nobody but the company")
} else := t.answer(request, "1-e")

test_1_f[name] if {
	some name, [facts, expected] in {
		"permitted: CSW does not serve where what was withheld is needed for it": [
			{"company_declined": true, "information_needed_for_service": true},
			"permitted",
		],
		"permitted: CSW does not serve an account that breaks the agreement": [{"account_complies": false}, "permitted"],
		"refused: CSW refuses service over a skipped survey": [
			{"company_declined": true, "information_needed_for_service": false},
			"condition_unmet",
		],
		"refused: nothing was withheld": [
			{"company_declined": false, "information_needed_for_service": true},
			"condition_unmet",
		],
		"boundary: whether the service needs it is not stated": [{"company_declined": true}, "missing_fact"],
	}
	t.answer(t.asks("refuse_service", ["contact_preferences"], "improve_products_services", facts), "1-f") == expected
}

test_1_f_warns_unless_the_item_is_not_needed[name] if {
	some name, [facts, expected] in {
		"needed": [{"information_needed_for_service": true}, {"warn_service_may_be_unavailable"}],
		"not stated": [{}, {"warn_service_may_be_unavailable"}],
		"not needed": [{"information_needed_for_service": false}, set()],
	}
	t.obligations(t.knowing(facts, _declined)) == expected
}

_for(purpose, request) := object.union(request, {"context": {"purpose": purpose}})

_used(category, facts) := t.asks("use", [category], "improve_products_services", facts)

_asked := t.by("affiliate", t.asks("request", ["company_name", "email_address"], "fulfil_request", {
	"processing_ground": "contract",
	"touchpoint": "contact",
	"affiliate_verified": true,
}))

_shared := t.to("affiliate", t.asks("share", ["company_name", "email_address"], "provide_products_services", {
	"processing_ground": "contract",
	"affiliate_verified": true,
}))

_combined := t.asks("combine", ["email_address", "activity_data"], "own_advertising", {
	"processing_ground": "legitimate_interests",
	"necessity_judged": true,
})

_declined := t.by("company", t.asks("decline_to_provide", ["government_id"], "company_choice", {}))

_collected_anyway := t.asks("collect", ["email_address"], "fulfil_request", {
	"processing_ground": "contract",
	"touchpoint": "purchase",
	"company_declined": true,
})
