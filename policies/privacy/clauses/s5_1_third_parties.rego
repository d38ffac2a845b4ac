# Section 5.1: third parties that collect for themselves.
package privacy.clauses

import future.keywords.not

# METADATA
# scope: document
# title: What a third party collects on its own account is not governed here
# custom:
#   clause: 5.1-b
out_of_scope if {
	input.context.facts.collected_by == "third_party"
	data.privacy.vocabulary.actions[input.action.name].kind in {"handling", "passing_on"}
}

out_of_scope if {
	input.subject.type == "third_party_site"
	input.action.name == "collect"
	not input.context.facts.collected_by
}
