# From findings to one verdict for each category.
package privacy.decision

import future.keywords.not

import data.privacy.clauses
import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.lib.request
import data.privacy.lib.tables
import data.privacy.ways

# Of one category's faults the first of these speaks.
_speaks := {"prohibited": 1, "no_applicable_permission": 2, "condition_unmet": 3, "missing_fact": 4, "obligation_unmet": 5}

# Of several categories' reasons, and of several purposes', the first of these: what no further fact can mend.
_overall := {"prohibited": 1, "condition_unmet": 2, "obligation_unmet": 3, "no_applicable_permission": 4, "missing_fact": 5}

# The reason, and what has it, that comes first.
_first_overall(verdicts_by_name) := verdicts_by_name[first[1]] if {
	first := min({[_overall[reason], name] | reason := verdicts_by_name[name].reason})
}

# An act without categories is decided on as one thing.
_asked := act.categories if act.categories[0]

else := [_the_act]

_the_act := ""

_kinds := tables.kind_of if {
	act.operation == "collect"
} else := tables.kind_of if {
	input.context.facts.linked_to_ip
	clauses.ip_linked
} else := tables.kind_in_use

# METADATA
# title: The clauses that grant all that was asked
# description: >-
#   As a rule nothing stands in the way of any kind, so that no category needs to be looked at alone. Empty, or undefined, where
#   something is refused.
granted := _granted_for_each if {
	input.context.purpose[0]
} else := _granting(_kinds_asked) if {
	request.all_listed
} else := _granted_one_by_one

# Of several purposes each one has to be granted.
_granted_for_each := {clause | some clause in sets[_]} if {
	request.all_listed
	kinds := _kinds_asked
	sets := [granting | some purpose in input.context.purpose; granting := _granting(kinds) with input.context.purpose as purpose]
	count(sets) == count(input.context.purpose)
} else := granting if {
	granting := _granted_one_by_one
} else := set()

_granted_one_by_one := {clause | some clause in _final[_].clauses} if not { _final[_].faults }

_granting(kinds) := {clause | some clause in findings[_].clauses} if {
	not _one_by_one
	operation := act.operation
	findings := [found | some kind in kinds; found := finding(operation, kind, regime(kind))]
	not { findings[_].faults[_] }
}

# Of the categories that the vocabulary has.
_kinds_asked := {known[category] | some category in act.categories} if known := _kinds

# Where the categories of a kind may fare differently.
_one_by_one if input.context.facts.source_by_category

_one_by_one if clauses.excludes[_]

_one_by_one if {
	input.context.facts.shared_categories
	clauses.unshared[_]
}

_one_by_one if {
	input.resource.properties.categories[1]
	act.goes_out
	_apart[_]
}

# METADATA
# title: One purpose's verdict on each category
# description: Categories of one kind fare alike, unless clauses exclude one of them by name, or they come from different sources.
verdicts := {category: _ruled(source, kind, object.get(excluded, category, set())) |
	kinds := _kinds
	excluded := _excluded
	sources := input.context.facts.source_by_category
	elsewhere := _source
	some category in _asked
	kind := object.get(kinds, category, "unlisted")
	source := object.get(sources, category, elsewhere)
} if {
	input.context.facts.source_by_category
} else := {category: _ruled(source, kind, object.get(excluded, category, set())) |
	kinds := _kinds
	excluded := _excluded
	source := _source
	some category in _asked
	kind := object.get(kinds, category, "unlisted")
}

_source := source if source := input.context.facts.source

else := ""

# What the act is, and the regime, is the same for every source.
_found_from(source, kind) := finding(act.operation, kind, regime(kind)) if {
	source == _source
} else := found if {
	operation := act.operation
	regime_of_kind := regime(kind)
	found := finding(operation, kind, regime_of_kind) with input.context.facts.source as source
}

