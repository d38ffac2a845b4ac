# METADATA
# title: What a fact's value may be
package privacy.lib.facts

import data.privacy.agreement
import data.privacy.vocabulary

# METADATA
# title: The texts that a fact's value may be made of, by the fact's name behind `fact.`
texts[$"fact.{name}"] := [text | some text, _ in known] if {
	some name, fact in vocabulary.facts
	known := _lookup(fact)
}

# METADATA
# title: The facts whose value is a whole number
integers := [name | some name, fact in vocabulary.facts; fact.type == "integer"]

_lookup(fact) := fact.values if fact.type == "enum"

_lookup(fact) := vocabulary.categories if fact.type == "category_list"

_lookup(fact) := object.union(vocabulary.categories, vocabulary.facts.source.values) if {
	fact.type == "category_sources"
}

_lookup(fact) := object.union(vocabulary.categories, vocabulary.purposes) if fact.type == "string"

_lookup(fact) := agreement.clauses if fact.type == "clause"
