package privacy.lib.registers_test

import data.privacy.agreement
import data.privacy.lib.registers as lookup
import data.privacy.lib.testing_test as t

test_without_a_register_the_callers_word_counts[name] if {
	some name, registers in {
		"no registers": {},
		"an empty register": {"recipients": {}},
		"an entry about somebody else": {"recipients": {"nobody": {"facts": {"third_party_bound": false}}}},
		"an entry about other facts": {"recipients": {"other": {"facts": {"recipient_country": "NZ"}}}},
	}
	_reason(_delivered({"third_party_bound": true}), registers) == "permitted"
	_reason(_delivered({"third_party_bound": false}), registers) == "obligation_unmet"
}

test_an_entry_outranks_the_caller[name] if {
	some name, [said, known, expected] in {
		"bound by the caller's word, not by the register": [{"third_party_bound": true}, false, "obligation_unmet"],
		"bound by the register, not by the caller's word": [{"third_party_bound": false}, true, "permitted"],
		"not stated, and not bound by the register": [{}, false, "obligation_unmet"],
	}
	_reason(_delivered(said), {"recipients": {"other": {"facts": {"third_party_bound": known}}}}) == expected
}

test_an_entry_leaves_the_other_facts_alone if {
	registers := {"recipients": {"other": {"facts": {"third_party_bound": true}}}}
	_reason(_delivered({"processing_ground": "none"}), registers) == "condition_unmet"
}

test_an_entry_holds_until_its_day_is_over[name] if {
	some name, [entry, expected] in {
		"no end": [{}, "permitted"],
		"ends tomorrow": [{"until": "2026-01-02"}, "permitted"],
		"ends today": [{"until": "2026-01-01"}, "permitted"],
		"ended yesterday": [{"until": "2025-12-31"}, "missing_fact"],
	}
	registers := {"affiliates": {"other": object.union({"facts": {"affiliate_verified": true}}, entry)}}
	context := _context(_shared({"affiliate_verified": true}), registers)
	context.reason == expected
	context.missing_facts == [fact | fact := "affiliate_verified"; expected == "missing_fact"]
}

test_an_ended_entry_makes_what_it_forbade_unknown_too if {
	registers := {"affiliates": {"other": {"facts": {"affiliate_verified": false}, "until": "2025-12-31"}}}
	_reason(_shared({"affiliate_verified": true}), registers) == "missing_fact"
}

test_without_a_day_an_entry_that_ends_is_not_relied_on if {
	registers := {"affiliates": {"other": {"facts": {"affiliate_verified": true}, "until": "2026-01-02"}}}
	_reason(json.remove(_shared({}), ["/environment"]), registers) == "missing_fact"
}

test_entries_that_disagree_make_a_fact_unknown[name] if {
	some name, [other, expected] in {
		"two entries that agree": [{"facts": {"affiliate_verified": true}}, "permitted"],
		"two entries that disagree": [{"facts": {"affiliate_verified": false}}, "missing_fact"],
		"two entries, and one has ended": [{"facts": {"affiliate_verified": true}, "until": "2025-12-31"}, "missing_fact"],
	}
	registers := {
		"affiliates": {"other": {"facts": {"affiliate_verified": true}}},
		"recipients": {"other": other},
	}
	_reason(_shared({"affiliate_verified": true}), registers) == expected
}

test_by_whom_an_entry_is_found[name] if {
	some name, [registers, request, expected] in {
		"a recipient, as recipient": [
			{"recipients": {"other": {"facts": {"third_party_bound": false}}}},
			_delivered({"third_party_bound": true}),
			"obligation_unmet",
		],
		"a recipient, as the one who acts": [
			{"recipients": {"somebody": {"facts": {"third_party_bound": false}}}},
			_received({"third_party_bound": true}),
			"obligation_unmet",
		],
		"an affiliate, as recipient": [
			{"affiliates": {"other": {"facts": {"affiliate_verified": false}}}},
			_shared({"affiliate_verified": true}),
			"condition_unmet",
		],
		"an affiliate, as the one who acts": [
			{"affiliates": {"somebody": {"facts": {"affiliate_verified": false}}}},
			t.by("affiliate", _used({"affiliate_verified": true})),
			"condition_unmet",
		],
		"an employee, as the one who acts": [
			{"employees": {"somebody": {"facts": {"guidelines_conveyed": false}}}},
			t.by("csw_employee", _used({"guidelines_conveyed": true})),
			"obligation_unmet",
		],
		"an employee, never as recipient": [
			{"employees": {"other": {"facts": {"third_party_bound": false}}}},
			_delivered({"third_party_bound": true}),
			"permitted",
		],
	}
	_reason(request, registers) == expected
}

test_by_what_evidence_an_entry_is_found[name] if {
	some name, [kind, facts, fact, request, expected] in {
		"an evaluation": [
			"evaluations",
			{"evaluation_done": true, "evaluation_outcome": "unfavourable"},
			"evaluation_outcome",
			_against_fraud({}),
			"condition_unmet",
		],
		"a determination": [
			"determinations",
			{"determination": "negative"},
			"determination",
			_public("national_security", {"determination": "recorded"}),
			"condition_unmet",
		],
		"a demand": [
			"demands",
			{"legal_process": "court_order", "demand_scope": ["phone_number"]},
			"demand_scope",
			_public("legal_process_response", {"legal_process": "court_order", "demand_scope": ["email_address"]}),
			"condition_unmet",
		],
		"a consent": [
			"consents",
			{"consent": "withdrawn"},
			"consent",
			_used({"processing_ground": "consent", "consent": "explicit"}),
			"condition_unmet",
		],
		"a store": [
			"stores",
			{"storage_limited_access": false},
			"storage_limited_access",
			object.union(_used({"storage_limited_access": true}), {"action": {"name": "store"}}),
			"obligation_unmet",
		],
	}
	registers := {kind: {"ref-1": {"facts": facts, "author": "somebody", "date": "2025-06-01", "reference": "binder 7"}}}
	_reason(request, registers) == "permitted"
	_reason(_with_evidence({fact: "ref-1"}, request), registers) == expected
}

