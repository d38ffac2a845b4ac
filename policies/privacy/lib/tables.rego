# METADATA
# title: What the rules look up, worked out beforehand
# description: >-
#   All of it depends on data alone. The build of a bundle puts its value in its place, so that no request pays for
#   working it out.
package privacy.lib.tables

import data.privacy.agreement
import data.privacy.clauses
import data.privacy.vocabulary

# METADATA
# title: How a clause is cited, by whether it stands in the way
# description: One that does limits, whatever it grants elsewhere.
cited[false][clause] := {"id": clause, "effect": _effects[known.modality]} if some clause, known in agreement.clauses

cited[true][clause] := {"id": clause, "effect": _effects_in_the_way[known.modality]} if {
	some clause, known in agreement.clauses
}

_effects := {
	"permission": "permits",
	"prohibition": "prohibits",
	"condition": "limits",
	"obligation": "obliges",
	"definition": "defines",
	"information": "defines",
	"out-of-scope": "limits",
}

_effects_in_the_way := object.union(_effects, {"permission": "limits", "definition": "limits", "information": "limits"})

# METADATA
# title: The clauses that may bring an obligation along
obliging := {clause | clause := vocabulary.obligations[_][_]}

# METADATA
# title: What is kept as evidence, by the clause
records := clauses.evidence

# METADATA
# title: Each value that a fact may have, of those that can be listed
values := {[name, value] | vocabulary.facts[name].values[value]} | {[name, value] |
	vocabulary.facts[name].type == "boolean"
	some value in [true, false]
}

# METADATA
# title: The type of each fact
types := {name: fact.type | some name, fact in vocabulary.facts}

# METADATA
# title: What kind each category is
# description: An act that is asked of no category goes by the empty name.
kind_of := object.union(data.privacy.ways.kind_of, {"": "act"})

# METADATA
# title: What kind each category is once it is collected
kind_in_use := object.union(data.privacy.ways.kind_in_use, {"": "act"})

# METADATA
# title: The categories that the vocabulary has
categories := object.keys(data.privacy.ways.kind_of)

# METADATA
# title: The sources that a category may come from
sources := object.keys(vocabulary.facts.source.values)

# METADATA
# title: The kinds of subject that the vocabulary has
subjects := object.keys(vocabulary.subjects)

# METADATA
# title: Its actions
actions := object.keys(vocabulary.actions)

# METADATA
# title: Its purposes
purposes := object.keys(vocabulary.purposes)

# METADATA
# title: Its kinds of recipient
recipients := object.keys(vocabulary.recipients)

# METADATA
# title: What tells what an act amounts to, of the ways
ways := {
	"acts": data.privacy.ways.acts,
	"directed": data.privacy.ways.directed,
	"insiders": data.privacy.ways.insiders,
	"outward": data.privacy.ways.outward,
	"recipients": data.privacy.ways.recipients,
}

# METADATA
# title: The kinds of category, of the ways
kinds := data.privacy.ways.kinds

# METADATA
# title: The clause that each ground stands on, of the ways
ground_clauses := data.privacy.ways.ground_clauses

# METADATA
# title: The purposes whose clauses ask for no ground, of the ways
own_conditions := data.privacy.ways.own_conditions
