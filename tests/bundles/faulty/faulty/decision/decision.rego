# Answers as the action's name says, and is at fault where it is asked to be.
package faulty.decision

# So that an answer can be told from another's.
decision := {"decision": true, "context": {"asked": input.subject.id, "input": input}} if {
	input.action.name == "permit"
}

decision := {"decision": false, "context": {"asked": input.subject.id}} if {
	input.action.name == "refuse"
}

# A value of any shape.
decision := input.context.value if input.action.name == "answer"

# A builtin that fails, unless the subject's id is a number.
decision := {"decision": true, "context": {"number": to_number(input.subject.id)}} if {
	input.action.name == "count"
}

# Two values for one rule.
decision if input.action.name == "contradict"

decision := false if input.action.name == "contradict"