test_evidence_selects_an_entry_only_for_a_fact_that_it_names[name] if {
	some name, [evidence, expected] in {
		"for the fact that the entry names": [{"consent": "ref-1"}, "condition_unmet"],
		"for another fact": [{"consent_scope": "ref-1"}, "permitted"],
		"for a fact that nobody knows": [{"wizardry": "ref-1"}, "permitted"],
		"to an entry that is not there": [{"consent": "ref-2"}, "permitted"],
	}
	registers := {"consents": {"ref-1": {"facts": {"consent": "withdrawn"}}}}
	request := _used({"processing_ground": "consent", "consent": "explicit"})
	_reason(_with_evidence(evidence, request), registers) == expected
}

test_evidence_selects_no_entry_about_people if {
	registers := {"recipients": {"ref-1": {"facts": {"third_party_bound": true}}}}
	request := _with_evidence({"third_party_bound": "ref-1"}, _delivered({"third_party_bound": false}))
	_reason(request, registers) == "obligation_unmet"
}

test_an_entry_decides_all_the_facts_that_it_names if {
	registers := {"evaluations": {"ref-1": {"facts": {"evaluation_done": true, "evaluation_outcome": "favourable"}}}}
	request := t.without(["evaluation_done", "evaluation_outcome"], _against_fraud({}))
	_reason(request, registers) == "missing_fact"
	_reason(_with_evidence({"evaluation_done": "ref-1"}, request), registers) == "permitted"
}

# What the caller says is judged as it came, before a register takes its place.
test_a_register_does_not_mend_a_faulty_request if {
	registers := {"recipients": {"other": {"facts": {"third_party_bound": true}}}}
	_reason(_delivered({"third_party_bound": "yes"}), registers) == "invalid_request"
}

test_a_request_without_facts_takes_those_of_the_registers if {
	request := json.remove(t.to("affiliate", t.asks("share", ["language"], "anything_at_all", {})), ["/context/facts"])
	_reason(request, {}) == "missing_fact"
	_reason(request, {"affiliates": {"other": {"facts": {"affiliate_verified": true}}}}) == "permitted"
}

test_the_kinds_are_those_that_are_looked_up[name] if {
	kinds := agreement.registers.kinds
	some name, [asked, expected] in {
		"by the recipient": [{"context": {"recipient": {"id": "this"}}}, "context.recipient.id"],
		"by the one who acts": [{"subject": {"id": "this"}}, "subject.id"],
		"by evidence": [{"context": {"evidence": {"consent": "this"}}}, "context.evidence"],
	}
	found := {entry.reference | some entry in lookup.entries} with input as asked
		with data.privacy_registers as {kind: {"this": {"facts": {"consent": "explicit"}, "reference": kind}} | some kind, _ in kinds}
	found == {kind | some kind, found_by in kinds; expected in found_by}
}

test_a_fact_that_no_caller_could_state_is_a_fault_of_its_entry[name] if {
	some name, [facts, expected] in {
		"facts that can be": [{"third_party_bound": true, "demand_scope": ["email_address"]}, {}],
		"an unknown fact": [{"wizardry": true}, {"wizardry": "unknown"}],
		"a value of another type": [{"third_party_bound": "yes"}, {"third_party_bound": "not true or false"}],
		"a value that there is not": [{"consent": "perhaps"}, {"consent": "not one of the values this fact can have"}],
		"facts that contradict each other": [
			{"evaluation_done": false, "evaluation_outcome": "favourable"},
			{"evaluation_done": "contradicts evaluation_outcome", "evaluation_outcome": "contradicts evaluation_done"},
		],
	}
	faults := lookup.faults with data.privacy_registers as {"consents": {"ref-1": {"facts": facts}}}
	faults == {{"kind": "consents", "id": "ref-1", "fact": fact, "is": is} | some fact, is in expected}
}

_reason(request, registers) := _context(request, registers).reason

_context(request, registers) := given if {
	given := t.context(request) with data.privacy_registers as registers
}

_with_evidence(evidence, request) := object.union(request, {"context": {"evidence": evidence}})

_used(facts) := t.asks("use", ["email_address"], "improve_products_services", object.union(
	{"processing_ground": "contract"},
	facts,
))

_delivered(facts) := t.to("third_party_service_provider", t.asks("disclose", ["email_address"], "deliver_products", object.union(
	{"processing_ground": "contract"},
	facts,
)))

_received(facts) := t.by("third_party_service_provider", t.asks("use", ["email_address"], "deliver_products", object.union(
	{"received_under": "3-a"},
	facts,
)))

_shared(facts) := t.to("affiliate", t.asks("share", ["email_address"], "improve_products_services", object.union(
	{"processing_ground": "contract"},
	facts,
)))

_public(purpose, facts) := t.to("government_body", t.asks("disclose", ["email_address"], purpose, facts))

_against_fraud(facts) := t.asks("use", ["email_address"], "anti_fraud", object.union(
	{
		"processing_ground": "contract",
		"source": "online_transaction_with_csw",
		"transaction_completed": true,
		"absolutely_necessary": true,
		"evaluation_done": true,
		"evaluation_outcome": "favourable",
	},
	facts,
))
