# METADATA
# title: Registers, and what they say of this request
# description: >-
#   The one place where registers are looked up. An entry decides the facts that it names, whatever the caller says; past its
#   `until` it makes them unknown. Two entries that disagree on a fact make it unknown too: the convenient one is not picked.
package privacy.lib.registers

import future.keywords.not

# METADATA
# title: Entries that this request selects
# description: By the recipient, the subject, and the references given as evidence for a fact that the entry names.
entries contains data.privacy_registers.recipients[id] if {
	id := input.context.recipient.id
	data.privacy_registers.recipients[id]
}

entries contains data.privacy_registers.recipients[id] if {
	id := input.subject.id
	data.privacy_registers.recipients[id]
}

entries contains data.privacy_registers.affiliates[id] if {
	id := input.context.recipient.id
	data.privacy_registers.affiliates[id]
}

entries contains data.privacy_registers.affiliates[id] if {
	id := input.subject.id
	data.privacy_registers.affiliates[id]
}

entries contains data.privacy_registers.employees[id] if {
	id := input.subject.id
	data.privacy_registers.employees[id]
}

entries contains entry if {
	input.context.evidence
	some fact, reference in input.context.evidence
	some kind in ["evaluations", "determinations", "demands", "consents", "stores"]
	entry := data.privacy_registers[kind][reference]
	fact in object.keys(entry.facts)
}

# METADATA
# title: The request's facts as the registers leave them
facts := object.union(object.remove(_stated, _named), _decided)

default _stated := {}

# Named as a whole: else the decision would read all of the context.
_stated := input.context.facts

_named contains fact if {
	some entry in entries
	some fact, _ in entry.facts
}

_decided[fact] := value if {
	some entry in entries
	some fact, value in entry.facts
	not fact in _unknown
}

_unknown contains fact if {
	some entry in entries
	not _current(entry)
	some fact, _ in entry.facts
}

_unknown contains fact if {
	some entry in entries
	some other in entries
	some fact, value in entry.facts
	other.facts[fact] != value
}

_current(entry) if not "until" in object.keys(entry)

_current(entry) if entry.until >= input.environment.date
