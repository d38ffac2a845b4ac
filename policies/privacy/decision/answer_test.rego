package privacy.decision_test.answer

import data.privacy.agreement
import data.privacy.decision
import data.privacy.lib.testing_test as t
import data.privacy.vocabulary

test_every_reason[name] if {
	some name, request in _by_reason
	context := t.context(request)
	context.reason == name
	context.clauses != []
}

test_every_reason_of_the_vocabulary_is_tested_here if {
	object.keys(_by_reason) == object.keys(vocabulary.reasons)
}

test_the_decision_is_true_exactly_where_all_is_permitted[name] if {
	some name, request in _by_reason
	answer := decision.decision with input as request
	[answer.decision, answer.context.outcome] == object.get(
		{"permitted": [true, "permitted"], "mixed": [false, "partial"]},
		name,
		[false, "denied"],
	)
}

test_permitted_and_denied_are_all_that_was_asked[name] if {
	some name, request in _by_reason
	asked := request.resource.properties.categories
	context := t.context(request)
	context.permitted == [category | some category in asked; category in context.permitted]
	[denied.category | some denied in context.denied] == [category | some category in asked; not category in context.permitted]
	every denied in context.denied {
		denied.clauses != []
		denied.reason in object.keys(vocabulary.reasons)
	}
}

test_every_clause_that_is_named_is_in_the_registry[name] if {
	some name, request in _by_reason
	named := t.cited(request) | {clause |
		some denied in t.context(request).denied
		some clause in denied.clauses
	}
	every clause in named { agreement.clauses[clause] }
}

# What no clause grants is limited by the purposes that the agreement describes (1.2-g), and by what comes nearest.
test_what_no_clause_grants_cites_the_limit_and_the_nearest[name] if {
	some name, [request, nearest] in {
		"a purpose that is not described": [t.asks("use", ["email_address"], "credit_scoring", {"processing_ground": "contract"}), "1.2-i"],
		"collecting for such a purpose": [t.asks("collect", ["email_address"], "credit_scoring", {"touchpoint": "purchase"}), "1.1-e"],
		"a contractor": [t.by("contractor", t.asks("use", ["email_address"], "own_advertising", {})), "1-c"],
		"another user who sells": [t.by("other_user", t.asks("sell", ["email_address"], "resale", {})), "4-d"],
		"a third party's own products": [t.to("third_party", t.asks("disclose", ["email_address"], "improve_third_party_products", {})), "3-a"],
		"CSW that publishes": [t.asks("publish", ["email_address"], "own_advertising", {"processing_ground": "contract"}), "3-a"],
		"a scan for another purpose": [t.asks("scan", ["uploaded_content"], "own_advertising", {}), "1.2-m"],
		"a check for another purpose": [
			t.to("third_party", t.asks("verify", ["email_address"], "own_advertising", {"source": "id_creation"})),
			"1.3-c",
		],
		"a combination with what could not be had": [
			t.asks("combine", ["email_address"], "own_advertising", {"processing_ground": "contract", "other_source": "data_broker"}),
			"1-d",
		],
		"a source that CSW does not draw on": [
			t.asks("collect", ["email_address"], "own_advertising", {"processing_ground": "contract", "touchpoint": "purchase", "source": "data_broker"}),
			"1.3-a",
		],
		"an inviter's data for CSW's advertising": [
			t.asks("use", ["email_address"], "own_advertising", {"processing_ground": "contract", "source": "inviting_user"}),
			"1.1-e",
		],
		"a company that wants a copy": [t.by("company", t.asks("access", ["email_address"], "access_request", {})), "5.3-a"],
		"a developer's other data": [t.by("software_developer", t.asks("use", ["email_address"], "help_software_developers", {})), "2-j"],
		"a provider's freedom": [t.by("third_party_service_provider", t.asks("use", ["language"], "deliver_products", {})), "2-b"],
		"a company's sharing for another purpose": [
			t.by("company", t.asks("publish", ["email_address"], "own_advertising", {"owner": "self"})),
			"4-e",
		],
	}
	t.context(request).reason == "no_applicable_permission"
	{"1.2-g", nearest} - t.cited(request) == set()
}

