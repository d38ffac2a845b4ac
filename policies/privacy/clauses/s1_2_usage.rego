# Section 1.2: on what ground, and for what, company information is used.
package privacy.clauses

import future.keywords.not

import data.privacy.interpretation.switches
import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.lib.tables
import data.privacy.ways

# METADATA
# scope: document
# title: What stands in the way of processing as such
# description: The ground, the source, and what fraud work asks for.
processing contains found if some found in _ground

processing contains found if {
	switches.consent_always_required.value == true
	some found in consent_as_well
}

processing contains found if {
	against_fraud
	some found in fraud_work
}

_ground := set() if {
	switches.ground_required.value == false
} else := stands_on[ground] if {
	ground := input.context.facts.processing_ground
} else := {fault.missing(clause, "processing_ground") | some clause in ways.ground_clauses}

# METADATA
# title: A legal duty is a ground
# custom:
#   clause: 1.2-a
stands_on.legal_obligation := set()

# METADATA
# title: The contract with the company is a ground
# custom:
#   clause: 1.2-b
stands_on.contract := set()

# METADATA
# title: The company's vital interests are a ground
# custom:
#   clause: 1.2-c
stands_on.vital_interests := set()

# METADATA
# title: CSW's legitimate interests are a ground once they are judged to need it
# custom:
#   clause: 1.2-d
stands_on.legitimate_interests := fault.gate("1.2-d", "necessity_judged")

# METADATA
# title: Having to give it to a third party is a ground where another clause or consent carries it
# custom:
#   clause: 1.2-e
stands_on.third_party_disclosure := set() if {
	act.goes_out
} else := consent("1.2-e")

# METADATA
# title: The company's consent is a ground
# description: Express or implied; accepting the agreement is neither.
# custom:
#   clause: 1.2-f
stands_on.consent := consent("1.2-f")

# METADATA
# title: No ground at all
stands_on.none := {fault.unmet(clause) | some clause in ways.ground_clauses}

# METADATA
# title: Consent, as far as it reaches
consent(clause) := {fault.unmet(clause)} if {
	input.context.facts.consent in {"explicit", "implied"}
	input.context.facts.consent_scope
	_consent_elsewhere
	not input.context.facts.consent_scope in act.categories
} else := set() if {
	input.context.facts.consent in {"explicit", "implied"}
} else := {fault.unmet(clause)} if {
	input.context.facts.consent
} else := {fault.missing(clause, "consent")}

_consent_elsewhere if input.context.facts.consent_scope != input.context.purpose

# Consent to one category does not reach the next.
excludes[category] contains fault.unmet("1.2-f") if {
	_consent_elsewhere
	_turns_on_consent
	input.context.facts.consent_scope in act.categories
	some category in act.categories
	category != input.context.facts.consent_scope
}

_turns_on_consent if {
	input.context.facts.processing_ground == "consent"
	not ways.own_conditions[input.context.purpose]
}

_turns_on_consent if ways.open.ordinary[act.operation][input.context.purpose][0] == "1.2-e"

_turns_on_consent if {
	switches.consent_always_required.value == true
	not ways.without_consent[input.context.purpose]
}

# METADATA
# title: Consent beside whatever else carries the act
# description: Asked only where the switch consent_always_required is on, and never for notices, demands of law and deals.
consent_as_well := consent("1.2-f") if {
	switches.consent_always_required.value == true
	not ways.without_consent[input.context.purpose]
} else := set()

# METADATA
# title: What no clause of section 3 serves leaves the group with consent alone
permits["1.2-e"] := processing | consent("1.2-e")

# METADATA
# title: Other described purposes need a ground and nothing else
# custom:
#   clause: 1.2-g
permits["1.2-g"] := processing

# METADATA
# title: Questions on the ground go to the data protection officer
# custom:
#   clause: 1.2-h
obliges["1.2-h"] contains "route_to_data_protection_officer" if {
	input.context.purpose == "legal_basis_question"
	act.operation == "ask"
}

# METADATA
# title: CSW's products, services, content and advertising
# custom:
#   clause: 1.2-i
permits["1.2-i"] := processing

# METADATA
# title: Loss prevention
# custom:
#   clause: 1.2-j
permits["1.2-j"] := processing

# METADATA
# title: Fraud prevention
# custom:
#   clause: 1.2-k
permits["1.2-k"] := processing

# METADATA
# title: Account and network security
# custom:
#   clause: 1.2-l
permits["1.2-l"] := processing

# METADATA
# title: Uploads are screened for unlawful content, and for nothing else
# custom:
#   clause: 1.2-m
permits["1.2-m"] := processing

# METADATA
# scope: document
# title: Fraud work, by what is done rather than by what it is called
against_fraud if input.context.purpose == "anti_fraud"

