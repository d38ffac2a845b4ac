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
