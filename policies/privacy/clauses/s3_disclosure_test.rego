package privacy.clauses_test.s3_disclosure

import data.privacy.lib.testing_test as t

test_3_a[name] if {
	some name, [request, expected] in {
		"permitted: a courier gets name and place to deliver": [_delivered({}), "permitted"],
		"permitted: the courier uses them for the delivery": [_received({"received_under": "3-a"}), "permitted"],
		"refused: a third party would better its own products": [
			_for("improve_third_party_products", _delivered({})),
			"no_applicable_permission",
		],
		"refused: an affiliate does not pass it to its own vendor": [
			t.knowing({"affiliate_verified": true}, t.by("affiliate", _delivered({}))),
			"no_applicable_permission",
		],
		"refused: somebody but CSW benefits": [
			_delivered({"beneficiary": "third_party"}),
			"condition_unmet",
		],
		"refused: the courier uses what it got for a check": [_received({"received_under": "1.3-c"}), "condition_unmet"],
		"boundary: of what is asked only a part is needed": [
			_delivered({"categories_needed": ["company_name"]}),
			"mixed",
		],
		"boundary: nothing of what is asked is needed": [_delivered({"categories_needed": []}), "condition_unmet"],
		"boundary: under which clause the courier got it is not stated": [_received({}), "missing_fact"],
		"boundary: the courier passes it on": [
			object.union(t.to("third_party", _received({"received_under": "3-a"})), {"action": {"name": "disclose"}}),
			"no_applicable_permission",
		],
		"boundary: to whom it goes is not stated": [
			json.remove(_delivered({}), ["/context/recipient"]),
			"missing_fact",
		],
	}
	t.answer(request, "3-a") == expected
}

test_3_a_does_not_open_what_another_act_hides if {
	request := t.asks("use", ["email_address"], "provide_products_services", {
		"processing_ground": "contract",
		"disclosed_to_third_party": true,
	})
	t.answer(request, "3-a") == "condition_unmet"
}

test_3_b[name] if {
	some name, [facts, expected] in {
		"permitted: the courier is bound to the relevant laws": [{"third_party_bound": true}, "permitted"],
		"refused: the courier is known not to be bound": [{"third_party_bound": false}, "obligation_unmet"],
		"boundary: whether it is bound is not stated, and comes back as a duty": [{}, "permitted"],
	}
	t.answer(t.knowing(facts, t.without(["third_party_bound"], _delivered({}))), "3-b") == expected
}

test_3_b_binding_comes_along_whether_stated_or_not[name] if {
	some name, facts in {"stated": {"third_party_bound": true}, "not stated": {}}
	request := t.knowing(facts, t.without(["third_party_bound"], _delivered({})))
	t.obligations(request) == {"bind_third_party_to_relevant_law", "protect_in_transmission"}
}

test_3_c[name] if {
	some name, [request, expected] in {
		"permitted: what is not sold is shared with an affiliate": [
			t.to("affiliate", t.asks("share", ["email_address"], "provide_products_services", {
				"processing_ground": "contract",
				"affiliate_verified": true,
				"consideration": false,
			})),
			"permitted",
		],
		"permitted: customer data passes with the whole business, for its price": [
			_deal({"corporate_event": "sale_of_business", "consideration": true}),
			"permitted",
		],
		"refused: contact details are sold": [
			t.asks("sell", ["email_address"], "resale", {"consideration": true}),
			"prohibited",
		],
		"refused: they are sold to an affiliate with the company's consent": [
			t.to("affiliate", t.asks("sell", ["email_address"], "resale", {"affiliate_verified": true, "consent": "explicit"})),
			"prohibited",
		],
		"refused: they are bartered for hosting": [
			t.to("third_party", t.asks("disclose", ["email_address"], "data_exchange_for_value", {})),
			"prohibited",
		],
		"boundary: the customer list is all that changes hands": [
			_deal({"corporate_event": "sale_of_data_only"}),
			"prohibited",
		],
		"boundary: something is given in return, for a purpose that is granted": [_delivered({"consideration": true}), "prohibited"],
		"boundary: a business is sold, but the data serves something else": [
			_delivered({"consideration": true, "corporate_event": "sale_of_business"}),
			"prohibited",
		],
	}
	t.against(request, "3-c") == expected
}

test_3_d[name] if {
	some name, [request, expected] in {
		"permitted: an agency advertises CSW's goods alone": [_campaign("own_advertising", {"beneficiary": "csw"}), "permitted"],
		"permitted: zip codes that are linked to nobody go to an advertiser": [
			t.to("third_party_advertiser", t.asks("disclose", ["zip_code"], "third_party_marketing", {"linked_to_company": false})),
			"permitted",
		],
		"refused: an advertiser gets email addresses with consent": [
			_campaign("third_party_marketing", {"consent": "explicit"}),
			"prohibited",
		],
		"refused: the data protection officer passes them on": [
			t.knowing({"guidelines_conveyed": true}, t.by("data_protection_officer", _campaign("third_party_marketing", {}))),
			"prohibited",
		],
		"refused: a verifier markets what it got for a check": [
			t.by("third_party_service_provider", t.asks("use", ["email_address"], "third_party_marketing", {"received_under": "1.3-c"})),
			"prohibited",
		],
		"boundary: a joint campaign is in part another's": [_campaign("joint_marketing", {}), "prohibited"],
		"boundary: by the name of CSW's advertising, from which others benefit too": [
			_campaign("own_advertising", {"beneficiary": "csw_and_third_party"}),
			"prohibited",
		],
		"boundary: who benefits is not stated, and so is CSW": [_campaign("own_advertising", {}), "permitted"],
	}
	t.against(request, "3-d") == expected
}

