# METADATA
# title: What the agreement's bundle says of itself
package privacy.agreement

import data.privacy.vocabulary

# METADATA
# title: The terms that may stand in labels of metrics, and the types of obligations
terms := {
	"action": [name | some name, _ in vocabulary.actions],
	"purpose": [name | some name, _ in vocabulary.purposes],
	"reason": [name | some name, _ in vocabulary.reasons],
	"obligation": [name | some name, _ in vocabulary.obligations],
	"obligation_type": [vocabulary.obligation_type],
}
