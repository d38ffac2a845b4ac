package privacy.lib.facts_test

import data.privacy.agreement
import data.privacy.lib.facts
import data.privacy.vocabulary

test_what_a_facts_value_is_made_of[name] if {
	some name, expected in {
		"consent": vocabulary.facts.consent.values,
		"categories_needed": vocabulary.categories,
		"source_by_category": object.union(vocabulary.categories, vocabulary.facts.source.values),
		"consent_scope": object.union(vocabulary.categories, vocabulary.purposes),
		"received_under": agreement.clauses,
	}
	{text | some text in facts.texts[concat(".", ["fact", name])]} == object.keys(expected)
}

test_what_is_no_text_has_none if {
	not facts.texts["fact.necessity_judged"]
	not facts.texts["fact.aggregate_size"]
	facts.integers == ["aggregate_size"]
}
