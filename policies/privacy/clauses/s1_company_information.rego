# Section 1: what company information is, and what CSW, its affiliates and the company may do about it.

# METADATA
# scope: package
# title: The clauses, one rule each
# description: >-
#   Each file holds the rules of one section. A permission is `permits[id]`: the set of faults that stand in its way, empty
#   where nothing does. Conditions and duties are the sets that permissions are made of. `prohibits` beats every permission.
#   `obliges[id]` is what comes along where the clause is cited for a permission.
package privacy.clauses

import future.keywords.not

import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.ways

# METADATA
# scope: document
# title: Whatever identifies or reaches one company is company information
# custom:
#   clause: 1-a
identified if input.context.facts.identifies_company

identified if input.context.facts.can_contact_company

# METADATA
# title: A company in touch may be asked for information
# description: Asking is the first step of collecting, and turns on the same touchpoint.
# custom:
#   clause: 1-b
asks(kind) := at_touchpoint(kind) | _declined if input.action.name == "request"

# METADATA
# title: Company information passes inside the group, between members that are verified
# custom:
#   clause: 1-c
around contains found if {
	input.subject.type == "affiliate"
	some found in fault.gate("1-c", "affiliate_verified")
}

around contains found if {
	input.context.recipient.type == "affiliate"
	act.operation == "within"
	some found in fault.gate("1-c", "affiliate_verified")
}

# METADATA
# title: Company information is joined to other information for CSW's own offerings
# custom:
#   clause: 1-d
permits["1-d"] := processing if not other_half_closed

# METADATA
# title: The other half of a combination came from where CSW does not draw
# description: Joining must not launder what could not have been had (1.3-a, 1.3-b).
other_half_closed if {
	ways.closed_sources[input.context.facts.other_source]
	act.operation == "combine"
}

# METADATA
# title: A company need not supply what it is asked for
# custom:
#   clause: 1-e
permits["1-e"] := set() if act.operation == "decline"

_declined := {fault.unmet("1-e")} if input.context.facts.company_declined

else := set()

# METADATA
# title: Service ends only where what was withheld is needed for it
# description: An account that breaks the agreement may be refused too (3-f).
# custom:
#   clause: 1-f
permits["1-f"] := set() if {
	input.context.facts.account_complies == false
} else := {fault.unmet("1-e")} if {
	not input.context.facts.company_declined
} else := fault.gate("1-f", "information_needed_for_service")

obliges["1-f"] contains "warn_service_may_be_unavailable" if {
	act.operation == "decline"
	not input.context.facts.information_needed_for_service == false
}

# Cited beside what grants.
also_cited contains "1-c" if input.subject.type == "affiliate"

also_cited contains "1-c" if {
	input.context.recipient.type == "affiliate"
	act.operation == "within"
}
