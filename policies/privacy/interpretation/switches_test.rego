package privacy.interpretation_test

import data.privacy.interpretation
import data.privacy.lib.testing_test as t

test_consent_always_required[name] if {
	some name, [value, request, expected] in {
		"off: the contract is ground enough": [false, _serving({"processing_ground": "contract"}), "permitted"],
		"on: the contract is not enough where there is no consent": [
			true,
			_serving({"processing_ground": "contract", "consent": "absent"}),
			"condition_unmet",
		],
		"on: whether there is consent has to be stated": [true, _serving({"processing_ground": "contract"}), "missing_fact"],
		"on: implied consent will do": [
			true,
			_serving({"processing_ground": "contract", "consent": "implied"}),
			"permitted",
		],
		"on: consent does not replace the ground": [true, _serving({"consent": "explicit"}), "missing_fact"],
		"on: it holds for government identification too": [true, _identified({}), "missing_fact"],
		"on: important notices go without": [true, _notice, "permitted"],
		"on: demands of law go without": [true, _demand, "permitted"],
		"on: corporate events go without": [true, _deal({}), "permitted"],
		"on: non-company information goes without": [true, t.asks("use", ["language"], "anything_at_all", {}), "permitted"],
	}
	reason := t.context(request).reason with interpretation.switches.consent_always_required.value as value
	reason == expected
}

test_consent_always_required_as_far_as_the_consent_reaches if {
	request := t.asks("use", ["email_address", "phone_number"], "improve_products_services", {
		"processing_ground": "contract",
		"consent": "explicit",
		"consent_scope": "email_address",
	})
	context := t.context(request) with interpretation.switches.consent_always_required.value as true
	context.permitted == ["email_address"]
}

test_ground_required[name] if {
	some name, [value, request, expected] in {
		"on: no ground is stated": [true, _serving({}), "missing_fact"],
		"on: it is stated that there is none": [true, _serving({"processing_ground": "none"}), "condition_unmet"],
		"off: the purpose is reason enough": [false, _serving({}), "permitted"],
		"off: a purpose that is not described is not": [
			false,
			t.asks("use", ["email_address"], "credit_scoring", {}),
			"no_applicable_permission",
		],
		"off: fraud work keeps its conditions": [false, t.asks("use", ["email_address"], "anti_fraud", {}), "missing_fact"],
		"off: what leaves the group with consent alone keeps that": [
			false,
			t.to("third_party", t.asks("disclose", ["email_address"], "internal_audit", {"third_party_bound": true})),
			"missing_fact",
		],
	}
	reason := t.context(request).reason with interpretation.switches.ground_required.value as value
	reason == expected
}

test_unstated_duty_denies[name] if {
	some name, [request, facts] in {
		"binding a third party": [_delivered({"transmission_protected": true}), ["third_party_bound"]],
		"protecting what is moved": [
			t.to("csw", t.asks("transmit", ["email_address"], "provide_products_services", {"processing_ground": "contract"})),
			["transmission_protected"],
		],
		"both safeguards of what is stored": [
			t.asks("store", ["email_address"], "provide_products_services", {"processing_ground": "contract"}),
			["storage_limited_access", "storage_physical_security"],
		],
		"announcing a change and telling companies": [
			t.asks("update_policy", [], "policy_change", {"change_significant": true}),
			["announced_on_website", "registered_contact_notified"],
		],
	}
	t.context(request).reason == "permitted"
	strict := t.context(request) with interpretation.switches.unstated_duty_denies.value as true
	[strict.reason, strict.missing_facts] == ["missing_fact", facts]
}

test_unstated_duty_denies_and_what_is_stated[name] if {
	some name, [value, facts, expected] in {
		"off: met": [false, {"third_party_bound": true, "transmission_protected": true}, "permitted"],
		"off: not met": [false, {"third_party_bound": false, "transmission_protected": true}, "obligation_unmet"],
		"on: met": [true, {"third_party_bound": true, "transmission_protected": true}, "permitted"],
		"on: not met": [true, {"third_party_bound": false, "transmission_protected": true}, "obligation_unmet"],
	}
	reason := t.context(_delivered(facts)).reason with interpretation.switches.unstated_duty_denies.value as value
	reason == expected
}

