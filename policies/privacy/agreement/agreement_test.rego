package privacy.agreement_test

import data.privacy.agreement
import data.privacy.interpretation
import data.privacy.vocabulary

test_terms_are_those_of_the_vocabulary if {
	agreement.terms.action == object.keys(vocabulary.actions)
	agreement.terms.purpose == object.keys(vocabulary.purposes)
	agreement.terms.reason == object.keys(vocabulary.reasons)
	agreement.terms.obligation == object.keys(vocabulary.obligations)
}

test_every_reason_has_its_sentences if {
	object.keys(agreement.sentences) == object.keys(vocabulary.reasons)
}

test_every_clause_stands_in_a_section if {
	every clause in agreement.clauses {
		agreement.sections[clause.section].sha256 == clause.sha256
	}
}

test_a_switch_is_told_where_it_stands_otherwise_than_by_default if {
	interpretation.switched == {}
	interpretation.switched == {"ground_required": false} with data.privacy.interpretation.switches.ground_required.value as false
}
