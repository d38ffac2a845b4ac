package privacy.clauses_test.s1_2_usage

import data.privacy.lib.testing_test as t

test_1_2_a[name] if {
	some name, [request, expected] in {
		"permitted: CSW keeps an invoice because the law says so": [_complying({"processing_ground": "legal_obligation"}), "permitted"],
		"refused: it is stated that there is no ground": [_complying({"processing_ground": "none"}), "condition_unmet"],
		"boundary: no ground is stated": [_complying({}), "missing_fact"],
		"boundary: a legal duty stands without the company's consent": [
			_complying({"processing_ground": "legal_obligation", "consent": "withdrawn"}),
			"permitted",
		],
	}
	t.answer(request, "1.2-a") == expected
}

test_1_2_b[name] if {
	some name, [request, expected] in {
		"permitted: an order is carried out under the contract": [_serving({"processing_ground": "contract"}), "permitted"],
		"refused: it is stated that there is no ground": [_serving({"processing_ground": "none"}), "condition_unmet"],
		"boundary: the contract is enough where there is no consent": [
			_serving({"processing_ground": "contract", "consent": "absent"}),
			"permitted",
		],
		"boundary: no ground is stated": [_serving({"consent": "absent"}), "missing_fact"],
	}
	t.answer(request, "1.2-b") == expected
}

test_1_2_c[name] if {
	some name, [request, expected] in {
		"permitted: a company is warned to protect its vital interests": [_securing({"processing_ground": "vital_interests"}), "permitted"],
		"refused: it is stated that there is no ground": [_securing({"processing_ground": "none"}), "condition_unmet"],
		"boundary: vital interests stand without consent": [
			_securing({"processing_ground": "vital_interests", "consent": "absent"}),
			"permitted",
		],
		"boundary: no ground is stated": [_securing({}), "missing_fact"],
	}
	t.answer(request, "1.2-c") == expected
}

test_1_2_d[name] if {
	some name, [facts, expected] in {
		"permitted: CSW's interest was judged to need it": [{"necessity_judged": true}, "permitted"],
		"refused: it was judged not to need it": [{"necessity_judged": false}, "condition_unmet"],
		"boundary: the interest is claimed, and no judgement stated": [{}, "missing_fact"],
	}
	t.answer(_serving(object.union({"processing_ground": "legitimate_interests"}, facts)), "1.2-d") == expected
}

test_1_2_e[name] if {
	some name, [request, expected] in {
		"permitted: a courier has to be given it, and section 3 lets it go": [
			t.to("third_party_service_provider", t.asks("disclose", ["company_name"], "deliver_products", {
				"processing_ground": "third_party_disclosure",
				"third_party_bound": true,
			})),
			"permitted",
		],
		"permitted: an outside auditor gets it with consent": [_audited({"consent": "explicit"}), "permitted"],
		"refused: consent to the outside audit was withdrawn": [_audited({"consent": "withdrawn"}), "condition_unmet"],
		"refused: having to give it away is no ground to use it in-house without consent": [
			_serving({"processing_ground": "third_party_disclosure", "consent": "absent"}),
			"condition_unmet",
		],
		"boundary: whether there is consent to the outside audit is not stated": [_audited({}), "missing_fact"],
		"boundary: consent carries the ground in-house": [
			_serving({"processing_ground": "third_party_disclosure", "consent": "implied"}),
			"permitted",
		],
	}
	t.answer(request, "1.2-e") == expected
}

test_1_2_f[name] if {
	some name, [facts, expected] in {
		"permitted: consent was given expressly": [{"consent": "explicit"}, "permitted"],
		"refused: consent was withdrawn, and nothing else carries the use": [{"consent": "withdrawn"}, "condition_unmet"],
		"refused: consent was never given": [{"consent": "absent"}, "condition_unmet"],
		"refused: the consent covers another purpose": [
			{"consent": "explicit", "consent_scope": "help_software_developers"},
			"condition_unmet",
		],
		"boundary: consent follows from what the company did": [{"consent": "implied"}, "permitted"],
		"boundary: accepting the agreement is not consent": [{"consent": "accepted_agreement_only"}, "condition_unmet"],
		"boundary: whether there is consent is not stated": [{}, "missing_fact"],
		"boundary: the consent names this very purpose": [
			{"consent": "explicit", "consent_scope": "own_advertising"},
			"permitted",
		],
		"boundary: the consent names this very category": [
			{"consent": "explicit", "consent_scope": "email_address"},
			"permitted",
		],
	}
	t.answer(_advertising(object.union({"processing_ground": "consent"}, facts)), "1.2-f") == expected
}

