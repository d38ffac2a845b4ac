# Section 2: what is no company information, when it becomes so, and what is free.
package privacy.clauses

import future.keywords.not

import data.privacy.interpretation.switches
import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.ways

# METADATA
# title: What neither identifies nor reaches a company is no company information
# custom:
#   clause: 2-a
not_identified if {
	input.context.facts.identifies_company == false
	input.context.facts.can_contact_company == false
}

# METADATA
# title: Non-company information is free, for any purpose
# description: For CSW, its staff and its affiliates, as far as it is shown to be what it is.
# custom:
#   clause: 2-b
permits["2-b"] := _separated if ways.insiders[input.subject.type]

# METADATA
# title: What product use tells of a user's surroundings
# custom:
#   clause: 2-c
permits["2-c"] := processing

# METADATA
# title: What product use tells of a user's surroundings is collected in product use
in_product_use(kind) if {
	ways.product_use_kinds[kind]
	input.context.facts.touchpoint == "product_use"
	ways.open.behaviour.collect[input.context.purpose]
}

# METADATA
# title: Activity in CSW's systems and what its other offerings know
# custom:
#   clause: 2-d
permits["2-d"] := processing

# METADATA
# title: Activity is summarised to see what interests companies
# custom:
#   clause: 2-e
permits["2-e"] := processing

# METADATA
# title: An aggregate of enough companies, none of them told apart, is no company information
# custom:
#   clause: 2-f
aggregate_of_many if {
	input.context.facts.aggregate_size >= switches.aggregate_minimum_size.value
	not identified
}

# METADATA
# scope: document
# title: An aggregate of too few companies, or of one told apart
aggregate_of_few if input.context.facts.aggregate_size < switches.aggregate_minimum_size.value

aggregate_of_few if identified

# METADATA
# title: How the service is used is collected and kept
# custom:
#   clause: 2-g
permits["2-g"] := processing

# METADATA
# title: How the service is used makes its results more relevant
# custom:
#   clause: 2-h
permits["2-h"] := processing

# METADATA
# title: Usage is tied to an IP address for the quality of the service alone
# custom:
#   clause: 2-i
permits["2-i"] := processing

# METADATA
# title: The request ties usage details to an IP address
ip_linked if {
	input.context.facts.linked_to_ip
	"usage" in act.kinds
}

# METADATA
# title: What a tie to an IP address means for usage and for the address
tied_to_ip(kind) := {fault.missing("2-i", "linked_to_ip")} if {
	kind == "usage"
	not input.context.facts.linked_to_ip
	not input.context.facts.linked_to_ip == false
} else := {fault.unmet("2-i")} if {
	kind in {"usage", "ip"}
	ip_linked
	act.goes_out
} else := {fault.unmet("2-i")} if {
	kind == "ip"
	ip_linked
} else := set()

obliges["2-i"] contains "remove_ip_link" if {
	ip_linked
	not act.goes_out
	input.context.purpose != "service_quality"
}

# METADATA
# title: Software developers are helped with explicit consent, to that end only
# custom:
#   clause: 2-j
permits["2-j"] := developers_consent

# METADATA
# title: What the consent for developers leaves to be desired
developers_consent := {fault.missing("2-j", "consent")} if {
	not input.context.facts.consent
} else := {fault.unmet("2-j")} if {
	input.context.facts.consent != "explicit"
} else := {fault.missing("2-j", "purpose")} if {
	act.purpose_blank
} else := {fault.unmet("2-j")} if {
	input.context.purpose != "help_software_developers"
} else := {fault.unmet("2-j")} if {
	_consent_elsewhere
	not input.context.facts.consent_scope in act.categories
} else := set()

# METADATA
# scope: document
# title: Device and application usage goes to developers
for_developers(kind) if {
	device_usage(kind)
	input.context.purpose == "help_software_developers"
}

for_developers(kind) if {
	device_usage(kind)
	input.context.recipient.type == "software_developer"
}

# METADATA
# scope: document
# title: What device and application usage is, and what was made of it
device_usage("device_usage")

device_usage("aggregate") if {
	input.context.facts.derived_from == "device_app_usage"
	switches.developer_consent_covers_aggregates.value
}

# METADATA
# scope: document
# title: While joined to company information, all of it is company information
# custom:
#   clause: 2-k
joined if input.context.facts.combined_with_company_info

joined if input.action.name == "combine"

joined if {
	input.context.facts.separated
	key_kept
}

# METADATA
# title: Separated by name alone, as what joins it again was kept
key_kept if {
	input.context.facts.separated
	input.context.facts.join_key_retained
}

# METADATA
# scope: document
# title: Joined, or linked to a company or account
reclassified if joined

reclassified if input.context.facts.linked_to_company

_separated := {fault.missing("2-k", "join_key_retained")} if {
	input.context.facts.separated
	not input.context.facts.join_key_retained == false
} else := set()

# METADATA
# scope: document
# title: That it is not linked, or not joined, is stated
unlinked if input.context.facts.linked_to_company == false

unlinked if input.context.facts.combined_with_company_info == false

unlinked if input.context.facts.separated

obliges["2-k"] contains "treat_as_company_information" if reclassified

# Cited beside what grants, and kept as evidence.
also_cited contains "2-k" if {
	input.action.name == "combine"
	act.operation == "combine"
}

cited_when_free contains "2-k" if input.context.facts.separated

cited_when_free contains "2-i" if {
	input.context.facts.linked_to_ip
	ip_linked
}

also_cited contains "2-i" if {
	input.context.facts.linked_to_ip
	ip_linked
}

cited_when_free contains "2-h" if {
	input.context.purpose == "improve_relevance"
	"usage" in act.kinds
}

cited_when_free contains "2-e" if input.action.name == "summarise"

evidence["2-j"] := "record_explicit_consent"
