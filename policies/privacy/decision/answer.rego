# From verdicts to the answer.
package privacy.decision

import data.privacy.agreement
import data.privacy.clauses
import data.privacy.lib.act
import data.privacy.lib.request
import data.privacy.vocabulary

_invalid := _refused_whole("invalid_request", _problem_clauses, {
	"problems": [{"at": problem.at, "is": problem.is} | some problem in request.problems],
})

_problem_clauses := {clause | some problem in request.problems; some clause in problem.clauses}

_decided := _outside if {
	clauses.out_of_scope
} else := _answer_to_all(cited) if {
	cited := granted
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
	"clauses": [{"id": clause, "effect": _effects[false][agreement.clauses[clause].modality]} | some clause in cited],
	"missing_facts": [],
	"obligations": _obligations(cited),
	"records": _records(cited),
	"unknown_terms": request.unknown_terms,
	"problems": [],
	"remedies": [],
}}

_answer := {"decision": false, "context": {
	"outcome": _outcome[partly],
	"reason": _reason[partly],
	"permitted": [category | some category in act.categories; _final[category].reason == "permitted"],
	"denied": [{"category": category, "reason": verdict.reason, "clauses": [clause | some clause in _limits(verdict)]} |
		some category in act.categories
		verdict := _final[category]
		verdict.faults
	],
	"clauses": [{"id": clause, "effect": _effects[clause in limiting][agreement.clauses[clause].modality]} |
		some clause in union({cited, limiting, asked})
	],
	"missing_facts": _in_order({fact | fact := _final[_].faults[_].fact}),
	"obligations": array.concat(_obligations(cited), _obligations_anyway),
	"records": _records(cited),
	"unknown_terms": request.unknown_terms,
	"problems": [],
	"remedies": [],
}} if {
	cited := {clause | clause := _final[_].clauses[_]}
	asked := {clause | clause := _final[_].asked[_]}
	limiting := {clause | clause := _final[_].faults[_].clause} - cited
	partly := cited != set()
}

_outcome := {true: "partial", false: "denied"}

_reason[true] := "mixed"

_reason[false] := _first_overall(_final).reason

# A refusal cites what stands in the way, and the clause that would have granted it.
_limits(verdict) := {clause | clause := verdict.faults[_].clause} | {clause | clause := verdict.asked[0]}

# What a clause does, by whether it stands in the way: one that does limits, whatever it grants elsewhere.
_effects := {
	false: {
		"permission": "permits",
		"prohibition": "prohibits",
		"condition": "limits",
		"obligation": "obliges",
		"definition": "defines",
		"information": "defines",
		"out-of-scope": "limits",
	},
	true: {
		"permission": "limits",
		"prohibition": "prohibits",
		"condition": "limits",
		"obligation": "obliges",
		"definition": "limits",
		"information": "limits",
		"out-of-scope": "limits",
	},
}

# In the vocabulary's order; a purpose or a recipient that is missing comes first.
_in_order(facts) := [] if {
	facts == set()
} else := [pair[1] | some pair in sort([[object.get(vocabulary.fact_order, fact, -1), fact] | some fact in facts])]

# What is permitted out of a request that mixes both kinds stays apart from the rest.
_obligations(cited) := array.concat(_brought_along(duties), [_obligation("keep_categories_separate", ["2-k"])]) if {
	input.resource.properties.categories[1]
	cited != set()
	_mixed
	duties := _duties(cited)
} else := _brought_along(_duties(cited))

_brought_along(duties) := [] if {
	duties == set()
} else := [{"id": name, "type": type, "properties": {"clauses": [clause | duties[_] = [name, clause]]}} |
	some name in {name | some [name, _] in duties}
] if {
	type := vocabulary.obligation_type
}

# What each cited clause brings along, for each of the purposes.
_duties(cited) := {duty |
	some purpose in input.context.purpose
	duties := _duties_of_one(cited) with input.context.purpose as purpose
	some duty in duties
} if {
	input.context.purpose[0]
} else := _duties_of_one(cited)

_duties_of_one(cited) := {[name, clause] | some clause in cited; some name in clauses.obliges[clause]}

# Some duties stand whatever the answer.
_obligations_anyway := [_obligation(name, [clause]) | some name, clause in clauses.obliges_anyway]

_obligation(name, binding) := {"id": name, "type": vocabulary.obligation_type, "properties": {"clauses": binding}}

# Evidence of a gate that the caller should keep.
_records(cited) := [record | some clause in cited; record := clauses.evidence[clause]]