test_1_2_f_consent_to_one_category_does_not_reach_the_next if {
	request := t.asks("use", ["email_address", "phone_number"], "own_advertising", {
		"processing_ground": "consent",
		"consent": "explicit",
		"consent_scope": "email_address",
	})
	t.context(request).permitted == ["email_address"]
	[denied | some denied in t.context(request).denied][0].reason == "condition_unmet"
}

test_1_2_e_consent_to_one_category_does_not_reach_the_next if {
	request := json.patch(
		_audited({"consent": "explicit", "consent_scope": "payment_information"}),
		[{"op": "add", "path": "/resource/properties/categories/-", "value": "email_address"}],
	)
	t.context(request).permitted == ["payment_information"]
}

test_1_2_g[name] if {
	some name, [purpose, expected] in {
		"permitted: complying with the law is a described purpose": ["legal_compliance", "permitted"],
		"refused: rating credit for lenders is not described, whatever was consented to": ["credit_scoring_for_lenders", "no_applicable_permission"],
		"refused: a purpose that a later agreement adds does not reach back": ["purpose_added_later", "no_applicable_permission"],
		"boundary: the purpose is an empty text": ["", "missing_fact"],
		"boundary: a described purpose of another act, delivering through a third party": ["deliver_products", "no_applicable_permission"],
	}
	request := t.asks("use", ["payment_information"], purpose, {"processing_ground": "contract", "consent": "explicit"})
	t.answer(request, "1.2-g") == expected
}

test_1_2_g_asks_for_a_purpose if {
	request := json.remove(_used("x", {}), ["/context/purpose"])
	t.answer(request, "1.2-g") == "missing_fact"
	t.context(request).missing_facts == ["purpose"]
}

test_1_2_h[name] if {
	some name, [request, expected] in {
		"permitted: a company's question about the ground goes to the data protection officer": [
			_question("legal_basis_question"),
			["permitted", {"1.2-h", "5.3-a"}],
		],
		"refused: CSW does not put a company's question in its place": [
			t.by("csw", _question("legal_basis_question")),
			["no_applicable_permission", set()],
		],
		"boundary: a complaint goes there as well, as a complaint": [
			_question("privacy_complaint"),
			["permitted", {"5.3-a"}],
		],
	}
	[t.context(request).reason, _routed(request)] == expected
}

test_1_2_i[name] if {
	some name, [request, expected] in {
		"permitted: CSW advertises its own products with consent": [
			_advertising({"processing_ground": "consent", "consent": "explicit"}),
			"permitted",
		],
		"permitted: CSW betters its products": [_serving({"processing_ground": "contract"}), "permitted"],
		"refused: there is neither ground nor consent": [
			_serving({"processing_ground": "none", "consent": "absent"}),
			"condition_unmet",
		],
		"boundary: the ground is not stated": [_serving({"source": "direct_from_company"}), "missing_fact"],
		"boundary: fraud scoring by the name of a better product takes the gates of fraud work": [
			_serving({"processing_ground": "contract", "activity": "fraud_scoring"}),
			"missing_fact",
		],
	}
	t.answer(request, "1.2-i") == expected
}

test_1_2_j[name] if {
	some name, [facts, expected] in {
		"permitted: losses are prevented without scoring fraud": [{}, "permitted"],
		"refused: it is fraud scoring, and not strictly necessary": [
			object.union(_gates, {"activity": "fraud_scoring", "absolutely_necessary": false}),
			"condition_unmet",
		],
		"boundary: it is fraud scoring, and nothing is said of its conditions": [{"activity": "fraud_scoring"}, "missing_fact"],
		"boundary: it is fraud scoring, and all its conditions hold": [
			object.union(_gates, {"activity": "fraud_scoring"}),
			"permitted",
		],
	}
	t.answer(_used("loss_prevention", facts), "1.2-j") == expected
}

