# METADATA
# title: What is wrong with a request, and what in it is unknown
# description: Says where (JSON pointers) and what, never what was sent.
package privacy.lib.request

import future.keywords.not

import data.privacy.lib.tables
import data.privacy.vocabulary
import data.privacy.ways

# METADATA
# title: What is wrong with the request, and where
problems := _amiss if {
	all_listed
} else := _amiss | _faulty

# METADATA
# title: Where the request uses terms that the vocabulary does not have
unknown_terms := set() if {
	all_listed
} else := _unknown_terms

# METADATA
# title: Every term and every value is one that is listed
# description: >-
#   The usual request, which need not be looked at piece by piece. A recipient and facts need not be given; those that are, and are
#   none, are what the two sets hold.
# scope: document
default all_listed := false

all_listed if {
	input.resource.type == "information"
	tables.subjects[input.subject.type]
	tables.actions[input.action.name]
	input.resource.properties.categories[0]
	{category | some category in input.resource.properties.categories} - tables.categories == set()
	_purpose_listed
	{recipient | recipient := input.context.recipient; not tables.recipients[recipient.type]} == set()
	{facts | facts := input.context.facts; not is_object(facts)} == set()
	_odd_facts == set()
}

_purpose_listed if {
	tables.purposes[input.context.purpose]
} else if {
	input.context.purpose[0]
	{purpose | some purpose in input.context.purpose} - tables.purposes == set()
} else := false if {
	_ = input.context.purpose
} else := true

# Facts that are unknown, or have a value that they cannot have. Most have one of a list, and are not looked at alone.
_odd_facts := {name | some [name, value] in unlisted; not _is_a(types[name], value)} if {
	unlisted := {[name, value] | some name, value in input.context.facts} - tables.values
	types := tables.types
}

_faulty contains {"at": _pointer(name), "is": _should_be[fact.type], "clauses": fact.clauses} if {
	some name in _odd_facts
	fact := vocabulary.facts[name]
}

_pointer(name) := concat("/", ["/context/facts", name])

_should_be := {
	"enum": "not one of the values this fact can have",
	"boolean": "not true or false",
	"integer": "not a whole number from 0",
	"string": "not a text",
	"category_list": "not a list of categories",
	"category_sources": "not a map from categories to sources",
	"clause": "not the id of a clause",
}

# The type is named in the body, where the index finds it.
_is_a(type, value) if {
	type == "category_list"
	is_array(value)
	{category | some category in value} - tables.categories == set()
} else if {
	type == "category_list"
	_list_of_texts(value)
}

_is_a(type, value) if {
	type == "integer"
	is_number(value)
	value >= 0
	value == floor(value)
}

_is_a(type, value) if {
	type == "string"
	is_string(value)
}

_is_a(type, value) if {
	type == "clause"
	data.privacy.agreement.clauses[value]
}

_is_a(type, value) if {
	type == "category_sources"
	is_object(value)
	{source | some source in value} - tables.sources == set()
}

_faulty contains {"at": "/context/facts", "is": "not an object", "clauses": ["1-a"]} if {
	facts := input.context.facts
	not is_object(facts)
}

_faulty contains {"at": "/context/purpose", "is": "not a purpose, nor a list of purposes", "clauses": ["1.2-g"]} if {
	purpose := input.context.purpose
	not is_string(purpose)
	not _list_of_texts(purpose)
}

_faulty contains {"at": "/context/recipient", "is": "not an object", "clauses": ["3-a"]} if {
	recipient := input.context.recipient
	not is_object(recipient)
}

_faulty contains {"at": "/context/recipient/type", "is": "not a text", "clauses": ["3-a"]} if {
	type := input.context.recipient.type
	not is_string(type)
}

_faulty contains {"at": "/resource/properties/categories", "is": "not a list of categories", "clauses": ["1-a", "2-a"]} if {
	list := input.resource.properties.categories
	not is_array(list)
}

_faulty contains {"at": "/resource/properties/categories", "is": "not a list of categories", "clauses": ["1-a", "2-a"]} if {
	some category in input.resource.properties.categories
	not ways.kind_of[category]
	not is_string(category)
}

_faulty contains {
	"at": "/resource/properties/categories",
	"is": "missing or empty: there is nothing to decide on",
	"clauses": ["1-a", "2-a"],
} if {
	not input.resource.properties.categories[0]
	not ways.no_category_needed[input.action.name]
}

_map_of_texts(value) if {
	is_object(value)
	_all_texts(value)
}

_list_of_texts(value) if {
	is_array(value)
	_all_texts(value)
}

_all_texts(items) if {type_name(item) | some item in items} - {"string"} == set()

# What no list of terms tells: references that are none, and facts that contradict each other.
_amiss contains {"at": "/context/evidence", "is": "not a map from facts to references", "clauses": ["1-a"]} if {
	evidence := input.context.evidence
	not _map_of_texts(evidence)
}

_amiss contains problem if {
	input.context.facts.evaluation_done == false
	input.context.facts.evaluation_outcome
	some problem in _contradiction(["evaluation_done", "evaluation_outcome"])
}

_amiss contains problem if {
	input.context.facts.absolutely_necessary == false
	input.context.facts.absolutely_necessary_for[_]
	some problem in _contradiction(["absolutely_necessary", "absolutely_necessary_for"])
}

_amiss contains problem if {
	input.context.facts.shared_by_company == false
	input.context.facts.shared_categories[_]
	some problem in _contradiction(["shared_by_company", "shared_categories"])
}

_amiss contains problem if {
	input.context.facts.linked_to_company == false
	input.context.facts.identifies_company == true
	some problem in _contradiction(["linked_to_company", "identifies_company"])
}

_amiss contains problem if {
	input.context.facts.legal_process == "none"
	input.context.facts.demand_scope
	some problem in _contradiction(["legal_process", "demand_scope"])
}

_amiss contains problem if {
	input.context.facts.combined_with_company_info == true
	input.context.facts.separated == true
	some problem in _contradiction(["combined_with_company_info", "separated"])
}

_contradiction(names) := {
	{"at": _pointer(names[0]), "is": $"contradicts {names[1]}", "clauses": vocabulary.facts[names[0]].clauses},
	{"at": _pointer(names[1]), "is": $"contradicts {names[0]}", "clauses": vocabulary.facts[names[1]].clauses},
}

_unknown_terms contains "/subject/type" if not vocabulary.subjects[input.subject.type]

_unknown_terms contains "/action/name" if not vocabulary.actions[input.action.name]

_unknown_terms contains "/resource/type" if input.resource.type != "information"

_unknown_terms contains "/context/purpose" if {
	is_string(input.context.purpose)
	input.context.purpose != ""
	not vocabulary.purposes[input.context.purpose]
}

_unknown_terms contains $"/context/purpose/{i}" if {
	some i, purpose in input.context.purpose
	not vocabulary.purposes[purpose]
}

_unknown_terms contains "/context/recipient/type" if {
	input.context.recipient.type
	not vocabulary.recipients[input.context.recipient.type]
}

_unknown_terms contains $"/resource/properties/categories/{i}" if {
	some i, category in input.resource.properties.categories
	not ways.kind_of[category]
}

_unknown_terms contains "/context/facts" if {
	some name in _odd_facts
	not vocabulary.facts[name]
}
