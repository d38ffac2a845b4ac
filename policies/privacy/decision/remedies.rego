# Single facts that may help a refusal, for whoever asks. What they come to, alone and together, is found out by asking again.
package privacy.decision

import future.keywords.not

import data.privacy.interpretation.switches
import data.privacy.lib.act
import data.privacy.vocabulary

# METADATA
# title: Facts that may help
# description: >-
#   Those that are missing come first, then those that the clauses of the refusal turn on, each with every value that it does not have
#   yet. None where something is refused for good: no fact leads around a prohibition.
remedies := array.concat(_given(_missing_facts), _given(_facts_of_clauses)) if _may_be_mended

else := []

_may_be_mended if {
	vocabulary.reasons[_decided.context.reason].mendable
	every refused in _decided.context.denied { vocabulary.reasons[refused.reason].mendable }
}

_given(facts) := [{"facts": {fact: value}} |
	some fact in facts
	some value in _values[vocabulary.facts[fact].type][fact]
	not input.context.facts[fact] == value
]

_missing_facts := _decided.context.missing_facts

_facts_of_clauses := _in_order({fact |
	some fact, known in vocabulary.facts
	not fact in _missing_facts
	some clause in known.clauses
	clause in _refusing
})

# One clause is enough for a fact to be looked at.
_refusing := {clause.id | some clause in _decided.context.clauses} | {clause |
	some refused in _decided.context.denied
	some clause in refused.clauses
}

_values.boolean[fact] := [true, false] if some fact, _ in vocabulary.facts

_values.enum[fact] := [value | some value, _ in known.values] if {
	some fact, known in vocabulary.facts
	known.type == "enum"
}

_values.integer[fact] := [switches.aggregate_minimum_size.value] if some fact, _ in vocabulary.facts

_values.category_list[fact] := [act.categories] if some fact, _ in vocabulary.facts

_values.clause[fact] := known.clauses if some fact, known in vocabulary.facts

_values.string[fact] := [input.context.purpose] if some fact, _ in vocabulary.facts
