package privacy.lib.tables_test

import data.privacy.agreement
import data.privacy.clauses
import data.privacy.lib.tables
import data.privacy.vocabulary

test_every_clause_can_be_cited_either_way if {
	every way in [true, false] { object.keys(tables.cited[way]) == object.keys(agreement.clauses) }
}

test_how_a_clause_is_cited[name] if {
	some name, [in_the_way, clause, effect] in {
		"a permission grants": [false, "1.1-a", "permits"],
		"a permission that does not reach so far limits": [true, "1.1-a", "limits"],
		"a prohibition prohibits, either way": [true, "3-c", "prohibits"],
		"a definition defines": [false, "1-a", "defines"],
		"a definition in the way limits": [true, "1-a", "limits"],
	}
	tables.cited[in_the_way][clause] == {"id": clause, "effect": effect}
}

test_the_clauses_that_oblige_are_those_of_the_obligations if {
	{clause | clause := vocabulary.obligations[_][_]} == tables.obliging
}

test_which_values_are_listed[name] if {
	some name, [fact, value] in {
		"one of its texts": ["consent", "explicit"],
		"a yes": ["separated", true],
		"a no": ["separated", false],
	}
	[fact, value] in tables.values
}

test_which_values_are_looked_at_by_themselves[name] if {
	some name, [fact, value] in {
		"a text of another fact": ["consent", "contract"],
		"a text for a yes or no": ["separated", "false"],
		"a number": ["aggregate_size", 2],
		"that of a fact that is not known": ["wizardry", true],
	}
	not [fact, value] in tables.values
}

test_what_is_kept_as_evidence_is_what_the_clauses_say if {
	tables.records == clauses.evidence
}

test_of_what_kind_something_is[name] if {
	some name, [kinds, category, kind] in {
		"a category that is collected": [tables.kind_of, "company_name", "contact"],
		"a category in use": [tables.kind_in_use, "company_name", "ordinary"],
		"an act that is collecting, without categories": [tables.kind_of, "", "act"],
		"an act without categories": [tables.kind_in_use, "", "act"],
	}
	kinds[category] == kind
}

test_the_act_is_no_category if {
	tables.categories == object.keys(tables.kind_of) - {""}
	tables.categories == object.keys(vocabulary.categories)
}

test_the_sources_are_those_of_the_vocabulary if {
	tables.sources == object.keys(vocabulary.facts.source.values)
}

test_the_terms_are_those_of_the_vocabulary if {
	tables.subjects == object.keys(vocabulary.subjects)
	tables.actions == object.keys(vocabulary.actions)
	tables.purposes == object.keys(vocabulary.purposes)
	tables.recipients == object.keys(vocabulary.recipients)
}

test_what_comes_of_the_ways_is_as_it_stands_there if {
	every name, table in tables.ways { table == data.privacy.ways[name] }
	tables.kinds == data.privacy.ways.kinds
	tables.ground_clauses == data.privacy.ways.ground_clauses
	tables.own_conditions == data.privacy.ways.own_conditions
}

test_each_fact_is_of_its_type if {
	every name, type in tables.types { type == vocabulary.facts[name].type }
	object.keys(tables.types) == object.keys(vocabulary.facts)
}
