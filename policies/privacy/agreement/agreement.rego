# METADATA
# title: What the agreement's bundle says of itself
package privacy.agreement

import data.privacy.vocabulary

# METADATA
# title: The terms that may stand in labels of metrics and in route tables, and the types of obligations
terms := {
	"action": [name | some name, _ in vocabulary.actions],
	"purpose": [name | some name, _ in vocabulary.purposes],
	"reason": [name | some name, _ in vocabulary.reasons],
	"obligation": [name | some name, _ in vocabulary.obligations],
	"subject": [name | some name, _ in vocabulary.subjects],
	"recipient": [name | some name, _ in vocabulary.recipients],
	"category": [name | some name, _ in vocabulary.categories],
	"fact": [name | some name, _ in vocabulary.facts],
	"obligation_type": [vocabulary.obligation_type],
}
