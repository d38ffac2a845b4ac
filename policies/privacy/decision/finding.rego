# What the clauses find about one kind of category, for one purpose.
package privacy.decision

import future.keywords.not

import data.privacy.clauses
import data.privacy.interpretation.switches
import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.lib.tables
import data.privacy.vocabulary
import data.privacy.ways

# METADATA
# title: What the clauses find about a kind of category
# description: >-
#   The faults that stand in the way (empty where the act is permitted), and the clauses that were asked. The operation and the
#   regime are handed in: they are the same for every source.
finding(operation, kind, regime) := {"faults": _forbidden, "clauses": _because(kind)} if {
	clauses.prohibits[_]
	_bound
	_counts_as_company(kind, regime)
} else := {"faults": {fault.unfit("1.2-g"), fault.unfit(_spoken_of)}, "clauses": []} if {
	operation in {"none", "claim"}
} else := {"faults": {fault.unfit("1-d"), fault.unfit("1.3-a"), fault.unfit("1.2-g")}, "clauses": []} if {
	operation == "combine"
	clauses.other_half_closed
} else := _of_any_category(way) if {
	ways.any_category[operation]
	kind != "unlisted"
	way := ways.any_category[operation]
} else := {"faults": _unproven(kind), "clauses": []} if {
	regime == "unproven"
} else := _of_developer(kind) if {
	operation == "develop"
} else := _for_developers(regime, kind) if {
	kind in {"device_usage", "aggregate"}
	clauses.for_developers(kind)
} else := _of_free(kind) if {
	regime == "free"
	ways.insiders[input.subject.type]
} else := {"faults": {fault.unfit("2-b"), fault.unfit("1.2-g")}, "clauses": []} if {
	regime == "free"
} else := {
	"faults": ((clauses.permits[way[0]] | clauses.around) | _by_kind(kind)),
	"clauses": array.concat(way, _company_clauses(operation, kind)),
} if {
	way := _open(kind)[operation][input.context.purpose]
} else := {"faults": clauses.tied_to_ip(kind), "clauses": []} if {
	count(clauses.tied_to_ip(kind)) > 0
} else := {"faults": _without_a_way(kind), "clauses": _because(kind)}

# Why a kind counts as company information, where it is not simply listed as such.
_because(kind) := ["2-k"] if {
	tables.kinds[kind].list != "company"
	clauses.reclassified
} else := tables.kinds[kind].clauses if {
	tables.kinds[kind].family != "ordinary"
} else := []

_forbidden := {fault.forbidden(clause) | some clause in clauses.prohibits}

# Whom the prohibitions bind, and in what.
_bound if {
	vocabulary.subjects[input.subject.type]
	not ways.unbound_subjects[input.subject.type]
	not ways.unbound_acts[act.operation]
}

_counts_as_company(_, regime) if regime in {"company", "undecided"}

_counts_as_company("aggregate", _) if {
	clauses.prohibits["3-c"]
	not switches.aggregates_may_be_sold.value
}

_spoken_of := "5.3-a" if {
	act.operation == "claim"
} else := clause if {
	clause := ways.spoken_of[input.subject.type]
} else := "1-c"

_verified := fault.gate("1-c", "affiliate_verified") if {
	input.subject.type == "affiliate"
} else := set()

_of_any_category(way) := {"faults": {fault.forbidden("1.2-t")}, "clauses": []} if {
	way[0] in clauses.prohibits
} else := {"faults": {fault.unfit("4-e"), fault.unfit("1.2-g")}, "clauses": []} if {
	act.operation == "publish_own"
	input.context.purpose != "self_publication"
} else := {"faults": {fault.missing("1.2-g", "purpose")}, "clauses": []} if {
	act.operation == "publish_own"
	not input.context.purpose
} else := {"faults": clauses.permits[way[0]], "clauses": way}

_unproven("aggregate") := {fault.missing("2-f", "aggregate_size")}