test_anti_fraud_limited_to_own_transactions[name] if {
	some name, [value, facts, expected] in {
		"on: what a survey brought does not serve against fraud": [true, {"source": "survey"}, "condition_unmet"],
		"on: an online order with CSW does": [
			true,
			{"source": "online_transaction_with_csw", "transaction_completed": true},
			"permitted",
		],
		"off: what a survey brought does": [false, {"source": "survey"}, "permitted"],
		"off: what a data broker sold does not": [false, {"source": "data_broker"}, "no_applicable_permission"],
		"off: the two conditions stand": [false, {"source": "survey", "absolutely_necessary": false}, "condition_unmet"],
	}
	request := t.asks("use", ["email_address"], "anti_fraud", object.union(
		{
			"processing_ground": "contract",
			"absolutely_necessary": true,
			"evaluation_done": true,
			"evaluation_outcome": "favourable",
		},
		facts,
	))
	reason := t.context(request).reason with interpretation.switches.anti_fraud_limited_to_own_transactions.value as value
	reason == expected
}

test_aggregate_minimum_size[name] if {
	some name, [least, size, expected] in {
		"2: two companies are enough": [2, 2, "permitted"],
		"2: one is not": [2, 1, "no_applicable_permission"],
		"10: ten are enough": [10, 10, "permitted"],
		"10: nine are not": [10, 9, "no_applicable_permission"],
	}
	request := t.to("third_party", t.asks("disclose", ["aggregated_data"], "partner_report", {"aggregate_size": size}))
	reason := t.context(request).reason with interpretation.switches.aggregate_minimum_size.value as least
	reason == expected
}

test_aggregates_may_be_sold[name] if {
	some name, [value, request, expected] in {
		"on: aggregates are sold": [true, _sold("aggregated_data"), "permitted"],
		"off: they are not": [false, _sold("aggregated_data"), "prohibited"],
		"off: nor given for something in return": [
			false,
			_reported({"consideration": true}),
			"prohibited",
		],
		"off: they are still given away": [false, _reported({}), "permitted"],
		"off: other non-company information is still sold": [false, _sold("language"), "permitted"],
	}
	reason := t.context(request).reason with interpretation.switches.aggregates_may_be_sold.value as value
	reason == expected
}

test_developer_consent_covers_aggregates[name] if {
	some name, [value, category, expected] in {
		"on: aggregates of device usage need the consent": [true, "aggregated_data", "condition_unmet"],
		"off: they do not": [false, "aggregated_data", "permitted"],
		"off: the device usage itself does": [false, "device_app_usage", "condition_unmet"],
	}
	request := t.to("software_developer", t.asks("disclose", [category], "help_software_developers", {
		"consent": "absent",
		"derived_from": "device_app_usage",
		"aggregate_size": 1000,
		"linked_to_company": false,
	}))
	reason := t.context(request).reason with interpretation.switches.developer_consent_covers_aggregates.value as value
	reason == expected
}

test_untrained_employee_refused[name] if {
	some name, [value, facts, expected, obligations] in {
		"on: an employee who was not given the guidelines": [true, {"guidelines_conveyed": false}, "obligation_unmet", set()],
		"on: an employee of whom it is not known": [true, {}, "missing_fact", set()],
		"on: an employee who knows them": [true, {"guidelines_conveyed": true}, "permitted", set()],
		"off: an employee who was not given the guidelines": [false, {"guidelines_conveyed": false}, "permitted", {"convey_guidelines"}],
		"off: an employee of whom it is not known": [false, {}, "permitted", {"convey_guidelines"}],
		"off: an employee who knows them": [false, {"guidelines_conveyed": true}, "permitted", set()],
	}
	request := t.by("csw_employee", _serving(object.union({"processing_ground": "contract"}, facts)))
	context := t.context(request) with interpretation.switches.untrained_employee_refused.value as value
	context.reason == expected
	{obligation.id | some obligation in context.obligations} == obligations
}

test_public_importance_needs_legal_basis[name] if {
	some name, [value, facts, expected] in {
		"off: a recorded determination is enough": [false, {"legal_basis_cited": false}, "permitted"],
		"on: a legal basis is cited": [true, {"legal_basis_cited": true}, "permitted"],
		"on: none is cited": [true, {"legal_basis_cited": false}, "condition_unmet"],
		"on: whether one is cited is not stated": [true, {}, "missing_fact"],
	}
	request := t.to("government_body", t.asks("disclose", ["email_address"], "national_security", object.union(
		{"determination": "recorded"},
		facts,
	)))
	reason := t.context(request).reason with interpretation.switches.public_importance_needs_legal_basis.value as value
	reason == expected
}

