package privacy.clauses_test.s1_1_collection

import data.privacy.lib.testing_test as t

test_1_1_a[name] if {
	some name, [request, expected] in {
		"permitted: payment data is collected at a purchase": [_collected("payment_information", "purchase"), "permitted"],
		"permitted: an email address is collected in a survey": [_collected("email_address", "survey"), "permitted"],
		"refused: there is no touchpoint at all": [_collected("phone_number", "none"), "condition_unmet"],
		"boundary: the touchpoint is not stated": [
			t.without(["touchpoint"], _collected("phone_number", "survey")),
			"missing_fact",
		],
		"boundary: asking for it is collecting it": [
			_request(_collected("phone_number", "none")),
			"condition_unmet",
		],
	}
	t.answer(request, "1.1-a") == expected
}

test_1_1_b[name] if {
	some name, [request, expected] in {
		"permitted: an IP address is in the range": [_collected("ip_address", "connect_service"), "permitted"],
		"permitted: a location is in the range, linked or not": [_collected("location", "connect_service"), "permitted"],
		"refused: a registration number is company information that the range does not list": [
			t.knowing({"identifies_company": true}, _collected("registration_number", "purchase")),
			"no_applicable_permission",
		],
		"boundary: payment data in product use, where basic contact details alone are in range": [
			_collected("payment_information", "product_use"),
			"condition_unmet",
		],
		"boundary: an item of which nobody says what it is": [_collected("registration_number", "purchase"), "missing_fact"],
	}
	t.answer(request, "1.1-b") == expected
}

test_1_1_c[name] if {
	some name, [touchpoint, expected] in {
		"permitted: profile data comes with contact over social media": ["contact_social_media", "permitted"],
		"refused: profile data is asked for at a purchase": ["purchase", "condition_unmet"],
		"boundary: profile data after contact by email, the nearest touchpoint": ["contact", "condition_unmet"],
		"boundary: profile data in product use, where basic contact details alone are in range": ["product_use", "condition_unmet"],
	}
	t.answer(_collected("profile_information", touchpoint), "1.1-c") == expected
}

test_1_1_c_is_asked_where_no_touchpoint_is_stated if {
	t.answer(t.without(["touchpoint"], _collected("profile_information", "contact")), "1.1-c") == "missing_fact"
}

test_1_1_d[name] if {
	some name, [request, expected] in {
		"permitted: an email address that the company gives in product use": [_collected("email_address", "product_use"), "permitted"],
		"permitted: a phone number that the inviter gives": [_invited("phone_number", "fulfil_request"), "permitted"],
		"refused: payment data that the inviter gives": [_invited("payment_information", "fulfil_request"), "condition_unmet"],
		"boundary: contact preferences are no basic contact details": [
			_collected("contact_preferences", "product_use"),
			"condition_unmet",
		],
		"boundary: an IP address while somebody is invited": [_collected("ip_address", "invite_others"), "condition_unmet"],
	}
	t.answer(request, "1.1-d") == expected
}

test_1_1_e[name] if {
	some name, [request, expected] in {
		"permitted: what a company gave serves its request": [_used("fulfil_request", "direct_from_company"), "permitted"],
		"refused: what an inviter gave does not serve CSW's advertising": [_used("own_advertising", "inviting_user"), "no_applicable_permission"],
		"refused: what a sharing user gave does not serve research": [
			t.knowing({"audience": "internal", "to_improve": true}, _used("internal_research", "sharing_user")),
			"no_applicable_permission",
		],
		"boundary: what an inviter gave serves a product or service": [_used("provide_products_services", "inviting_user"), "permitted"],
		"boundary: what an inviter gave stems from no online transaction, and so does not serve against fraud": [
			t.knowing(_fraud, _used("anti_fraud", "inviting_user")),
			"condition_unmet",
		],
	}
	t.answer(request, "1.1-e") == expected
}

# The closed list binds what another user gave; what the company itself gave may serve the purposes of 1.2 as well.
test_1_1_e_a_companys_own_information_serves_more if {
	t.context(_used("own_advertising", "direct_from_company")).reason == "permitted"
	t.context(t.without(["source"], _used("own_advertising", "direct_from_company"))).reason == "permitted"
}

test_1_1_f[name] if {
	some name, [request, expected] in {
		"permitted: local law asks for it, and the law is cited": [_identified("legal_compliance", {}), "permitted"],
		"refused: no local law asks for it": [
			_identified("legal_compliance", {"jurisdiction_requires_id": false}),
			"condition_unmet",
		],
		"refused: no law is cited": [_identified("legal_compliance", {"law_cited": false}), "condition_unmet"],
		"boundary: whether a law is cited is not stated": [
			t.without(["law_cited"], _identified("legal_compliance", {})),
			"missing_fact",
		],
		"boundary: whether local law asks for it is not stated": [
			t.without(["jurisdiction_requires_id"], _identified("legal_compliance", {})),
			"missing_fact",
		],
		"boundary: verifying identity is not complying with local law": [
			_identified("identity_verification", {}),
			"no_applicable_permission",
		],
	}
	t.answer(request, "1.1-f") == expected
}

test_1_1_f_reaches_four_acts_and_no_more[name] if {
	some name, expected in {
		"collect": "permitted",
		"use": "permitted",
		"verify": "permitted",
		"store": "permitted",
		"request": "permitted",
		"read": "no_applicable_permission",
		"summarise": "no_applicable_permission",
		"notify": "no_applicable_permission",
		"combine": "no_applicable_permission",
	}
	t.context(object.union(_identified("legal_compliance", {}), {"action": {"name": name}})).reason == expected
}

_request(request) := object.union(request, {"action": {"name": "request"}})

_collected(category, touchpoint) := t.asks("collect", [category], "fulfil_request", {
	"processing_ground": "contract",
	"touchpoint": touchpoint,
})

_invited(category, purpose) := t.asks("collect", [category], purpose, {
	"processing_ground": "contract",
	"touchpoint": "invite_others",
	"source": "inviting_user",
})

_used(purpose, source) := t.asks("use", ["email_address"], purpose, {"processing_ground": "contract", "source": source})

_identified(purpose, facts) := t.knowing(facts, t.asks("collect", ["government_id"], purpose, {
	"processing_ground": "legal_obligation",
	"touchpoint": "create_id",
	"jurisdiction_requires_id": true,
	"law_cited": true,
}))

_fraud := {"absolutely_necessary": true, "evaluation_done": true, "evaluation_outcome": "favourable"}
