# METADATA
# scope: package
# title: A release note, as the question whether the change may be made
# description: >-
#   A note says what changes (`says`), whether that is significant, where and when it was announced, and when and how companies
#   were told. What has not come to pass by the day of the release is stated not to hold; what is not said stays unknown.
# schemas:
#   - input: schema.release
package privacy.release

import future.keywords.not

# METADATA
# title: The evaluation that the agreement decides, and what is wrong with the note
asks := {
	"evaluation": {
		"subject": {"type": "csw", "id": "release"},
		"action": {"name": "update_policy"},
		"resource": {"type": "information", "id": "agreement", "properties": {"categories": []}},
		"context": {"purpose": "policy_change", "facts": _facts},
	},
	"problems": [{"at": at, "is": is} | some at, is in _problems],
}

_facts["change_significant"] := input.note.significant

_facts["announced_on_website"] := _come_to_pass(input.note.announced)

_facts["registered_contact_notified"] := _come_to_pass(input.note.told)

_come_to_pass(said) := false if said == false

_come_to_pass(said) := said.date <= input.environment.date

_problems["says"] := "missing, or not a text" if not _is_text(input.note.says)

_problems["significant"] := "missing, or not true or false" if not is_boolean(input.note.significant)

_problems[at] := is if {
	some at, is in _faults("announced", "where", input.note.announced)
}

_problems[at] := is if {
	some at, is in _faults("told", "how", input.note.told)
}

_problems[key] := "unknown" if {
	some key, _ in input.note
	not key in {"says", "significant", "announced", "told"}
}

_faults(_, _, said) := {} if said == false

_faults(key, _, said) := {key: "not false, nor what was done"} if {
	said != false
	not is_object(said)
}

_faults(key, by, said) := object.union(
	{$"{key}.date": "not a day such as 2027-01-31" | not _is_day(object.get(said, "date", null))},
	{$"{key}.{by}": "not a text" | not _is_text(object.get(said, by, null))},
) if {
	is_object(said)
}

_is_text(value) if {
	is_string(value)
	trim_space(value) != ""
}

_is_day(value) if regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`, value)
