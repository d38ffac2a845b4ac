# METADATA
# title: What stands in the way of a permission
# description: A fault says which clause stands in the way, and how. Each kind of fault is one reason of the vocabulary.
package privacy.lib.fault

import future.keywords.not

# METADATA
# title: A condition of the clause is stated not to hold
unmet(clause) := {"reason": "condition_unmet", "clause": clause}

# METADATA
# title: The clause turns on a fact that was not given
missing(clause, fact) := {"reason": "missing_fact", "clause": clause, "fact": fact}

# METADATA
# title: A duty of the clause is stated not to be met
breach(clause) := {"reason": "obligation_unmet", "clause": clause}

# METADATA
# title: The clause does not reach this far, and no other does
unfit(clause) := {"reason": "no_applicable_permission", "clause": clause}

# METADATA
# title: The clause forbids it
forbidden(clause) := {"reason": "prohibited", "clause": clause}

# METADATA
# title: The clause turns on a yes or no
# description: Nothing where the fact is true; unmet where it is false; missing where it was not given.
gate(clause, fact) := set() if {
	input.context.facts[fact]
} else := {unmet(clause)} if {
	input.context.facts[fact] == false
} else := {missing(clause, fact)}

# METADATA
# title: The clause turns on one value
# description: Nothing where the fact has it; unmet where it has another; missing where it was not given.
only(clause, fact, value) := set() if {
	input.context.facts[fact] == value
} else := {unmet(clause)} if {
	input.context.facts[fact]
} else := {missing(clause, fact)}

# METADATA
# title: The clause turns on a no
# description: Nothing where the fact is false; unmet where it is true; missing where it was not given.
bar(clause, fact) := {unmet(clause)} if {
	input.context.facts[fact]
} else := set() if {
	input.context.facts[fact] == false
} else := {missing(clause, fact)}

# METADATA
# title: The clause is a duty that comes along
# description: >-
#   A breach where the fact is false. Where it was not given the duty comes back as an obligation, unless the switch
#   unstated_duty_denies asks for it to be stated.
duty(clause, fact) := {breach(clause)} if {
	input.context.facts[fact] == false
} else := {missing(clause, fact)} if {
	data.privacy.interpretation.switches.unstated_duty_denies.value == true
	not input.context.facts[fact]
} else := set()

# METADATA
# title: The fact was given
stated(fact) if {
	value := input.context.facts[fact]
	value != null
}