test_3_e[name] if {
	some name, [request, expected] in {
		"permitted: activation details of a registered company go to the party that serves it": [_activated({}), "permitted"],
		"refused: the company never registered": [_activated({"registered": false}), "condition_unmet"],
		"refused: the recipient is not needed for the service": [_activated({"recipient_relevant": false}), "condition_unmet"],
		"refused: the details do not stem from activation": [_activated({"source": "survey"}), "condition_unmet"],
		"refused: the party is known not to be bound": [_activated({"third_party_bound": false}), "obligation_unmet"],
		"boundary: whether the recipient is needed is not stated": [
			t.without(["recipient_relevant"], _activated({})),
			"missing_fact",
		],
		"boundary: whether the company registered is not stated": [t.without(["registered"], _activated({})), "missing_fact"],
		"boundary: where the details stem from is not stated": [t.without(["source"], _activated({})), "missing_fact"],
		"boundary: CSW stores them itself, on a ground": [
			t.asks("store", ["activation_information"], "activation_services", {"processing_ground": "contract"}),
			"permitted",
		],
		"boundary: the party that got them serves the company": [
			t.by("third_party_service_provider", t.asks("use", ["activation_information"], "activation_services", {"received_under": "3-e"})),
			"permitted",
		],
	}
	t.answer(request, "3-e") == expected
}

test_3_f[name] if {
	some name, [facts, expected] in {
		"permitted: the account keeps to the agreement": [{"account_complies": true}, "permitted"],
		"refused: the account is known to break it": [{"account_complies": false}, "condition_unmet"],
		"boundary: nothing is said of the account": [{}, "permitted"],
	}
	t.answer(t.by("company", t.asks("use_service", ["company_name"], "use_service", facts)), "3-f") == expected
}

test_3_g[name] if {
	some name, [facts, expected] in {
		"permitted: a court orders it": [{"legal_process": "court_order", "demand_scope": ["email_address"]}, "permitted"],
		"permitted: a foreign authority demands it, over the company's objection": [
			{"legal_process": "foreign_government_requirement", "demand_scope": ["email_address"], "consent": "absent"},
			"permitted",
		],
		"refused: nothing with legal force demands it": [{"legal_process": "none"}, "condition_unmet"],
		"refused: the demand is for something else": [
			{"legal_process": "court_order", "demand_scope": ["company_name"]},
			"condition_unmet",
		],
		"boundary: how far the demand reaches is not stated": [{"legal_process": "court_order"}, "missing_fact"],
		"boundary: the demand reaches nothing": [{"legal_process": "law", "demand_scope": []}, "condition_unmet"],
		"boundary: what demands it is not stated": [{}, "missing_fact"],
	}
	t.answer(_public("legal_process_response", facts), "3-g") == expected
}

test_3_g_item_by_item if {
	request := json.patch(
		_public("legal_process_response", {"legal_process": "court_order", "demand_scope": ["email_address"]}),
		[{"op": "add", "path": "/resource/properties/categories/-", "value": "payment_information"}],
	)
	t.context(request).permitted == ["email_address"]
	[[denied.category, denied.reason] | some denied in t.context(request).denied] == [["payment_information", "condition_unmet"]]
	t.obligations(request) == {"limit_to_scope_of_demand", "protect_in_transmission"}
}

test_3_g_a_demand_reaches_what_else_stays[name] if {
	some name, category in {
		"government identification": "government_id",
		"uploads": "uploaded_content",
		"activation details": "activation_information",
		"all there is": "all_company_information",
	}
	request := t.to("government_body", t.asks("disclose", [category], "legal_process_response", {
		"legal_process": "law",
		"demand_scope": [category],
	}))
	t.context(request).reason == "permitted"
}

test_3_g_the_limit_comes_with_non_company_information_too if {
	request := t.to("government_body", t.asks("disclose", ["language"], "legal_process_response", {
		"legal_process": "law",
		"demand_scope": ["language"],
		"linked_to_company": false,
	}))
	t.context(request).reason == "permitted"
	t.obligations(request) == {"limit_to_scope_of_demand"}
}

