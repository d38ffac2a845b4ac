# METADATA
# title: What the agreement's bundle says of itself
package privacy.agreement

import data.privacy.vocabulary

# METADATA
# title: The terms that may stand in labels of metrics
terms := {
	"action": object.keys(vocabulary.actions),
	"purpose": object.keys(vocabulary.purposes),
	"reason": object.keys(vocabulary.reasons),
	"obligation": object.keys(vocabulary.obligations),
}