test_the_effect_of_a_clause[name] if {
	some name, [request, clause, expected] in {
		"a permission permits": [_by_reason.permitted, "1.2-i", "permits"],
		"a ground limits": [_by_reason.permitted, "1.2-b", "limits"],
		"a definition defines": [t.asks("use", ["aggregated_data"], "x", {"aggregate_size": 9}), "2-f", "defines"],
		"a prohibition prohibits": [_by_reason.prohibited, "3-c", "prohibits"],
		"a permission that stands in the way limits": [_by_reason.no_applicable_permission, "1.2-i", "limits"],
		"a duty obliges": [_delivered({}), "3-b", "obliges"],
		"a duty that is not met obliges": [_by_reason.obligation_unmet, "3-b", "obliges"],
		"what is out of scope limits": [_by_reason.out_of_scope, "5.1-b", "limits"],
	}
	[cited.effect | some cited in t.context(request).clauses; cited.id == clause] == [expected]
}

test_every_effect_is_one_of_five[name] if {
	some name, request in _by_reason
	every cited in t.context(request).clauses {
		cited.effect in {"permits", "prohibits", "limits", "obliges", "defines"}
	}
}

test_missing_facts_come_in_the_vocabularys_order[name] if {
	some name, [request, expected] in {
		"of fraud work": [
			t.asks("use", ["payment_information"], "anti_fraud", {}),
			["source", "processing_ground", "absolutely_necessary", "evaluation_done", "transaction_completed"],
		],
		"of a deal": [
			t.to("merger_buyer", t.asks("transfer", ["all_company_information"], "corporate_restructuring", {})),
			["corporate_event", "event_status", "recipient_party_to_event"],
		],
		"of identification": [
			t.asks("collect", ["government_id"], "legal_compliance", {}),
			["jurisdiction_requires_id", "law_cited"],
		],
		"the purpose before the facts": [
			t.asks("use", ["email_address", "search_queries"], "", {"processing_ground": "contract"}),
			["purpose", "linked_to_ip"],
		],
		"the recipient before the facts": [
			t.asks("transmit", ["email_address", "registration_number"], "own_advertising", {"processing_ground": "contract"}),
			["recipient", "identifies_company", "can_contact_company"],
		],
	}
	context := t.context(request)
	[context.reason, context.missing_facts] == ["missing_fact", expected]
}

test_an_obligation_comes_once_and_carries_its_clauses if {
	context := t.context(_vendor)
	context.reason == "permitted"
	{obligation.id: obligation.properties.clauses | some obligation in context.obligations} == {
		"bind_third_party_to_relevant_law": ["3-b"],
		"limit_to_necessary_data": ["1.2-o", "3-a"],
		"protect_in_transmission": ["4-a"],
		"record_balancing_evaluation": ["1.2-p"],
	}
	count(context.obligations) == 4
	every obligation in context.obligations { obligation.type == "custom" }
}

test_every_obligation_is_a_term_of_the_vocabulary[name] if {
	some name, request in object.union(_by_reason, {"a vendor": _vendor, "a claim": _claim})
	every obligation in t.context(request).obligations {
		count(obligation.properties.clauses) > 0
		{clause | some clause in obligation.properties.clauses} - {clause | some clause in vocabulary.obligations[obligation.id]} == set()
	}
}

test_what_is_refused_brings_no_obligation[name] if {
	some name, request in object.filter(_by_reason, ["prohibited", "condition_unmet", "missing_fact", "obligation_unmet", "no_applicable_permission", "invalid_request"])
	t.obligations(request) == set()
}

test_some_obligations_stand_for_a_refusal_too if {
	t.obligations(_claim) == {"route_to_data_protection_officer"}
	t.obligations(_by_reason.out_of_scope) == {"refer_to_third_party_policy"}
}

