package library.lending

default allowed := false

# Anybody may read; only who is a member may borrow.
allowed if input.action.name == "read"

allowed if {
	input.action.name == "borrow"
	input.subject.id in data.library.members
}
