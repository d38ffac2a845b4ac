package archive.search

import data.archive
import data.archive.access

subjects contains {"type": "user", "id": id} if {
	input.subject.type == "user"
	some id, user in archive.users
	_has(user, input.subject)
	_allowed({"subject": {"id": id}})
}

resources contains {"type": "record", "id": id, "properties": record} if {
	input.resource.type == "record"
	some id, record in archive.records
	_has(record, input.resource)
	_allowed({"resource": {"id": id}})
}

# A list, and not a set: either will do.
actions := [{"name": name} | some name in archive.actions; _allowed({"action": {"name": name}})]

_allowed(candidate) if {
	asked := object.union(input, candidate)
	access.allowed with input as asked
}

# What a search says of the entities that it is for, narrows it.
_has(attributes, wanted) if object.subset(attributes, object.get(wanted, "properties", {}))