test_3_h[name] if {
	some name, [request, expected] in {
		"permitted: the police ask without force, and CSW determined the need": [
			_public("law_enforcement", {"legal_process": "none", "determination": "recorded"}),
			"permitted",
		],
		"permitted: a weighty matter is served through somebody who is no agency": [
			t.to("third_party", _public("public_importance", {"determination": "recorded"})),
			"permitted",
		],
		"refused: CSW determined that there is no need": [
			_public("national_security", {"determination": "negative"}),
			"condition_unmet",
		],
		"refused: CSW determined nothing": [_public("national_security", {"determination": "none"}), "condition_unmet"],
		"boundary: whether CSW determined anything is not stated": [_public("national_security", {}), "missing_fact"],
		"boundary: no legal basis is cited, which the next clause alone asks for": [
			_public("national_security", {"determination": "recorded", "legal_basis_cited": false}),
			"permitted",
		],
	}
	t.answer(request, "3-h") == expected
}

test_3_i[name] if {
	some name, [facts, expected] in {
		"permitted: CSW determined that its terms have to be enforced, on a legal basis": [
			{"determination": "recorded", "legal_basis_cited": true},
			"permitted",
		],
		"refused: CSW determined that it is not necessary": [
			{"determination": "negative", "legal_basis_cited": true},
			"condition_unmet",
		],
		"boundary: whether CSW determined anything is not stated": [{"legal_basis_cited": true}, "missing_fact"],
		"boundary: a determination without a legal basis": [
			{"determination": "recorded", "legal_basis_cited": false},
			"condition_unmet",
		],
	}
	t.answer(t.to("third_party", _public("enforce_terms", facts)), "3-i") == expected
}

test_3_j[name] if {
	some name, [request, expected] in {
		"permitted: users are protected on a legal basis": [
			_public("protect_business_users", {"determination": "recorded", "legal_basis_cited": true}),
			"permitted",
		],
		"refused: no legal basis is cited": [
			_public("protect_business_users", {"determination": "recorded", "legal_basis_cited": false}),
			"condition_unmet",
		],
		"boundary: whether a legal basis is cited is not stated": [
			_public("protect_business_users", {"determination": "recorded"}),
			"missing_fact",
		],
	}
	t.answer(request, "3-j") == expected
}

test_3_k[name] if {
	some name, [purpose, facts, expected] in {
		"permitted: an agency is the recipient of what it demands": [
			"legal_process_response",
			{"legal_process": "government_requirement", "demand_scope": ["email_address"]},
			"permitted",
		],
		"refused: an agency gets nothing that CSW did not determine": ["national_security", {"determination": "negative"}, "condition_unmet"],
		"boundary: an agency lowers no condition, and the legal basis is not stated": [
			"enforce_terms",
			{"determination": "recorded"},
			"missing_fact",
		],
		"boundary: an agency gets what somebody else may get": [
			"enforce_terms",
			{"determination": "recorded", "legal_basis_cited": true},
			"permitted",
		],
	}
	t.answer(_public(purpose, facts), "3-k") == expected
}

test_3_l[name] if {
	some name, [request, expected] in {
		"permitted: everything passes to a party of a merger that is completed": [_deal({}), "permitted"],
		"permitted: a reorganisation moves it to a new entity": [_deal({"corporate_event": "reorganisation"}), "permitted"],
		"refused: the merger is under negotiation": [_deal({"event_status": "negotiation"}), "condition_unmet"],
		"refused: the recipient is no party to it": [_deal({"recipient_party_to_event": false}), "condition_unmet"],
		"boundary: the merger is signed, and not completed": [_deal({"event_status": "signed"}), "permitted"],
		"boundary: how far it got is not stated": [t.without(["event_status"], _deal({})), "missing_fact"],
		"boundary: whether the recipient is a party to it is not stated": [
			t.without(["recipient_party_to_event"], _deal({})),
			"missing_fact",
		],
		"boundary: what happens to the business is not stated": [t.without(["corporate_event"], _deal({})), "missing_fact"],
	}
	t.answer(request, "3-l") == expected
}

_for(purpose, request) := object.union(request, {"context": {"purpose": purpose}})

_delivered(facts) := t.to("third_party_service_provider", t.asks("disclose", ["company_name", "payment_information"], "deliver_products", object.union(
	{"processing_ground": "contract", "third_party_bound": true},
	facts,
)))

_received(facts) := t.by("third_party_service_provider", t.asks("use", ["company_name"], "deliver_products", object.union(
	{"third_party_bound": true},
	facts,
)))

_campaign(purpose, facts) := t.to("third_party_service_provider", t.asks("disclose", ["email_address"], purpose, object.union(
	{"processing_ground": "contract", "third_party_bound": true},
	facts,
)))

_activated(facts) := t.to("third_party_service_provider", t.asks("exchange", ["activation_information"], "activation_services", object.union(
	{"registered": true, "recipient_relevant": true, "source": "activation", "third_party_bound": true},
	facts,
)))

_public(purpose, facts) := t.to("government_body", t.asks("disclose", ["email_address"], purpose, facts))

_deal(facts) := t.to("merger_buyer", t.asks("transfer", ["all_company_information"], "corporate_restructuring", object.union(
	{"corporate_event": "merger", "event_status": "completed", "recipient_party_to_event": true},
	facts,
)))