test_transfer_before_signing[name] if {
	some name, [value, request, expected] in {
		"off: under negotiation": [false, _deal({"event_status": "negotiation"}), "condition_unmet"],
		"off: signed": [false, _deal({"event_status": "signed"}), "permitted"],
		"on: under negotiation": [true, _deal({"event_status": "negotiation"}), "permitted"],
		"on: how far it got is still to be stated": [true, t.without(["event_status"], _deal({})), "missing_fact"],
		"on: to a party to it alone": [
			true,
			_deal({"event_status": "negotiation", "recipient_party_to_event": false}),
			"condition_unmet",
		],
	}
	reason := t.context(request).reason with interpretation.switches.transfer_before_signing.value as value
	reason == expected
}

test_no_switch_lifts_a_prohibition[name] if {
	some prohibited, request in {
		"selling": _sold("email_address"),
		"selling what one may": _delivered({"consideration": true, "third_party_bound": true, "consent": "explicit"}),
		"selling a customer list": _deal({"corporate_event": "sale_of_data_only", "event_status": "negotiation"}),
		"marketing for others": t.to("third_party_advertiser", t.asks("disclose", ["email_address"], "third_party_marketing", {"consent": "explicit"})),
		"refusing important notices": t.by("company", t.asks("refuse_notice", ["email_address"], "company_choice", {"notice_type": "purchase"})),
	}
	some switched, switches in _turned
	name := $"{prohibited}, {switched}"
	reason := t.context(request).reason with interpretation.switches as switches
	reason == "prohibited"
}

test_every_switch_is_tested_here if {
	object.keys(interpretation.switches) == {
		"consent_always_required",
		"ground_required",
		"unstated_duty_denies",
		"anti_fraud_limited_to_own_transactions",
		"aggregate_minimum_size",
		"aggregates_may_be_sold",
		"developer_consent_covers_aggregates",
		"untrained_employee_refused",
		"public_importance_needs_legal_basis",
		"transfer_before_signing",
	}
}

test_every_switch_stands_at_its_default_and_says_why[name] if {
	some name, switch in interpretation.switches
	switch.value == switch.default
	switch.clauses != []
	switch.ambiguity != []
	switch.says != ""
}

test_what_stands_otherwise_is_told if {
	interpretation.switched == {}
	told := interpretation.switched with interpretation.switches.aggregate_minimum_size.value as 10
		with interpretation.switches.ground_required.value as false
	told == {"aggregate_minimum_size": 10, "ground_required": false}
}

# Every switch turned on its own, and all of them at once.
_turned[name] := object.union(interpretation.switches, {name: turned}) if some name, turned in _other_way

_turned["all of them"] := _other_way

_other_way[name] := object.union(switch, {"value": _other(switch.value)}) if some name, switch in interpretation.switches

_other(value) := false if value == true

_other(value) if value == false

_other(value) := value + 100 if is_number(value)

_serving(facts) := t.asks("use", ["email_address"], "improve_products_services", facts)

_identified(facts) := t.asks("collect", ["government_id"], "legal_compliance", object.union(
	{
		"processing_ground": "legal_obligation",
		"touchpoint": "create_id",
		"jurisdiction_requires_id": true,
		"law_cited": true,
	},
	facts,
))

_notice := t.asks("notify", ["email_address"], "important_notice", {"processing_ground": "contract", "notice_type": "purchase"})

_demand := t.to("government_body", t.asks("disclose", ["email_address"], "legal_process_response", {
	"legal_process": "court_order",
	"demand_scope": ["email_address"],
}))

_deal(facts) := t.to("merger_buyer", t.asks("transfer", ["all_company_information"], "corporate_restructuring", object.union(
	{"corporate_event": "merger", "event_status": "completed", "recipient_party_to_event": true},
	facts,
)))

_delivered(facts) := t.to("third_party_service_provider", t.asks("disclose", ["email_address"], "deliver_products", object.union(
	{"processing_ground": "contract"},
	facts,
)))

_sold(category) := t.asks("sell", [category], "resale", {"aggregate_size": 1000, "linked_to_company": false})

_reported(facts) := t.to("third_party", t.asks("disclose", ["aggregated_data"], "partner_report", object.union(
	{"aggregate_size": 1000},
	facts,
)))
