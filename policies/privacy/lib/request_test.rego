package privacy.lib.request_test

import data.privacy.lib.testing_test as t
import data.privacy.vocabulary

test_facts_that_contradict_each_other[name] if {
	some name, [facts, places, clauses] in {
		"an outcome of an evaluation that was not made": [
			{"evaluation_done": false, "evaluation_outcome": "favourable"},
			{"/context/facts/evaluation_done", "/context/facts/evaluation_outcome"},
			{"1.2-p"},
		],
		"not necessary, and necessary for an item": [
			{"absolutely_necessary": false, "absolutely_necessary_for": ["email_address"]},
			{"/context/facts/absolutely_necessary", "/context/facts/absolutely_necessary_for"},
			{"1.2-o"},
		],
		"not shared, and an item shared": [
			{"shared_by_company": false, "shared_categories": ["email_address"]},
			{"/context/facts/shared_by_company", "/context/facts/shared_categories"},
			{"4-d", "4-f"},
		],
		"linked to no company, and identifying one": [
			{"linked_to_company": false, "identifies_company": true},
			{"/context/facts/linked_to_company", "/context/facts/identifies_company"},
			{"1-a", "2-a"},
		],
		"no legal process, and a demand's scope": [
			{"legal_process": "none", "demand_scope": ["email_address"]},
			{"/context/facts/legal_process", "/context/facts/demand_scope"},
			{"3-g"},
		],
		"no legal process, and a demand for nothing": [
			{"legal_process": "none", "demand_scope": []},
			{"/context/facts/legal_process", "/context/facts/demand_scope"},
			{"3-g"},
		],
		"joined, and taken apart": [
			{"combined_with_company_info": true, "separated": true},
			{"/context/facts/combined_with_company_info", "/context/facts/separated"},
			{"2-k"},
		],
	}
	request := _used(facts)
	t.context(request).reason == "invalid_request"
	_places(request) == places
	t.cited(request) == clauses
}

test_facts_that_do_not_contradict_each_other[name] if {
	some name, facts in {
		"an outcome of an evaluation that was made": {"evaluation_done": true, "evaluation_outcome": "favourable"},
		"an outcome, and nothing about the evaluation": {"evaluation_outcome": "favourable"},
		"not necessary, and necessary for nothing": {"absolutely_necessary": false, "absolutely_necessary_for": []},
		"necessary for one item": {"absolutely_necessary": true, "absolutely_necessary_for": ["email_address"]},
		"not shared, and nothing shared": {"shared_by_company": false, "shared_categories": []},
		"linked to a company, and identifying it": {"linked_to_company": true, "identifies_company": true},
		"linked to no company, and identifying none": {"linked_to_company": false, "identifies_company": false},
		"no legal process, and no scope": {"legal_process": "none"},
		"joined, and not taken apart": {"combined_with_company_info": true, "separated": false},
		"taken apart, and not joined": {"combined_with_company_info": false, "separated": true},
	}
	t.context(_used(facts)).problems == []
}

test_a_contradiction_refuses_whatever_else_would_be_prohibited if {
	request := t.asks("sell", ["email_address"], "resale", {"combined_with_company_info": true, "separated": true})
	t.context(request).reason == "invalid_request"
}

test_every_fact_of_a_wrong_type_or_value[name] if {
	some fact, entry in vocabulary.facts
	some wrong in _wrong[entry.type]
	name := $"{fact}: {json.marshal(wrong)}"
	problems := data.privacy.lib.request.problems with input as _used({fact: wrong})
	[[problem.at, problem.clauses] | some problem in problems] == [[concat("/", ["/context/facts", fact]), entry.clauses]]
}

test_a_fact_of_a_wrong_type_or_value_refuses_the_request[name] if {
	some fact, wrong in {
		"consent": "odd",
		"to_improve": "true",
		"aggregate_size": 2.5,
		"consent_scope": 7,
		"demand_scope": "email_address",
		"source_by_category": {"email_address": "odd"},
		"received_under": "9-z",
	}
	name := $"{fact}: {vocabulary.facts[fact].type}"
	request := _used({fact: wrong})
	t.context(request).reason == "invalid_request"
	_places(request) == {concat("/", ["/context/facts", fact])}
	t.cited(request) == {clause | some clause in vocabulary.facts[fact].clauses}
}

test_every_fact_of_a_right_type_and_value[name] if {
	some fact, entry in vocabulary.facts
	some right in _right(entry)
	name := $"{fact}: {json.marshal(right)}"
	data.privacy.lib.request.problems == set() with input as _used({fact: right})
}

