# Section 1.3: where else information about a company may come from.
package privacy.clauses

import future.keywords.not

import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.ways

# METADATA
# title: Another user who shared content with the company
# custom:
#   clause: 1.3-a
comes_from_another if input.context.facts.source == "sharing_user"

# METADATA
# title: Another user who invited the company
# custom:
#   clause: 1.3-b
comes_from_another if input.context.facts.source == "inviting_user"

# CSW draws on nobody else: the list is closed.
processing contains fault.unfit(clause) if {
	ways.closed_sources[input.context.facts.source]
	some clause in ["1.2-g", "1.3-a", "1.3-b"]
}

# METADATA
# title: A third party checks the details given at ID creation, for security and against fraud
# custom:
#   clause: 1.3-c
permits["1.3-c"] := union({processing, bound, fault.only("1.3-c", "source", "id_creation"), _with_a_verifier})

_with_a_verifier := set() if {
	act.recipient_kind == "third_party"
} else := {fault.missing("1.3-c", "recipient")} if {
	not act.recipient_outside
} else := {fault.unfit("1.3-c")}

# Cited beside what grants.
also_cited contains "1.3-a" if input.context.facts.source == "sharing_user"

also_cited contains "1.3-b" if input.context.facts.source == "inviting_user"