against_fraud if input.context.facts.activity == "fraud_scoring"

# METADATA
# title: Data used against fraud stems from online transactions completed with CSW
# custom:
#   clause: 1.2-n
fraud_work contains found if {
	switches.anti_fraud_limited_to_own_transactions.value == true
	some found in _own_transactions
	act.operation != "check_by_third_party"
}

_own_transactions := fault.gate("1.2-n", "transaction_completed") if {
	input.context.facts.source == "online_transaction_with_csw"
} else := {fault.unmet("1.2-n")} if {
	input.context.facts.source
} else := {fault.missing("1.2-n", "source")} | fault.gate("1.2-n", "transaction_completed")

# METADATA
# title: Use against fraud is strictly necessary
# custom:
#   clause: 1.2-o
fraud_work contains found if {
	some found in fault.gate("1.2-o", "absolutely_necessary")
	not input.context.facts.absolutely_necessary_for
}

# Necessity is tested item by item where the items are named.
excludes[category] contains fault.unmet("1.2-o") if {
	input.context.facts.absolutely_necessary_for
	against_fraud
	some category in act.unnamed_in(input.context.facts.absolutely_necessary_for)
}

obliges["1.2-o"] contains "limit_to_necessary_data" if against_fraud

# METADATA
# title: Use against fraud has been evaluated, and the evaluation favours it
# custom:
#   clause: 1.2-p
fraud_work contains found if some found in _evaluation

_evaluation := {fault.unmet("1.2-p")} if {
	input.context.facts.evaluation_outcome == "unfavourable"
} else := set() if {
	input.context.facts.evaluation_done
	input.context.facts.evaluation_outcome
} else := {fault.missing("1.2-p", "evaluation_outcome")} if {
	input.context.facts.evaluation_done
} else := fault.gate("1.2-p", "evaluation_done")

obliges["1.2-p"] contains "record_balancing_evaluation" if against_fraud

# METADATA
# title: Details of a particular online transaction are checked against open sources
# custom:
#   clause: 1.2-q
permits["1.2-q"] := processing | fault.gate("1.2-q", "specific_online_transaction")

# METADATA
# title: Identity, recognising users, and suitable services
# custom:
#   clause: 1.2-r
permits["1.2-r"] := processing

# METADATA
# title: Important notices, of the types the agreement names
# custom:
#   clause: 1.2-s
permits["1.2-s"] := processing | important

# METADATA
# title: What the type of a notice leaves to be desired
important := set() if {
	ways.important_notices[input.context.facts.notice_type]
} else := {fault.unmet("1.2-s")} if {
	input.context.facts.notice_type
} else := {fault.missing("1.2-s", "notice_type")}

# METADATA
# title: A company refuses any notice but an important one
# custom:
#   clause: 1.2-t
prohibits contains "1.2-t" if {
	act.operation == "refuse_notice"
	ways.important_notices[input.context.facts.notice_type]
}

permits["1.2-t"] := set() if {
	input.context.facts.notice_type == "marketing"
} else := {fault.unmet("1.2-t")} if {
	input.context.facts.notice_type
} else := {fault.missing("1.2-t", "notice_type")}

# Any other message stops where the company opted out; promotion has to know that it did not, and travels alone.
around contains found if {
	input.action.name == "notify"
	promotes
	some found in fault.bar("1.2-t", "company_opted_out")
}

around contains fault.unmet("1.2-s") if {
	input.action.name == "notify"
	input.context.facts.notice_type == "mixed_purchase_and_marketing"
}

# METADATA
# scope: document
# title: The message advertises
promotes if input.context.facts.notice_type == "marketing"

promotes if input.context.purpose == "own_advertising"

around contains fault.unmet("1.2-t") if {
	input.action.name == "notify"
	input.context.purpose != "important_notice"
	input.context.facts.company_opted_out
	not ways.important_notices[input.context.facts.notice_type]
}

# METADATA
# title: In-house audit, analysis and research that better CSW's offerings
# custom:
#   clause: 1.2-u
permits["1.2-u"] := (processing | fault.only("1.2-u", "audience", "internal")) | _bettering

_bettering := fault.gate("1.2-u", "to_improve") if ways.improving_purposes[input.context.purpose]

else := set()

# METADATA
# title: Cited beside what grants, because the request stands on it
also_cited contains tables.ground_clauses[input.context.facts.processing_ground] if not tables.own_conditions[input.context.purpose]

also_cited contains clause if {
	input.context.facts.activity == "fraud_scoring"
	some clause in ["1.2-n", "1.2-o", "1.2-p"]
}

evidence["1.2-d"] := "record_legitimate_interest_judgement"

evidence["1.2-f"] := "record_consent"