test_every_type_of_fact_is_tested_here if {
	{entry.type | some entry in vocabulary.facts} == object.keys(_wrong)
}

test_facts_are_an_object[name] if {
	some wrong in ["odd", 7, true, false, null, [], ["consent"]]
	name := json.marshal(wrong)
	_refused(_patched("/context/facts", wrong), "/context/facts")
}

test_a_purpose_is_a_text_or_a_list_of_texts[name] if {
	some wrong in [7, true, false, {}, {"odd": "odd"}, [7], ["own_advertising", null], [["own_advertising"]]]
	name := json.marshal(wrong)
	_refused(_patched("/context/purpose", wrong), "/context/purpose")
}

test_a_blank_purpose_is_none[name] if {
	some blank in ["", []]
	name := json.marshal(blank)
	context := t.context(_patched("/context/purpose", blank))
	[context.reason, context.missing_facts] == ["missing_fact", ["purpose"]]
}

test_a_recipient_is_an_object[name] if {
	some wrong in ["affiliate", 7, true, false, [], ["affiliate"]]
	name := json.marshal(wrong)
	_refused(_patched("/context/recipient", wrong), "/context/recipient")
}

test_a_recipients_type_is_a_text[name] if {
	some wrong in [7, true, null, [], {}]
	name := json.marshal(wrong)
	_refused(_patched("/context/recipient", {"type": wrong, "id": "other"}), "/context/recipient/type")
}

test_a_recipient_of_no_type_is_unknown if {
	request := object.union(_patched("/context/recipient", {"id": "other"}), {"action": {"name": "share"}})
	context := t.context(request)
	[context.reason, context.missing_facts] == ["missing_fact", ["recipient"]]
}

test_categories_are_a_list_of_texts[name] if {
	some wrong in ["email_address", 7, true, {}, {"0": "email_address"}, [7], ["email_address", null], [["email_address"]], [{}]]
	name := json.marshal(wrong)
	_refused(_patched("/resource/properties/categories", wrong), "/resource/properties/categories")
}

test_evidence_maps_facts_to_texts[name] if {
	some wrong in ["ref-1", 7, true, false, [], ["ref-1"], {"consent": 7}, {"consent": ["ref-1"]}, {"consent": null}]
	name := json.marshal(wrong)
	_refused(_patched("/context/evidence", wrong), "/context/evidence")
}

test_nothing_to_decide_on[name] if {
	some name, request in {
		"an empty list": _patched("/resource/properties/categories", []),
		"no list": json.remove(_used({}), ["/resource/properties/categories"]),
		"no properties": json.remove(_used({}), ["/resource/properties"]),
		"nothing but the action": {"action": {"name": "use"}},
		"an action that nobody knows": object.union(_patched("/resource/properties/categories", []), {"action": {"name": "wizardry"}}),
	}
	_refused(request, "/resource/properties/categories")
}

test_nothing_is_needed_to_decide_on[name] if {
	some action, request in {
		"update_policy": t.asks("update_policy", [], "policy_change", {}),
		"complain": t.by("company", t.asks("complain", [], "privacy_complaint", {})),
		"contact_dpo": t.by("company", t.asks("contact_dpo", [], "privacy_complaint", {})),
	}
	some shape, asked in {
		"an empty list": request,
		"no list": json.remove(request, ["/resource/properties/categories"]),
		"no properties": json.remove(request, ["/resource/properties"]),
	}
	name := $"{action}: {shape}"
	context := t.context(asked)
	[context.reason, context.permitted, context.denied] == ["permitted", [], []]
}

# A list of another type is wrong there too.
test_what_is_there_is_checked_all_the_same if {
	request := t.asks("update_policy", [7], "policy_change", {})
	t.context(request).reason == "invalid_request"
}

test_unknown_terms_are_pointed_at[name] if {
	some name, [request, places] in {
		"none": [_used({}), set()],
		"a subject": [t.by("wizardry", _used({})), {"/subject/type"}],
		"an action": [object.union(_used({}), {"action": {"name": "wizardry"}}), {"/action/name"}],
		"a resource": [object.union(_used({}), {"resource": {"type": "wizardry"}}), {"/resource/type"}],
		"a category": [
			_patched("/resource/properties/categories", ["email_address", "wizardry"]),
			{"/resource/properties/categories/1"},
		],
		"a purpose": [_patched("/context/purpose", "wizardry"), {"/context/purpose"}],
		"a purpose of several": [
			_patched("/context/purpose", ["own_advertising", "wizardry"]),
			{"/context/purpose/1"},
		],
		"a recipient": [t.to("wizardry", _used({})), {"/context/recipient/type"}],
		"a fact": [_used({"wizardry": true}), {"/context/facts"}],
		"a blank purpose is none": [_patched("/context/purpose", ""), set()],
	}
	{place | some place in t.context(request).unknown_terms} == places
}