test_1_2_k[name] if {
	some name, [request, expected] in {
		"permitted: fraud is fought with what online orders left, as all conditions hold": [_fraud({}), "permitted"],
		"refused: consent does not stand in for necessity and evaluation": [
			_fraud({"consent": "explicit", "processing_ground": "consent", "absolutely_necessary": false}),
			"condition_unmet",
		],
		"boundary: everything holds but that the order is said to be completed": [
			t.without(["transaction_completed"], _fraud({})),
			"missing_fact",
		],
		"boundary: the ground is not stated": [t.without(["processing_ground"], _fraud({})), "missing_fact"],
	}
	t.answer(request, "1.2-k") == expected
}

test_1_2_l[name] if {
	some name, [request, expected] in {
		"permitted: accounts and networks are secured": [_securing({"processing_ground": "contract"}), "permitted"],
		"refused: it is fraud scoring on an offline order": [
			_securing(object.union(_gates, {
				"processing_ground": "contract",
				"activity": "fraud_scoring",
				"source": "offline_transaction_with_csw",
			})),
			"condition_unmet",
		],
		"boundary: security that is no fraud work needs no evaluation": [
			_securing({"processing_ground": "contract", "evaluation_done": false}),
			"permitted",
		],
		"boundary: the ground is not stated": [_securing({}), "missing_fact"],
	}
	t.answer(request, "1.2-l") == expected
}

test_1_2_m[name] if {
	some name, [request, expected] in {
		"permitted: an upload is scanned for unlawful content": [
			_scanned("uploaded_content", "illegal_content_screening", {"processing_ground": "legal_obligation"}),
			"permitted",
		],
		"refused: an upload is scanned to aim advertising": [
			_scanned("uploaded_content", "own_advertising", {"processing_ground": "contract"}),
			"no_applicable_permission",
		],
		"boundary: an email address is no upload": [
			_scanned("email_address", "illegal_content_screening", {"processing_ground": "legal_obligation"}),
			"no_applicable_permission",
		],
		"boundary: the ground is not stated": [
			_scanned("uploaded_content", "illegal_content_screening", {}),
			"missing_fact",
		],
		"boundary: an upload is stored for the screening": [
			object.union(
				_scanned("uploaded_content", "illegal_content_screening", {"processing_ground": "contract"}),
				{"action": {"name": "store"}},
			),
			"permitted",
		],
	}
	t.answer(request, "1.2-m") == expected
}

test_1_2_n[name] if {
	some name, [request, expected] in {
		"permitted: the data stems from an online order that was completed with CSW": [_fraud({}), "permitted"],
		"refused: it stems from an offline order": [_fraud({"source": "offline_transaction_with_csw"}), "condition_unmet"],
		"refused: the order was not completed": [_fraud({"transaction_completed": false}), "condition_unmet"],
		"boundary: the online order was with an affiliate": [_fraud({"source": "online_transaction_with_affiliate"}), "condition_unmet"],
		"boundary: whether the order was completed is not stated": [
			t.without(["transaction_completed"], _fraud({})),
			"missing_fact",
		],
		"boundary: where the data stems from is not stated": [t.without(["source"], _fraud({})), "missing_fact"],
	}
	t.answer(request, "1.2-n") == expected
}

test_1_2_n_category_by_category if {
	request := json.patch(
		t.without(["source"], _fraud({"source_by_category": {
			"payment_information": "online_transaction_with_csw",
			"profile_information": "contact_social_media",
		}})),
		[{"op": "add", "path": "/resource/properties/categories/1", "value": "profile_information"}],
	)
	t.context(request).permitted == ["payment_information"]
	[[denied.reason, "1.2-n" in denied.clauses] | some denied in t.context(request).denied] == [["condition_unmet", true]]
}

test_1_2_o[name] if {
	some name, [request, expected] in {
		"permitted: the use is strictly necessary": [_fraud({}), "permitted"],
		"refused: it is not": [_fraud({"absolutely_necessary": false}), "condition_unmet"],
		"boundary: whether it is necessary is not stated": [t.without(["absolutely_necessary"], _fraud({})), "missing_fact"],
		"boundary: of two items one is necessary": [
			json.patch(
				t.without(["absolutely_necessary"], _fraud({"absolutely_necessary_for": ["payment_information"]})),
				[{"op": "add", "path": "/resource/properties/categories/1", "value": "contact_preferences"}],
			),
			"mixed",
		],
		"boundary: no item at all is necessary": [_fraud({"absolutely_necessary_for": []}), "condition_unmet"],
	}
	t.answer(request, "1.2-o") == expected
}

