# From verdicts to the answer.
package privacy.decision

import data.privacy.agreement
import data.privacy.clauses
import data.privacy.lib.act
import data.privacy.lib.request
import data.privacy.vocabulary
import data.privacy.ways

# What no further fact can mend comes first.
_overall := ["invalid_request", "out_of_scope", "prohibited", "condition_unmet", "obligation_unmet", "no_applicable_permission", "missing_fact"]

_invalid := {"decision": false, "context": {
	"outcome": "denied",
	"reason": "invalid_request",
	"permitted": [],
	"denied": [{"category": category, "reason": "invalid_request", "clauses": sort(_problem_clauses)} | some category in input.resource.properties.categories; is_string(category)],
	"clauses": [{"id": clause, "effect": "limits"} | some clause in _problem_clauses],
	"missing_facts": [],
	"obligations": [],
	"records": [],
	"unknown_terms": request.unknown_terms,
	"problems": [{"at": problem.at, "is": problem.is} | some problem in request.problems],
	"remedies": [],
}}

_problem_clauses := {clause | some problem in request.problems; some clause in vocabulary.facts[problem.fact].clauses} if {
	request.problems[_].fact
} else := {"1-a"}

_decided := _outside if {
	clauses.out_of_scope
} else := _answer(_by_purpose)

_outside := {"decision": false, "context": {
	"outcome": "denied",
	"reason": "out_of_scope",
	"permitted": [],
	"denied": [{"category": category, "reason": "out_of_scope", "clauses": ["5.1-b"]} | some category in act.categories],
	"clauses": [{"id": "5.1-b", "effect": "limits"}],
	"missing_facts": [],
	"obligations": [_obligation("refer_to_third_party_policy", {"5.1-b"})],
	"records": [],
	"unknown_terms": request.unknown_terms,
	"problems": [],
	"remedies": [],
}}

# Every purpose asked is decided on; each must be permitted.
_by_purpose := [settled_one | some purpose in input.context.purpose; settled_one := settled with input.context.purpose as purpose] if {
	input.context.purpose[0]
} else := [settled]

_answer(results) := {"decision": outcome == "permitted", "context": {
	"outcome": outcome,
	"reason": _reason(outcome, refused),
	"permitted": permitted,
	"denied": [_denied(category, results) | some category in act.categories; not category in granted],
	"clauses": [{"id": clause, "effect": _effect(clause, cited)} | some clause in cited | limiting],
	"missing_facts": _missing(refused),
	"obligations": [_obligation(name, binding) | some name, binding in object.union(_obligations(cited), object.union(clauses.obliges_anyway, _kept_apart(count(permitted))))],
	"records": _records(cited),
	"unknown_terms": request.unknown_terms,
	"problems": [],
	"remedies": [],
}} if {
	refused := [verdict | some result in results; some verdict in result; verdict.reason != "permitted"]
	granted := {category | some category, _ in results[0]; every result in results { result[category].reason == "permitted" }}
	permitted := [category | some category in act.categories; category in granted]
	outcome := _outcome(count(refused), count(permitted))
	cited := {clause | some result in results; some category in granted; some clause in result[category].clauses}
	limiting := {clause | some verdict in refused; some clause in _limits(verdict)}
}

_outcome(refused, permitted) := "permitted" if {
	refused == 0
} else := "partial" if {
	permitted > 0
} else := "denied"

_reason("permitted", _) := "permitted"

_reason("partial", _) := "mixed"

_reason("denied", refused) := [reason | some reason in _overall; some verdict in refused; verdict.reason == reason][0]

_denied(category, results) := {"category": category, "reason": _reason("denied", refused), "clauses": [clause | some clause in {clause | some verdict in refused; some clause in _limits(verdict)}]} if {
	refused := [result[category] | some result in results; result[category].reason != "permitted"]
}

_limits(verdict) := {found.clause | some found in verdict.faults} | {verdict.clauses[0]} if verdict.clauses[0] else := {found.clause | some found in verdict.faults}

_effect(clause, cited) := _effects[agreement.clauses[clause].modality] if {
	clause in cited
} else := "prohibits" if {
	agreement.clauses[clause].modality == "prohibition"
} else := "obliges" if {
	agreement.clauses[clause].modality == "obligation"
} else := "limits"

_effects := {
	"permission": "permits",
	"prohibition": "prohibits",
	"condition": "limits",
	"obligation": "obliges",
	"definition": "defines",
	"information": "defines",
	"out-of-scope": "limits",
}

_missing(refused) := [pair[1] | some pair in sort([[object.get(vocabulary.fact_order, fact, 0), fact] | some fact in facts])] if {
	facts := {found.fact | some verdict in refused; verdict.reason == "missing_fact"; some found in verdict.faults}
}

_obligations(cited) := {name: binding |
	some clause in cited
	some name in clauses.obliges[clause]
	binding := {other | some other in cited; name in clauses.obliges[other]}
}

_kept_apart(permitted) := {"keep_categories_separate": {"2-k"}} if {
	permitted > 0
	_mixed
} else := {}

_obligation(name, binding) := {"id": name, "type": "custom", "properties": {"clauses": [clause | some clause in binding]}}

# Evidence of a gate that the caller should keep.
_records(cited) := [record | some clause in cited & _recorded; record := clauses.evidence[clause]]

_recorded := {"1.2-d", "1.2-f", "2-j", "3-h", "3-i", "3-j"}
