package privacy.agreement_test

import data.privacy.agreement
import data.privacy.vocabulary

test_the_terms_are_those_of_the_vocabulary[name] if {
	some name, expected in {
		"action": vocabulary.actions,
		"purpose": vocabulary.purposes,
		"reason": vocabulary.reasons,
		"obligation": vocabulary.obligations,
		"subject": vocabulary.subjects,
		"recipient": vocabulary.recipients,
		"category": vocabulary.categories,
		"fact": vocabulary.facts,
		"record": vocabulary.records,
		"fact.consent": vocabulary.facts.consent.values,
	}
	{term | some term in agreement.terms[name]} == object.keys(expected)
}

test_every_reason_has_its_sentences[name] if {
	some name, _ in vocabulary.reasons
	agreement.sentences[name].user.en != ""
	agreement.sentences[name].admin.en != ""
}