test_records[name] if {
	some name, [request, expected] in {
		"a judgement of CSW's interest": [
			t.asks("use", ["email_address"], "own_advertising", {"processing_ground": "legitimate_interests", "necessity_judged": true}),
			{"record_legitimate_interest_judgement"},
		],
		"consent": [
			t.asks("use", ["email_address"], "own_advertising", {"processing_ground": "consent", "consent": "implied"}),
			{"record_consent"},
		],
		"explicit consent": [
			t.asks("collect", ["device_app_usage"], "help_software_developers", {"consent": "explicit"}),
			{"record_explicit_consent"},
		],
		"a determination": [
			t.to("government_body", t.asks("disclose", ["email_address"], "national_security", {"determination": "recorded"})),
			{"record_determination"},
		],
		"a determination and its legal basis": [
			t.to("third_party", t.asks("disclose", ["email_address"], "enforce_terms", {"determination": "recorded", "legal_basis_cited": true})),
			{"record_determination", "record_legal_basis"},
		],
		"nothing where the contract is ground enough": [_by_reason.permitted, set()],
		"nothing where it is refused": [
			t.asks("use", ["email_address"], "own_advertising", {"processing_ground": "consent", "consent": "withdrawn"}),
			set(),
		],
		"of what is permitted in a mixed answer": [
			t.asks("use", ["email_address", "government_id"], "own_advertising", {"processing_ground": "consent", "consent": "explicit"}),
			{"record_consent"},
		],
	}
	records := t.context(request).records
	{record | some record in records} == expected
	count(records) == count(expected)
	expected - object.keys(vocabulary.records) == set()
}

test_what_has_no_effect_on_an_answer[name] if {
	some name, facts in {
		"a closed account": {"account_closed": true},
		"an offer inside CSW's own": {"offered_inside_csw": true},
		"the recipient's country": {"recipient_country": "NZ"},
		"whether the next recipient is bound": {"onward_recipient_bound": false},
		"when it was collected": {"collected_before_change": true},
	}
	t.context(_delivered(facts)) == t.context(_delivered({}))
}

test_unknown_terms_are_told_with_every_answer[name] if {
	some name, request in _by_reason
	context := t.context(t.knowing({"odd": true}, request))
	"/context/facts" in {place | some place in context.unknown_terms}
}

test_nothing_is_explained_unasked[name] if {
	some name, request in _by_reason
	not "explanation" in object.keys(t.context(request))
}

test_an_explanation_says_of_each_category_what_was_found[name] if {
	some name, request in object.remove(_by_reason, ["invalid_request"])
	context := _explained(request)
	{found.category | some found in context.explanation} == {category | some category in request.resource.properties.categories}
	every found in context.explanation {
		startswith(found.says, found.clause)
		found.clause in t.cited(request)
	}
	object.remove(context, ["explanation"]) == t.context(request)
}

test_an_explanation_names_the_fact_that_is_missing if {
	context := _explained(_by_reason.missing_fact)
	some found in context.explanation
	contains(found.says, "processing_ground")
}

test_a_mixed_answer_explains_both if {
	context := _explained(_by_reason.mixed)
	{[found.category, found.finding] | some found in context.explanation} == {
		["email_address", "permitted"],
		["government_id", "no_applicable_permission"],
	}
}

_by_reason := {
	"permitted": t.asks("use", ["email_address", "phone_number"], "improve_products_services", {"processing_ground": "contract"}),
	"mixed": t.asks("use", ["email_address", "government_id"], "improve_products_services", {"processing_ground": "contract"}),
	"prohibited": t.asks("sell", ["email_address", "phone_number"], "resale", {}),
	"condition_unmet": t.asks("use", ["email_address", "phone_number"], "improve_products_services", {"processing_ground": "none"}),
	"missing_fact": t.asks("use", ["email_address", "phone_number"], "improve_products_services", {}),
	"obligation_unmet": _delivered({"third_party_bound": false}),
	"no_applicable_permission": t.asks("use", ["email_address", "phone_number"], "credit_scoring", {"processing_ground": "contract"}),
	"out_of_scope": t.by("third_party_site", t.asks("collect", ["location", "email_address"], "third_party_own_service", {"collected_by": "third_party"})),
	"invalid_request": t.asks("use", ["email_address", "phone_number"], "improve_products_services", {"consent": "odd"}),
}

_delivered(facts) := t.to("third_party_service_provider", t.asks("disclose", ["company_name", "location"], "deliver_products", object.union(
	{"processing_ground": "contract"},
	facts,
)))

_vendor := t.to("third_party_service_provider", t.asks("disclose", ["payment_information"], "anti_fraud", {
	"processing_ground": "contract",
	"source": "online_transaction_with_csw",
	"transaction_completed": true,
	"absolutely_necessary": true,
	"evaluation_done": true,
	"evaluation_outcome": "favourable",
	"categories_needed": ["payment_information"],
}))

_claim := t.by("company", t.asks("delete", ["email_address"], "erasure_request", {}))

_explained(request) := t.context(object.union(request, {"context": {"answer": "explain"}}))
