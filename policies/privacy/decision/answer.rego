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

_decided := _outside if {
	clauses.out_of_scope
} else := _answer_to_all(cited) if {
	cited := granted
	cited != set()
} else := _answer

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

# The usual answer: every category is permitted.
_answer_to_all(cited) := {"decision": true, "context": {
	"outcome": "permitted",
	"reason": "permitted",
	"permitted": act.categories,
	"denied": [],
	"clauses": [tables.cited[false][clause] | some clause in cited],
	"missing_facts": [],
	"obligations": _obligations(cited),
	"records": _records(cited),
	"unknown_terms": request.unknown_terms,
	"problems": [],
	"remedies": [],
}}

_answer := {"decision": false, "context": {
	"outcome": whole.outcome,
	"reason": whole.reason,
	"permitted": [category | some category in act.categories; _final[category].reason == "permitted"],
	"denied": [{"category": category, "reason": verdict.reason, "clauses": verdict.limits} |
		some category in act.categories
		verdict := _final[category]
		verdict.faults
	],
	"clauses": [tables.cited[clause in limiting][clause] | some clause in union({cited, limiting, asked})],
	"missing_facts": _in_order({fact | fact := _final[_].faults[_].fact}),
	"obligations": whole.obligations,
	"records": whole.records,
	"unknown_terms": request.unknown_terms,
	"problems": [],
	"remedies": [],
}} if {
	cited := {clause | clause := _final[_].clauses[_]}
	asked := {clause | clause := _final[_].asked[_]}
	limiting := {clause | clause := _final[_].faults[_].clause} - cited
	whole := _whole(cited)
}

# Some duties stand though nothing is permitted.
_whole(cited) := {"outcome": "partial", "reason": "mixed", "obligations": _obligations(cited), "records": _records(cited)} if {
	cited != set()
} else := {
	"outcome": "denied",
	"reason": _first_overall(_final).reason,
	"obligations": [_obligation(name, [clause]) | some name, clause in clauses.obliges_anyway],
	"records": [],
}

# In the vocabulary's order; a purpose or a recipient that is missing comes first.
_in_order(facts) := [] if {
	facts == set()
} else := [pair[1] | some pair in sort([[object.get(vocabulary.fact_order, fact, -1), fact] | some fact in facts])]

# What is permitted out of a request that mixes both kinds stays apart from the rest.
_obligations(cited) := array.concat(_brought_along(cited & tables.obliging), [_obligation("keep_categories_separate", ["2-k"])]) if {
	input.resource.properties.categories[1]
	act.goes_out
	_mixed
} else := _brought_along(cited & tables.obliging)

_brought_along(obliging) := [] if {
	obliging == set()
} else := [{"id": name, "type": type, "properties": {"clauses": binding}} | some name, binding in bindings] if {
	type := vocabulary.obligation_type
	duties := _duties(obliging)
	bindings := {name: [clause | duties[_] = [name, clause]] | some [name, _] in duties}
}

# What each of these clauses brings along, for each of the purposes.
_duties(obliging) := {duty |
	some purpose in input.context.purpose
	duties := _duties_of_one(obliging) with input.context.purpose as purpose
	some duty in duties
} if {
	input.context.purpose[0]
} else := _duties_of_one(obliging)

_duties_of_one(obliging) := {[name, clause] | some clause in obliging; some name in clauses.obliges[clause]}

_obligation(name, binding) := {"id": name, "type": vocabulary.obligation_type, "properties": {"clauses": binding}}

# Evidence of a gate that the caller should keep.
_records(cited) := [clauses.evidence[clause] | some clause in (cited & tables.recording)]
