# Section 3: who else may receive company information.
package privacy.clauses

import future.keywords.not

import data.privacy.interpretation.switches
import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.ways

# METADATA
# title: Third parties help to deliver and better CSW's offerings, with what they need
# description: A third party that acts on what it received keeps to what it received it for.
# custom:
#   clause: 3-a
permits["3-a"] := union({_received, bound, {found | against_fraud; some found in fraud_work}}) if {
	act.operation == "act_on_received"
} else := union({processing, bound, _by_purpose})

_received := {fault.missing("3-a", "received_under")} if {
	not input.context.facts.received_under
} else := set() if {
	ways.received[input.context.facts.received_under][input.context.purpose]
} else := {fault.unmet("3-a")}

_by_purpose contains fault.unmet("3-a") if input.context.facts.beneficiary != "csw"

_by_purpose contains found if {
	input.context.purpose == "important_notice"
	some found in important
}

# Certain information only: what the service needs.
excludes[category] contains fault.unmet("3-a") if {
	input.context.facts.categories_needed
	ways.open.ordinary[act.operation][input.context.purpose][0] == "3-a"
	some category in act.unnamed_in(input.context.facts.categories_needed)
}

# What is handed on meanwhile is a disclosure, and has to be asked for as one.
around contains fault.unmet("3-a") if {
	input.context.facts.disclosed_to_third_party
	not act.goes_out
}

obliges["3-a"] contains "limit_to_necessary_data" if {
	input.context.facts.categories_needed
	act.operation != "act_on_received"
}

obliges["3-a"] contains "use_only_for_disclosed_purpose" if act.operation == "act_on_received"

# METADATA
# title: A third party is bound to the relevant laws
# custom:
#   clause: 3-b
bound := fault.duty("3-b", "third_party_bound")

obliges["3-b"] contains "bind_third_party_to_relevant_law" if act.operation != "act_on_received"

# METADATA
# title: Company information is not sold
# description: Whatever is given for it, and to whomever. A business changing hands is no sale of information (3-l).
# custom:
#   clause: 3-c
prohibits contains "3-c" if input.action.name == "sell"

prohibits contains "3-c" if input.context.purpose == "resale"

prohibits contains "3-c" if input.context.purpose == "data_exchange_for_value"

prohibits contains "3-c" if input.context.facts.corporate_event == "sale_of_data_only"

prohibits contains "3-c" if {
	input.context.facts.consideration
	not _business_deal
}

_business_deal if {
	input.context.purpose == "corporate_restructuring"
	ways.business_deals[input.context.facts.corporate_event]
}

# METADATA
# title: Company information serves no third party's marketing
# description: Marketing from which anybody but CSW benefits.
# custom:
#   clause: 3-d
prohibits contains "3-d" if input.context.purpose == "third_party_marketing"

prohibits contains "3-d" if input.context.purpose == "joint_marketing"

prohibits contains "3-d" if {
	input.context.facts.beneficiary != "csw"
	ways.marketing_purposes[input.context.purpose]
}

# METADATA
# title: Activation details go to the parties that serve a registered company
# custom:
#   clause: 3-e
permits["3-e"] := processing if {
	act.operation in {"handle", "within"}
} else := _received | bound if {
	act.operation == "act_on_received"
} else := union({
	fault.gate("3-e", "registered"),
	fault.gate("3-e", "recipient_relevant"),
	fault.only("3-e", "source", "activation"),
	bound,
	consent_as_well,
})

# METADATA
# title: An account that keeps to the agreement uses the service
# custom:
#   clause: 3-f
permits["3-f"] := {fault.unmet("3-f")} if {
	input.context.facts.account_complies == false
} else := set()

# METADATA
# title: A demand with legal force is met, as far as it reaches
# custom:
#   clause: 3-g
permits["3-g"] := {fault.missing("3-g", "legal_process")} if {
	not input.context.facts.legal_process
} else := {fault.unmet("3-g")} if {
	input.context.facts.legal_process == "none"
} else := {fault.missing("3-g", "demand_scope")} if {
	not input.context.facts.demand_scope
} else := set()

excludes[category] contains fault.unmet("3-g") if {
	input.context.purpose == "legal_process_response"
	input.context.facts.demand_scope
	some category in act.unnamed_in(input.context.facts.demand_scope)
}

obliges["3-g"] contains "limit_to_scope_of_demand" if act.goes_out

# METADATA
# title: State security, policing and other weighty public matters, as CSW determines
# custom:
#   clause: 3-h
permits["3-h"] := union({fault.only("3-h", "determination", "recorded"), _weighty_basis, consent_as_well})

_weighty_basis := fault.gate("3-h", "legal_basis_cited") if {
	switches.public_importance_needs_legal_basis.value
} else := set()

obliges["3-h"] contains "limit_to_necessary_data"

# METADATA
# title: CSW's terms, business and users are protected, as CSW determines
# custom:
#   clause: 3-i
permits["3-i"] := union({fault.only("3-i", "determination", "recorded"), legal_basis, consent_as_well})

obliges["3-i"] contains "limit_to_necessary_data"

# METADATA
# title: Terms, business and users are protected on a legal basis only
# custom:
#   clause: 3-j
legal_basis := fault.gate("3-j", "legal_basis_cited")

# METADATA
# title: Public agencies may be among the recipients
# custom:
#   clause: 3-k
also_cited contains "3-k" if {
	input.context.recipient.type == "government_body"
	ways.to_agencies[input.context.purpose]
}

# METADATA
# title: A business changes hands, and what was collected goes with it
# custom:
#   clause: 3-l
permits["3-l"] := union({_event, _event_status, _party})

_event := set() if {
	ways.business_deals[input.context.facts.corporate_event]
} else := {fault.missing("3-l", "corporate_event")}

_event_status := {fault.missing("3-l", "event_status")} if {
	not input.context.facts.event_status
} else := set() if {
	input.context.facts.event_status in {"signed", "completed"}
} else := set() if {
	switches.transfer_before_signing.value
} else := {fault.unmet("3-l")}

_party := fault.gate("3-l", "recipient_party_to_event")

# Cited beside what grants, and kept as evidence.
cited_when_free contains "3-g" if {
	act.goes_out
	input.context.purpose == "legal_process_response"
}

evidence["3-h"] := "record_determination"

evidence["3-i"] := "record_determination"

evidence["3-j"] := "record_legal_basis"
