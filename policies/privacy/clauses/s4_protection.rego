# Section 4: protection, and what companies themselves make public.
package privacy.clauses

import future.keywords.not

import data.privacy.lib.act
import data.privacy.lib.fault

# METADATA
# title: Company information is protected in transit
# custom:
#   clause: 4-a
around contains found if {
	act.moves
	some found in fault.duty("4-a", "transmission_protected")
}

around contains fault.breach("4-a") if {
	input.action.name == "collect"
	input.context.facts.transmission_protected == false
}

obliges["4-a"] contains "protect_in_transmission" if act.moves

# METADATA
# title: It is stored on systems with limited access
# custom:
#   clause: 4-b
around contains found if {
	input.action.name == "store"
	some found in fault.duty("4-b", "storage_limited_access")
}

obliges["4-b"] contains "store_on_limited_access_systems"

# METADATA
# title: Those systems stand in secured premises
# custom:
#   clause: 4-c
around contains found if {
	input.action.name == "store"
	some found in fault.duty("4-c", "storage_physical_security")
}

obliges["4-c"] contains "store_in_physically_secured_facility"

# METADATA
# title: Other users read, gather and use what a company shared
# custom:
#   clause: 4-d
permits["4-d"] := set() if {
	input.context.facts.shared_categories
} else := fault.gate("4-d", "shared_by_company")

# METADATA
# title: What a company posted is public, item by item
# custom:
#   clause: 4-f
unshared[category] contains fault.unmet("4-f") if {
	input.context.facts.shared_categories
	act.operation == "see"
	some category in act.unnamed_in(input.context.facts.shared_categories)
}

# METADATA
# title: A company answers for what it chooses to share
# custom:
#   clause: 4-e
permits["4-e"] := fault.only("4-e", "owner", "self")

obliges["4-e"] contains "company_bears_responsibility"

# Cited beside what grants.
also_cited contains "4-a" if act.moves