# Clauses that name categories exclude the others: of what was shared, and of company information.
_excluded := clauses.unshared if {
	input.context.facts.shared_categories
	act.operation == "see"
} else := {} if {
	ways.any_category[act.operation]
} else := {category: faults |
	kinds := _kinds
	some category, faults in clauses.excludes
	regime(object.get(kinds, category, "unlisted")) != "free"
}

_ruled(source, kind, excluded) := {"reason": "permitted", "clauses": found.clauses} if {
	excluded == set()
	_apart == set()
	found := _found_from(source, kind)
	found.faults == set()
} else := _refused(found.clauses, ((found.faults | excluded) | _apart)) if {
	regime(kind) != "undecided"
	not clauses.key_kept
	found := _found_from(source, kind)
} else := _refused(found.clauses, _mended(source, kind, ((found.faults | excluded) | _apart))) if {
	found := _found_from(source, kind)
}

# A refusal cites what stands in the way, and the clause that would have granted it.
_refused(asked, telling) := {
	"reason": reason,
	"asked": asked,
	"faults": faults,
	"limits": ({clause | clause := faults[_].clause} | {clause | clause := asked[0]}),
} if {
	[_, reason] := min({[_speaks[reason], reason] | reason := telling[_].reason})
	faults := [told | some told in telling; told.reason == reason]
}

# A request outward that mixes both kinds shows that they are not joined.
_apart contains fault.missing("2-k", "combined_with_company_info") if {
	input.resource.properties.categories[1]
	act.goes_out
	_mixed
	not fault.stated("combined_with_company_info")
	not input.context.facts.separated
}

default _mixed := false

_mixed if {
	act.goes_out
	ways.insiders[input.subject.type]
	regimes := {regime(kind) | some kind in (_kinds_asked - {"act"})}
	regimes.free
	count(regimes) > 1
}

# What stands on both lists is company information unless it is said to be unlinked: where that refuses it, that is missing.
_mended(source, kind, faults) := faults | {fault.missing("2-c", "linked_to_company")} if {
	regime(kind) == "undecided"
	{found.reason | some found in faults} == {"missing_fact"}
} else := {fault.missing("2-c", "linked_to_company")} if {
	regime(kind) == "undecided"
	{found.reason | some found in faults} & {"no_applicable_permission", "prohibited"} != set()
	ways.insiders[input.subject.type]
	not ways.closed_sources[source]
} else := {fault.unmet("2-k")} if {
	input.context.facts.separated
	clauses.key_kept
	tables.kinds[kind].list != "company"
	fault.unfit("1.2-g") in faults
} else := faults

# METADATA
# title: One purpose's verdicts, a joined set taken as one
# description: Outward a joined set is never partial (2-k). What is refused keeps its reason, the rest takes the first of those.
settled := {category: _joined_verdict(verdict, cause) | some category, verdict in verdicts} if {
	clauses.joined
	act.goes_out
	cause := _first_overall(verdicts)
} else := verdicts

_joined_verdict(verdict, cause) := cause if verdict.reason == "permitted"

else := verdict

# METADATA
# title: Each category's verdict, all purposes taken together
# description: Each purpose must be permitted; clauses and missing facts are united, and the reason chosen as among categories.
_final := {category: _united([result[category] | some result in _by_purpose]) | some category in _asked} if {
	input.context.purpose[0]
} else := settled

_by_purpose := [result | some purpose in input.context.purpose; result := settled with input.context.purpose as purpose]

_united(verdicts_on_one) := {
	"reason": "permitted",
	"clauses": [clause | some verdict in verdicts_on_one; some clause in verdict.clauses],
} if {
	every verdict in verdicts_on_one { verdict.reason == "permitted" }
} else := {"reason": _first_overall(verdicts_on_one).reason, "asked": asked, "faults": faults, "limits": limits} if {
	asked := [clause | clause := verdicts_on_one[_].asked[0]]
	faults := [found | found := verdicts_on_one[_].faults[_]]
	limits := {clause | clause := faults[_].clause} | {clause | clause := asked[0]}
}
