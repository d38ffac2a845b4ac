# Section 5.2: CSW's own people.
package privacy.clauses

import future.keywords.not

import data.privacy.interpretation.switches
import data.privacy.lib.fault
import data.privacy.ways

# METADATA
# title: CSW's people know the privacy and security guidelines
# custom:
#   clause: 5.2-a
around contains found if {
	ways.staff[input.subject.type]
	some found in _untrained
}

_untrained := set() if {
	input.context.facts.guidelines_conveyed
} else := set() if {
	not switches.untrained_employee_refused.value
} else := {fault.breach("5.2-a")} if {
	input.context.facts.guidelines_conveyed == false
} else := {fault.missing("5.2-a", "guidelines_conveyed")}

obliges["5.2-a"] contains "convey_guidelines" if {
	ways.staff[input.subject.type]
	not input.context.facts.guidelines_conveyed
}

# Cited beside what grants.
also_cited contains "5.2-a" if ways.staff[input.subject.type]
