package privacy.search_test

import data.privacy.decision
import data.privacy.lib.testing_test as t
import data.privacy.search
import data.privacy.vocabulary

_names := ["company_name", "email_address"]

_asks := t.asks("use", _names, "fulfil_request", {"processing_ground": "contract"})

_permitted(candidate) if {
	asked := object.union(_asks, candidate)
	answer := decision.decision with input as asked
	answer.decision
}

test_actions_are_those_that_are_permitted if {
	asked := json.remove(_asks, ["action"])
	found := search.actions with input as asked
	found == {action | some name, _ in vocabulary.actions; action := {"name": name}; _permitted({"action": action})}
	{"name": "use"} in found
	not {"name": "sell"} in found
}

test_categories_are_those_that_are_permitted_alone if {
	asked := object.union(json.remove(_asks, ["resource"]), {"resource": {"type": "information"}})
	found := search.resources with input as asked
	{resource.id | some resource in found} == {category |
		some category, _ in vocabulary.categories
		_permitted({"resource": {"properties": {"categories": [category]}}})
	}
	{"type": "information", "id": "company_name", "properties": {"categories": ["company_name"]}} in found
}

test_only_the_categories_that_are_named_are_looked_at if {
	found := search.resources with input as object.union(_asks, {"resource": {"properties": {"categories": ["company_name", "shoe_size"]}}})
	{resource.id | some resource in found} == {"company_name"}
}

test_nothing_is_found_where_nothing_is_permitted[name] if {
	some name, asked in {
		"a sale": object.union(_asks, {"action": {"name": "sell"}, "context": {"recipient": {"type": "third_party"}}}),
		"a purpose that is prohibited": object.union(_asks, {"context": {"purpose": "resale"}}),
		"a purpose of a wrong type": object.union(_asks, {"context": {"purpose": 7}}),
		"facts of a wrong type": object.union(_asks, {"context": {"facts": 7}}),
	}
	resources := search.resources with input as asked
	subjects := search.subjects with input as asked
	resources | subjects == set()
}

test_what_is_unknown_finds_nothing if {
	resources := search.resources with input as object.union(_asks, {"resource": {"type": "shoe"}})
	subjects := search.subjects with input as object.union(_asks, {"subject": {"type": "alien"}})
	resources | subjects == set()
}

test_a_kind_of_party_has_its_own_name if {
	found := search.subjects with input as _asks
	found == {{"type": "csw", "id": "csw"}}
}

test_party_stands_for_every_kind if {
	known := t.knowing({"affiliate_verified": true}, _asks)
	found := search.subjects with input as object.union(known, {"subject": {"type": "party"}})
	found == {party |
		some type, _ in vocabulary.subjects
		party := {"type": type, "id": type}
		asked := object.union(known, {"subject": party})
		answer := decision.decision with input as asked
		answer.decision
	}
	{"csw", "affiliate"} & {party.type | some party in found} == {"csw", "affiliate"}
}

test_the_members_are_those_of_the_register if {
	registers := {"affiliates": {
		"csw-sea": {"facts": {"affiliate_verified": true}},
		"csw-old": {"facts": {"affiliate_verified": false}},
	}}
	asked := object.union(_asks, {"subject": {"type": "affiliate"}})
	found := search.subjects with input as asked with data.privacy_registers as registers
	found == {{"type": "affiliate", "id": "csw-sea"}}
}