test_1_2_p[name] if {
	some name, [request, expected] in {
		"permitted: a favourable evaluation is on record": [_fraud({}), "permitted"],
		"refused: no evaluation was made": [
			t.knowing({"evaluation_done": false}, t.without(["evaluation_outcome"], _fraud({}))),
			"condition_unmet",
		],
		"refused: the evaluation went against it": [_fraud({"evaluation_outcome": "unfavourable"}), "condition_unmet"],
		"boundary: an evaluation without its outcome": [t.without(["evaluation_outcome"], _fraud({})), "missing_fact"],
		"boundary: whether there was an evaluation is not stated": [
			t.without(["evaluation_done", "evaluation_outcome"], _fraud({})),
			"missing_fact",
		],
	}
	t.answer(request, "1.2-p") == expected
}

# An outcome alone does not say that there was an evaluation.
test_1_2_p_an_outcome_without_an_evaluation if {
	request := t.without(["evaluation_done"], _fraud({}))
	t.answer(request, "1.2-p") == "missing_fact"
	t.context(request).missing_facts == ["evaluation_done"]
}

test_1_2_q[name] if {
	some name, [request, expected] in {
		"permitted: details of one online order are checked against open sources": [
			_verified({"specific_online_transaction": true}),
			"permitted",
		],
		"refused: a prospect is checked, and there is no order": [
			_verified({"specific_online_transaction": false}),
			"condition_unmet",
		],
		"boundary: whether there is a particular order is not stated": [_verified({}), "missing_fact"],
		"boundary: a check to aim advertising": [
			object.union(_verified({"specific_online_transaction": true}), {"context": {"purpose": "own_advertising"}}),
			"no_applicable_permission",
		],
	}
	t.answer(request, "1.2-q") == expected
}

test_1_2_r[name] if {
	some name, [request, expected] in {
		"permitted: suitable services are picked for a company": [
			_used("determine_services", {}),
			"permitted",
		],
		"refused: it is stated that there is no ground": [
			_used("determine_services", {"processing_ground": "none"}),
			"condition_unmet",
		],
		"boundary: a check that says not where it looks is one of CSW's own records": [
			t.without(["verified_against"], _verified({})),
			"permitted",
		],
		"boundary: CSW's interest in recognising a user is claimed, and not judged": [
			_used("identity_verification", {"processing_ground": "legitimate_interests"}),
			"missing_fact",
		],
	}
	t.answer(request, "1.2-r") == expected
}

test_1_2_s[name] if {
	some name, [facts, expected] in {
		"permitted: a notice about a purchase": [{"notice_type": "purchase"}, "permitted"],
		"permitted: a notice of changed conditions": [{"notice_type": "conditions_change"}, "permitted"],
		"refused: marketing is no important notice": [{"notice_type": "marketing"}, "condition_unmet"],
		"boundary: a purchase notice padded with promotion": [
			{"notice_type": "mixed_purchase_and_marketing", "company_opted_out": false},
			"condition_unmet",
		],
		"boundary: what the notice is about is not stated": [{}, "missing_fact"],
	}
	t.answer(_notified("important_notice", facts), "1.2-s") == expected
}

test_1_2_s_through_a_mailer[name] if {
	some name, [facts, expected] in {
		"a purchase notice": [{"notice_type": "purchase"}, "permitted"],
		"marketing": [{"notice_type": "marketing"}, "condition_unmet"],
		"of a type that is not stated": [{}, "missing_fact"],
	}
	request := t.to("third_party_service_provider", t.asks("disclose", ["email_address"], "important_notice", object.union(
		{"processing_ground": "contract", "third_party_bound": true},
		facts,
	)))
	t.answer(request, "1.2-s") == expected
}

