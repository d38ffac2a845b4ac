# Whether a category counts as company information.
package privacy.decision

import future.keywords.not

import data.privacy.clauses
import data.privacy.lib.act
import data.privacy.lib.tables

# METADATA
# title: Which regime a kind of category falls under in this request
# description: >-
#   `company` or `free`; `undecided` where it stands on both lists and nothing says whether it is linked (treated as company
#   information); `unproven` where nothing says what it is.
regime(kind) := "company" if {
	tables.kinds[kind].list == "company"
} else := "company" if {
	clauses.reclassified
} else := "company" if {
	linked_to_ip(kind)
} else := "free" if {
	tables.kinds[kind].list == "other"
} else := _regime_of_both if {
	tables.kinds[kind].list == "both"
} else := _regime_of_aggregates if {
	tables.kinds[kind].list == "aggregate"
} else := _regime_of_unlisted

_regime_of_both := "free" if input.context.facts.linked_to_company == false

else := "undecided"

_regime_of_aggregates := "free" if {
	clauses.aggregate_of_many
} else := "company" if {
	clauses.aggregate_of_few
} else := "unproven"

_regime_of_unlisted := "company" if {
	clauses.identified
} else := "free" if {
	clauses.not_identified
} else := "unproven"

# METADATA
# scope: document
# title: Usage tied to an IP address, and the address, where the tie is allowed
linked_to_ip(kind) if {
	clauses.ip_linked
	kind in {"usage", "ip"}
	input.context.purpose == "service_quality"
}

linked_to_ip(kind) if {
	clauses.ip_linked
	kind in {"usage", "ip"}
	act.goes_out
	input.context.purpose == "legal_process_response"
}
