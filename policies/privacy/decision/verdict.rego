# From findings to one verdict for each category.
package privacy.decision

import data.privacy.clauses
import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.ways

# The most telling reason first: what no further fact can mend speaks before what one can.
_in_the_way := ["prohibited", "no_applicable_permission", "condition_unmet", "missing_fact", "obligation_unmet"]

# METADATA
# title: One purpose's verdict on each category
verdicts[category] := verdict if {
	some category in _asked
	found := _found(category)
	faults := _mended(category, (found.faults | _narrowed(category)) | _apart)
	verdict := _verdict(faults, found.clauses)
}

_verdict(faults, asked) := {"reason": "permitted", "clauses": asked} if {
	count(faults) == 0
} else := {"reason": reason, "clauses": asked, "faults": [found | some found in faults; found.reason == reason]} if {
	reason := [r | some r in _in_the_way; some found in faults; found.reason == r][0]
}

# An act without categories is decided on as one thing.
_asked := act.categories if act.categories[0] else := [_the_act]

_the_act := ""

_kind(category) := kind if kind := ways.kind_of[category] else := "act" if category == _the_act else := "unlisted"

_found(category) := found if {
	source := input.context.facts.source_by_category[category]
	found := finding(_kind(category)) with input.context.facts.source as source
} else := finding(_kind(category))

# Faults of single categories, as clauses that name categories exclude the others.
_narrowed(category) := narrowed if {
	narrowed := clauses.excludes[category]
	_narrows(category)
} else := set()

_narrows(category) if regime(_kind(category)) != "free"

_narrows(_) if act.operation == "see"

# A request outward that mixes both kinds shows that they are not joined.
_apart := {fault.missing("2-k", "combined_with_company_info")} if {
	_mixed
	not fault.stated("combined_with_company_info")
	not input.context.facts.separated
} else := set()

_mixed if {
	act.goes_out
	ways.insiders[input.subject.type]
	some kind in act.kinds
	kind != "unlisted"
	regime(kind) == "free"
	some other in act.kinds
	regime(other) in {"company", "undecided"}
}

# What stands on both lists is company information unless it is said to be unlinked: where that refuses it, that is missing.
_mended(category, faults) := faults | {fault.missing("2-c", "linked_to_company")} if {
	regime(_kind(category)) == "undecided"
	{found.reason | some found in faults} == {"missing_fact"}
} else := {fault.missing("2-c", "linked_to_company")} if {
	regime(_kind(category)) == "undecided"
	{found.reason | some found in faults} & {"no_applicable_permission", "prohibited"} != set()
	ways.insiders[input.subject.type]
	not ways.closed_sources[input.context.facts.source]
} else := faults

# METADATA
# title: One purpose's verdicts, a joined set taken as one
# description: Outward a joined set is never partial (2-k). What is refused keeps its reason, the rest takes the first of those.
settled[category] := verdicts[category] if {
	some category in _asked
	not _torn
}

settled[category] := verdict if {
	_torn
	some category in _asked
	verdict := _joined_verdict(verdicts[category])
}

_torn if {
	clauses.joined
	act.goes_out
	count(_refusals) > 0
}

_refusals := [verdict | some reason in _overall; some verdict in verdicts; verdict.reason == reason]

_joined_verdict(verdict) := _refusals[0] if verdict.reason == "permitted" else := verdict
