# METADATA
# title: Registers, and what they say of this request
# description: >-
#   The one place where registers are looked up. An entry decides the facts that it names, whatever the caller says; past its
#   `until` it makes them unknown. Two entries that disagree on a fact make it unknown too: the convenient one is not picked.
package privacy.lib.registers

import future.keywords.not

import data.privacy.lib.request
import data.privacy.vocabulary

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

# METADATA
# title: What is wrong with the facts that entries name
# description: As a caller's facts are judged; an entry must not decide by what no caller may say.
faults contains {"kind": kind, "id": id, "fact": fact, "is": is} if {
	some kind, register in data.privacy_registers
	some id, entry in register
	some fact, is in _faulty(entry.facts)
}

_faulty(facts) := object.union(
	{fact: "unknown" | some fact, _ in facts; not vocabulary.facts[fact]},
	{fact: concat(", ", is) |
		some fact, _ in facts
		is := {problem.is | some problem in _problems(facts); problem.at == $"/context/facts/{fact}"}
		count(is) > 0
	},
)

_problems(facts) := problems if {
	problems := request.problems with input as {"context": {"facts": facts}}
}