_unproven("unlisted") := {fault.missing(clause, fact) |
	some fact in ["identifies_company", "can_contact_company"]
	not input.context.facts[fact] == false
	some clause in tables.kinds.unlisted.clauses
}

_of_free(kind) := {
	"faults": union({clauses.permits["2-b"], _unlinked(kind), clauses.tied_to_ip(kind), _verified}),
	"clauses": array.concat(["2-b"], _free_clauses(kind)),
}

_of_developer(kind) := {"faults": clauses.permits["2-j"], "clauses": ["2-j"]} if {
	clauses.device_usage(kind)
} else := {"faults": {fault.unfit("2-j"), fault.unfit("1.2-g")}, "clauses": []}

_for_developers("free", kind) := {
	"faults": union({clauses.developers_consent, clauses.permits["2-b"], _unlinked(kind), _verified}),
	"clauses": ["2-j", "2-b"],
}

_for_developers("company", _) := {"faults": (clauses.developers_consent | _outside_section_3), "clauses": ["2-j"]}

_outside_section_3 := {fault.unfit("2-j"), fault.unfit("1.2-g")} if {
	act.goes_out
} else := clauses.processing | clauses.around

# Outward the freer regime is shown, not assumed; an aggregate shows it by its size.
_unlinked(kind) := {fault.missing("2-k", "linked_to_company"), fault.missing("2-k", "combined_with_company_info")} if {
	act.goes_out
	kind != "aggregate"
	not _mixed
	not clauses.unlinked
} else := set()

_open(kind) := ways.open.linked_to_ip if {
	input.context.purpose == "service_quality"
	linked_to_ip(kind)
} else := ways.open[tables.kinds[kind].family]

_by_kind(kind) := clauses.collects(kind) | _tied(kind) if {
	input.action.name == "collect"
} else := clauses.asks(kind) | _tied(kind) if {
	input.action.name == "request"
} else := _tied(kind) if {
	kind in {"usage", "ip"}
} else := set()

_tied(kind) := clauses.tied_to_ip(kind) if {
	kind in {"usage", "ip"}
	not linked_to_ip(kind)
} else := set()

_without_a_way(kind) := {fault.missing("1.2-g", "purpose")} if {
	act.purpose_blank
	not ways.closed_sources[input.context.facts.source]
	count(ways.open[tables.kinds[kind].family][_act_with_purpose]) > 0
} else := {fault.missing(clause, "recipient") | some clause in _towards_somebody(kind)} if {
	act.operation == "nowhere"
	_towards_somebody(kind) != set()
} else := {fault.unfit("1.2-g"), fault.unfit(_nearest(kind))}

_towards_somebody(kind) := {open_to[input.context.purpose][0] |
	some to in ["outward", "within", "outward_elsewhere"]
	open_to := ways.open[tables.kinds[kind].family][to]
}

_act_with_purpose := "outward" if act.operation == "nowhere"

else := act.operation

_nearest(kind) := clause if clause := ways.nearest[act.operation]

else := tables.kinds[kind].clauses[0]

# Clauses that are cited beside the one that grants.
_free_clauses(kind) := ["1-a", "2-a"] if {
	kind == "unlisted"
} else := array.concat(tables.kinds[kind].clauses, [clause | some clause in clauses.cited_when_free]) if {
	clauses.cited_when_free[_]
} else := tables.kinds[kind].clauses

_company_clauses(operation, kind) := array.concat(_common, ["1.1-d"]) if {
	operation == "collect"
	clauses.basic_details(kind)
} else := array.concat(_common, tables.kinds[kind].clauses) if {
	operation == "collect"
} else := _common if {
	tables.kinds[kind].list == "company"
} else := array.concat(_common, ["2-k"]) if {
	clauses.reclassified
} else := _common

_common := array.concat(ways.act_clauses[input.action.name], [clause | some clause in clauses.also_cited]) if {
	ways.act_clauses[input.action.name]
} else := [clause | some clause in clauses.also_cited]
