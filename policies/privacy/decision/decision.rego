# METADATA
# title: The decision
# description: The one entrypoint. Combines what the clauses find, category by category, into an answer.
# entrypoint: true
package privacy.decision

import data.privacy.lib.registers
import data.privacy.lib.request

# METADATA
# title: The answer to an AuthZEN evaluation
# description: >-
#   `decision` is true exactly when every category is permitted. The request is checked as it came; then the facts of
#   the registers take the place of the caller's.
decision := _invalid if {
	request.problems[_]
} else := answer if {
	registers.entries[_]
	answer := _answered with input.context.facts as registers.facts
} else := _answered

_answered := object.union(_decided, {"context": {"explanation": explanation}}) if {
	input.context.answer == "explain"
} else := object.union(_decided, {"context": {"remedies": remedies}}) if {
	input.context.answer == "remedies"
} else := _decided
