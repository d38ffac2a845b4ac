package archive.access

default allowed := false

_user := data.archive.users[input.subject.id] if input.subject.type == "user"

_record := data.archive.records[input.resource.id] if input.resource.type == "record"

allowed if {
	input.action.name == "view"
	_user.department == _record.department
}

allowed if {
	input.action.name == "edit"
	_record.owner == input.subject.id
	_record.status == "open"
	_user
}

allowed if {
	input.action.name == "delete"
	_user.role == "manager"
	_user.department == _record.department
	_record.status == "closed"
}

# Books are for everybody in the directory.
allowed if {
	input.action.name == "borrow"
	input.resource.type == "book"
	_user
}