test_1_2_t[name] if {
	some name, [request, expected] in {
		"permitted: a company refuses marketing": [_refused({"notice_type": "marketing"}), "permitted"],
		"permitted: changed terms reach a company that opted out": [
			_notified("important_notice", {"notice_type": "terms_change", "company_opted_out": true}),
			"permitted",
		],
		"refused: a company refuses notices of changed terms": [_refused({"notice_type": "terms_change"}), "prohibited"],
		"refused: marketing to a company that opted out": [
			_notified("own_advertising", {"notice_type": "marketing", "company_opted_out": true}),
			"condition_unmet",
		],
		"boundary: which notices the company refuses is not stated": [_refused({}), "missing_fact"],
		"boundary: a company refuses purchase notices padded with promotion, which have to be split": [
			_refused({"notice_type": "mixed_purchase_and_marketing"}),
			"condition_unmet",
		],
		"boundary: marketing by its purpose, and nobody says whether the company opted out": [
			_notified("own_advertising", {}),
			"missing_fact",
		],
		"boundary: marketing, and nobody says whether the company opted out": [
			_notified("own_advertising", {"notice_type": "marketing"}),
			"missing_fact",
		],
	}
	t.answer(request, "1.2-t") == expected
}

test_1_2_t_a_refusal_stops_other_messages_only[name] if {
	some name, [purpose, facts, expected] in {
		"a message about a request, refused": ["fulfil_request", {"company_opted_out": true}, "condition_unmet"],
		"a message about a request, not refused": ["fulfil_request", {"company_opted_out": false}, "permitted"],
		"marketing, not refused": ["own_advertising", {"notice_type": "marketing", "company_opted_out": false}, "permitted"],
		"a purchase notice in the course of a request": [
			"fulfil_request",
			{"notice_type": "purchase", "company_opted_out": true},
			"permitted",
		],
	}
	t.context(_notified(purpose, facts)).reason == expected
}

test_1_2_u[name] if {
	some name, [request, expected] in {
		"permitted: research in-house that betters communication": [
			_used("internal_research", {"audience": "internal", "to_improve": true}),
			"permitted",
		],
		"refused: the findings are for others": [
			_used("internal_research", {"audience": "external", "to_improve": true}),
			"condition_unmet",
		],
		"refused: the analysis betters nothing": [
			_used("internal_data_analysis", {"audience": "internal", "to_improve": false}),
			"condition_unmet",
		],
		"boundary: an audit need not better anything": [
			_used("internal_audit", {"audience": "internal", "to_improve": false}),
			"permitted",
		],
		"boundary: for whom the research is made is not stated": [
			_used("internal_research", {"to_improve": true}),
			"missing_fact",
		],
		"boundary: whether the research betters anything is not stated": [
			_used("internal_research", {"audience": "internal"}),
			"missing_fact",
		],
	}
	t.answer(request, "1.2-u") == expected
}

_used(purpose, facts) := t.asks("use", ["email_address"], purpose, object.union({"processing_ground": "contract"}, facts))

_serving(facts) := t.asks("use", ["company_name", "location"], "provide_products_services", facts)

_securing(facts) := t.asks("use", ["phone_number"], "account_network_security", facts)

_complying(facts) := t.asks("use", ["payment_information"], "legal_compliance", facts)

_advertising(facts) := t.asks("use", ["email_address"], "own_advertising", facts)

_audited(facts) := t.to("third_party", t.asks("disclose", ["payment_information"], "internal_audit", object.union(
	{"processing_ground": "contract", "third_party_bound": true, "audience": "internal"},
	facts,
)))

_gates := {
	"source": "online_transaction_with_csw",
	"transaction_completed": true,
	"absolutely_necessary": true,
	"evaluation_done": true,
	"evaluation_outcome": "favourable",
}

_fraud(facts) := t.asks("use", ["payment_information"], "anti_fraud", object.union(
	object.union({"processing_ground": "contract"}, _gates),
	facts,
))

_scanned(category, purpose, facts) := t.asks("scan", [category], purpose, facts)

_verified(facts) := t.asks("verify", ["company_name"], "identity_verification", object.union(
	{"processing_ground": "contract", "verified_against": "open_source"},
	facts,
))

_notified(purpose, facts) := t.asks("notify", ["email_address"], purpose, object.union(
	{"processing_ground": "contract"},
	facts,
))

_refused(facts) := t.by("company", t.asks("refuse_notice", ["email_address"], "company_choice", facts))

_question(purpose) := t.by("company", t.asks("contact_dpo", [], purpose, {}))

_routed(request) := {clause |
	some obligation in t.context(request).obligations
	obligation.id == "route_to_data_protection_officer"
	some clause in obligation.properties.clauses
}
