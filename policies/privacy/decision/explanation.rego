# How each clause came to its finding, for whoever asks.
package privacy.decision

import future.keywords.not

import data.privacy.agreement
import data.privacy.clauses
import data.privacy.lib.act

# METADATA
# title: What each clause found about each category
# description: In the order asked.
explanation := [found |
	some category in act.categories
	found := {"category": category, "clause": "5.1-b", "finding": "out_of_scope", "says": _says("5.1-b", _words.out_of_scope)}
] if {
	clauses.out_of_scope
} else := [found |
	some category in _asked
	some found in _explained(category, _final[category])
]

_explained(category, verdict) := [{"category": category, "clause": clause, "finding": "permitted", "says": _says(clause, _words.permitted)} |
	some clause in verdict.clauses
] if {
	verdict.reason == "permitted"
} else := [{"category": category, "clause": fault.clause, "finding": fault.reason, "says": _says(fault.clause, _word(fault))} |
	some fault in verdict.faults
]

_says(clause, words) := $"{clause} ({title}): {words}." if title := agreement.clauses[clause].title

_word(fault) := $"it turns on {fault.fact}, which was not given" if fault.fact

_word(fault) := _words[fault.reason] if not fault.fact

_words := {
	"permitted": "nothing stands in the way",
	"prohibited": "it forbids this",
	"condition_unmet": "a condition that it sets is stated not to hold",
	"obligation_unmet": "a duty that comes with it is stated not to be met",
	"no_applicable_permission": "it does not reach this far",
	"out_of_scope": "the agreement does not govern this",
}
