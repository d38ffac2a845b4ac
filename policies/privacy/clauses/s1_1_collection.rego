# Section 1.1: what is collected, and when.
package privacy.clauses

import future.keywords.not

import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.ways

# METADATA
# title: CSW collects at the touchpoints that the agreement names
# custom:
#   clause: 1.1-a
collects(kind) := at_touchpoint(kind) | _declined if input.action.name == "collect"

# METADATA
# title: What the touchpoint leaves to be desired
# description: Empty for the kinds that no touchpoint limits.
at_touchpoint(kind) := set() if {
	not ways.touchpoint_kinds[kind]
} else := set() if {
	basic_details(kind)
} else := {fault.unmet("1.1-d")} if {
	input.context.facts.source == "inviting_user"
} else := set() if {
	within_range(kind)
} else := set() if {
	in_product_use(kind)
} else := {fault.unmet(_missed(kind))} if {
	input.context.facts.touchpoint
} else := {fault.missing("1.1-a", "touchpoint")}

# METADATA
# title: The listed range is collected for the purposes of section 1
# custom:
#   clause: 1.1-b
within_range(kind) if {
	ways.touchpoints[input.context.facts.touchpoint][kind]
	ways.open.ordinary.collect[input.context.purpose]
}

# METADATA
# title: Profile data comes with contact over social media alone
# custom:
#   clause: 1.1-c
_missed(kind) := "1.1-c" if {
	kind == "profile"
} else := "2-c" if {
	kind == "behaviour"
} else := "1.1-d" if {
	ways.basic_touchpoints[input.context.facts.touchpoint]
} else := "1.1-a"

# METADATA
# scope: document
# title: In product use, and by invitation, basic contact details
# description: As the company concerned, its inviter or one who shared with it supplies them.
# custom:
#   clause: 1.1-d
basic_details("contact") if ways.basic_touchpoints[input.context.facts.touchpoint]

basic_details("contact") if {
	input.context.facts.source
	comes_from_another
}

# METADATA
# title: Collected information serves requests, products and services, and the fight against fraud
# custom:
#   clause: 1.1-e
permits["1.1-e"] := processing

# What another user supplied serves nothing else (1.1-e is a closed list for it).
processing contains fault.unfit(clause) if {
	ways.other_users[input.context.facts.source]
	not ways.narrow_purposes[input.context.purpose]
	some clause in ["1.1-e", "1.2-g"]
}

# METADATA
# title: Government identification where local law asks for it
# custom:
#   clause: 1.1-f
permits["1.1-f"] := union({fault.gate("1.1-f", "jurisdiction_requires_id"), fault.gate("1.1-f", "law_cited"), consent_as_well}) if {
	ways.identification_acts[input.action.name]
}

# Cited beside what grants.
also_cited contains "1.1-b" if {
	input.action.name == "notify"
	promotes
}

obliges["1.1-b"] contains "respect_contact_preferences" if {
	input.action.name == "notify"
	promotes
}

obliges["1.1-b"] contains "respect_contact_preferences" if act.operation == "refuse_notice"

also_cited contains "1.1-e" if ways.other_users[input.context.facts.source]
