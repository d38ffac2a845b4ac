# METADATA
# title: The searches
# description: >-
#   Who may, what may be touched, and what may be done (AuthZEN 1.0, section 8): each candidate of the vocabulary and of the registers
#   is put to the decision, and those stay that are permitted. The agreement knows parties by their kind; an id only where
#   a register has one.
package privacy.search

import data.privacy.decision
import data.privacy.vocabulary

# METADATA
# scope: document
# title: Which parties may do this with this information
# description: >-
#   Of the type asked for: its registered members, and the kind as such, under its own name. The type `party` stands for every kind.
subjects contains party if {
	some type in _types
	some id in _members(type)
	party := {"type": type, "id": id}
	_permitted({"subject": party})
}

_types := {input.subject.type} if {
	vocabulary.subjects[input.subject.type]
} else := {type | some type, _ in vocabulary.subjects} if {
	input.subject.type == "party"
} else := set()

_members(type) := {type} | {id | some id, _ in data.privacy_registers[vocabulary.subjects[type].register]}

# METADATA
# scope: document
# title: Which categories this party may have
# description: Each taken alone. Where the request names categories, only those are looked at.
resources contains {"type": "information", "id": category, "properties": {"categories": [category]}} if {
	input.resource.type == "information"
	some category in _categories
	_permitted({"resource": {"id": category, "properties": {"categories": [category]}}})
}

_categories := {category | some category in asked; vocabulary.categories[category]} if {
	asked := input.resource.properties.categories
} else := {category | some category, _ in vocabulary.categories}

# METADATA
# scope: document
# title: Which actions this party may take on this information
actions contains {"name": action} if {
	some action, _ in vocabulary.actions
	_permitted({"action": {"name": action}})
}

_permitted(candidate) if {
	asked := object.union(input, candidate)
	answer := decision.decision with input as asked
	answer.decision
}
