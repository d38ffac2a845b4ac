# METADATA
# title: What the agreement's bundle says of itself
package privacy.agreement

import data.privacy.lib.facts
import data.privacy.vocabulary

# METADATA
# title: The terms that may stand in labels of metrics, in route tables and in records
# description: |
#   Beside the names, the types of obligations, and what a fact's value may be: `fact.<name>` lists its
#   texts, `fact_integer` names the facts that are whole numbers. Records tell no other values.
terms := object.union(facts.texts, {
	"action": [name | some name, _ in vocabulary.actions],
	"purpose": [name | some name, _ in vocabulary.purposes],
	"reason": [name | some name, _ in vocabulary.reasons],
	"obligation": [name | some name, _ in vocabulary.obligations],
	"subject": [name | some name, _ in vocabulary.subjects],
	"recipient": [name | some name, _ in vocabulary.recipients],
	"category": [name | some name, _ in vocabulary.categories],
	"fact": [name | some name, _ in vocabulary.facts],
	"obligation_type": [vocabulary.obligation_type],
	"resource": ["information"],
	"record": [name | some name, _ in vocabulary.records],
	"fact_integer": facts.integers,
})

# METADATA
# title: What may stand in registers
# description: |
#   `at` is where their entries are, `kinds` by what a request finds an entry of each kind, and `faults`
#   names the rule that says what is wrong with the facts of those that there are. `by_entry_alone` promises that a text that
#   stands there counts by nothing but the entries that it selects: no rule may tell two ids apart that select none.
registers := {
	"at": "privacy_registers",
	"kinds": {kind: known.found_by | some kind, known in vocabulary.registers},
	"faults": "privacy/lib/registers/faults",
	"by_entry_alone": true,
}
