# The rules of a park: answers with reasons, for an agreement that is not CSW's.
package park.decision

decision := {"decision": true, "context": {
	"reason": "permitted",
	"permitted": ["path"],
	"denied": [],
	"clauses": [{"id": "7-a", "effect": "permits"}],
	"obligations": _leash,
}} if {
	input.action.name == "walk"
}

# 9-z is in no registry.
decision := {"decision": false, "context": {
	"reason": "prohibited",
	"permitted": [],
	"denied": [{"category": "meadow", "reason": "prohibited", "clauses": ["9-a"]}],
	"clauses": [{"id": "9-a", "effect": "prohibits"}, {"id": "9-z", "effect": "defines"}],
	"obligations": [],
}} if {
	input.action.name == "barbecue"
}

decision := {"decision": false, "context": {
	"reason": "missing_fact",
	"clauses": [{"id": "9-b", "effect": "limits"}],
	"missing_facts": ["swims_well", "age"],
	"problems": [{"at": "/context/facts/depth", "is": "no number"}],
}} if {
	input.action.name == "swim"
}

# A reason that no sentence is written for.
decision := {"decision": true, "context": {"reason": "humming"}} if input.action.name == "hum"

# What a policy says beside its verdict is its own affair, whatever its shape.
decision := {"decision": false, "context": object.union(
	{"reason": "prohibited"},
	{name: input.context.value | some name in _names},
)} if {
	input.action.name == "mumble"
}

_names := ["clauses", "missing_facts", "problems", "permitted", "denied", "obligations"]

default _leash := []

_leash := [{"id": "keep_on_leash", "type": "custom", "properties": {"clauses": ["7-b"]}}] if {
	input.subject.properties.dog
}