test_what_a_caller_sent_is_not_echoed[name] if {
	some name, request in {
		"a subject": t.by("wizardry", _used({})),
		"an action": object.union(_used({}), {"action": {"name": "wizardry"}}),
		"a resource": object.union(_used({}), {"resource": {"type": "wizardry", "id": "wizardry"}}),
		"a purpose": _patched("/context/purpose", "wizardry"),
		"a recipient": t.to("wizardry", _used({})),
		"a fact's name": _used({"wizardry": true}),
		"a fact's value": _used({"consent": "wizardry"}),
		"a category in a fact": _used({"categories_needed": ["wizardry"]}),
		"evidence": _patched("/context/evidence", {"wizardry": "wizardry"}),
		"faulty evidence": _patched("/context/evidence", "wizardry"),
		"faulty facts": _patched("/context/facts", "wizardry"),
		"a faulty list of categories": _patched("/resource/properties/categories", "wizardry"),
	}
	some answer in ["full", "explain"]
	context := t.context(object.union(request, {"context": {"answer": answer}}))
	not contains(json.marshal(context), "wizardry")
}

test_a_faulty_request_still_says_what_it_was_asked if {
	context := t.context(t.asks("use", ["phone_number", "email_address"], "own_advertising", {"consent": "odd"}))
	context.outcome == "denied"
	context.permitted == []
	[[denied.category, denied.reason, denied.clauses] | some denied in context.denied] == [
		["phone_number", "invalid_request", ["1.2-f", "2-j"]],
		["email_address", "invalid_request", ["1.2-f", "2-j"]],
	]
	[object.keys(problem) | some problem in context.problems] == [{"at", "is"}]
}

test_several_problems_are_all_told if {
	request := object.union(_used({"consent": "odd", "to_improve": 7}), {"context": {"purpose": 7}})
	_places(request) == {"/context/facts/consent", "/context/facts/to_improve", "/context/purpose"}
}

test_the_leanest_request_is_answered[name] if {
	some name, [request, expected] in {
		"no context": [json.remove(_used({}), ["/context"]), "missing_fact"],
		"no context, and non-company information": [
			json.remove(t.asks("use", ["language"], "x", {}), ["/context"]),
			"permitted",
		],
		"no subject": [json.remove(_used({}), ["/subject"]), "no_applicable_permission"],
		"no action": [json.remove(_used({}), ["/action"]), "no_applicable_permission"],
		"no facts": [json.remove(_used({}), ["/context/facts"]), "missing_fact"],
	}
	t.context(request).reason == expected
}

_wrong := {
	"enum": ["odd", "", 7, true, null, [], {}, ["explicit"]],
	"boolean": ["true", 0, 1, null, [], {}],
	"integer": [-1, 2.5, "2", true, null, [], {}],
	"string": [7, true, null, [], {}],
	"category_list": ["email_address", 7, true, null, {}, [7], ["email_address", null], [[]]],
	"category_sources": ["survey", 7, true, null, [], ["survey"], {"email_address": "odd"}, {"email_address": 7}],
	"clause": ["9-z", "", 7, true, null, [], {}],
}

_right(fact) := object.keys(fact.values) if fact.type == "enum"

_right(fact) := [true, false] if fact.type == "boolean"

_right(fact) := [0, 2, 1000000] if fact.type == "integer"

_right(fact) := ["", "email_address"] if fact.type == "string"

_right(fact) := [[], ["email_address"], ["email_address", "odd"]] if fact.type == "category_list"

_right(fact) := [{}, {"email_address": "survey"}] if fact.type == "category_sources"

_right(fact) := object.keys(data.privacy.agreement.clauses) if fact.type == "clause"

_used(facts) := t.asks("use", ["email_address"], "improve_products_services", facts)

_patched(path, value) := json.patch(_used({"processing_ground": "contract"}), [{"op": "add", "path": path, "value": value}])

_places(request) := {problem.at | some problem in t.context(request).problems}

_refused(request, place) if {
	context := t.context(request)
	context.reason == "invalid_request"
	context.clauses != []
	{problem.at | some problem in context.problems} == {place}
}
