# From verdicts to the answer.
package privacy.decision

import data.privacy.clauses
import data.privacy.lib.act
import data.privacy.lib.request
import data.privacy.lib.tables
import data.privacy.vocabulary

_invalid := _refused_whole("invalid_request", _problem_clauses, {
	"problems": [{"at": problem.at, "is": problem.is} | some problem in request.problems],
})

_problem_clauses := {clause | some problem in request.problems; some clause in problem.clauses}

# The usual answer: every category is permitted.
_decided := _outside if {
	clauses.out_of_scope
} else := {"decision": true, "context": {
	"outcome": "permitted",
	"reason": "permitted",
	"permitted": act.categories,
	"denied": [],
	"clauses": [cites[clause] | some clause in cited],
	"missing_facts": [],
	"obligations": _obligations(cited & tables.obliging),
	"records": [kept[clause] | some clause in cited],
	"unknown_terms": request.unknown_terms,
	"problems": [],
	"remedies": [],
}} if {
	cited := granted
	cited != set()
	cites := tables.cited[false]
	kept := tables.records
} else := {"decision": false, "context": {
	"outcome": whole.outcome,
	"reason": whole.reason,
	"permitted": [category | some category in act.categories; verdict_on[category].reason == "permitted"],
	"denied": [{"category": category, "reason": verdict.reason, "clauses": verdict.limits} |
		some category in act.categories
		verdict := verdict_on[category]
		verdict.faults
	],
	"clauses": [cites[clause in limiting][clause] | some clause in union({cited, limiting, asked})],
	"missing_facts": _in_order({fact | fact := verdict_on[_].faults[_].fact}),
	"obligations": whole.obligations,
	"records": [kept[clause] | some clause in cited],
	"unknown_terms": request.unknown_terms,
	"problems": [],
	"remedies": [],
}} if {
	verdict_on := _final
	cited := {clause | clause := verdict_on[_].clauses[_]}
	asked := {clause | clause := verdict_on[_].asked[_]}
	limiting := {clause | clause := verdict_on[_].faults[_].clause} - cited
	whole := _whole(cited)
	cites := tables.cited
	kept := tables.records
}

_outside := _refused_whole("out_of_scope", {"5.1-b"}, {
	"obligations": [_obligation("refer_to_third_party_policy", ["5.1-b"])],
})

# What is refused before any category is looked at.
_refused_whole(reason, cited, further) := {"decision": false, "context": object.union(
	{
		"outcome": "denied",
		"reason": reason,
		"permitted": [],
		"denied": [{"category": category, "reason": reason, "clauses": [clause | some clause in cited]} |
			some category in act.categories
			is_string(category)
		],
		"clauses": [{"id": clause, "effect": "limits"} | some clause in cited],
		"missing_facts": [],
		"obligations": [],
		"records": [],
		"unknown_terms": request.unknown_terms,
		"problems": [],
		"remedies": [],
	},
	further,
)}

# Some duties stand though nothing is permitted.
_whole(cited) := {"outcome": "partial", "reason": "mixed", "obligations": _obligations(cited & tables.obliging)} if {
	cited != set()
} else := {
	"outcome": "denied",
	"reason": _first_overall(_final).reason,
	"obligations": [_obligation(name, [clause]) | some name, clause in clauses.obliges_anyway],
}

# In the vocabulary's order; a purpose or a recipient that is missing comes first.
_in_order(facts) := [] if {
	facts == set()
} else := [pair[1] | some pair in sort([[object.get(vocabulary.fact_order, fact, -1), fact] | some fact in facts])]

# What is permitted out of a request that mixes both kinds stays apart from the rest.
_obligations(obliging) := array.concat(_brought_along(obliging), [_obligation("keep_categories_separate", ["2-k"])]) if {
	input.resource.properties.categories[1]
	act.goes_out
	_mixed
} else := [] if {
	obliging == set()
} else := _brought_along(obliging)

_brought_along(obliging) := [{"id": name, "type": type, "properties": {"clauses": binding}} | some name, binding in bindings] if {
	type := vocabulary.obligation_type
	duties := _duties(obliging)
	bindings := {name: [clause | duties[_] = [name, clause]] | some [name, _] in duties}
}

# What each of these clauses brings along, for each of the purposes.
_duties(obliging) := {duty |
	some purpose in input.context.purpose
	duties := {[name, clause] | some clause in obliging; some name in clauses.obliges[clause]} with input.context.purpose as purpose
	some duty in duties
} if {
	input.context.purpose[0]
} else := {[name, clause] | some clause in obliging; some name in clauses.obliges[clause]}

_obligation(name, binding) := {"id": name, "type": vocabulary.obligation_type, "properties": {"clauses": binding}}
