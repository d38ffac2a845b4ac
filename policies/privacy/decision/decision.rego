# METADATA
# title: The decision
# description: The one entrypoint. Combines what the clauses find, category by category, into an answer.
# entrypoint: true
# schemas:
#   - input: schema.input
package privacy.decision

import data.privacy.lib.registers
import data.privacy.lib.request

decision := _invalid if {
	count(request.problems) > 0
} else := answer if {
	count(registers.entries) > 0
	answer := _decided with input.context.facts as registers.facts
} else := _decided
