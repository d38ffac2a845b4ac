# METADATA
# title: What is being done, and towards whom
package privacy.lib.act

import future.keywords.not

import data.privacy.lib.tables.ways

# METADATA
# title: The act
# description: >-
#   What the action amounts to for this subject and recipient: the second key of data.privacy.ways.open. `unnamed` is an
#   action no clause names, done by one who may act at all; `none` an action that is not this subject's.
operation := "check_open_source" if {
	input.context.facts.verified_against == "open_source"
	ways.acts[input.subject.type][input.action.name] == "verify"
	not recipient_outside
} else := "check_by_third_party" if {
	input.context.facts.verified_against == "third_party"
	ways.acts[input.subject.type][input.action.name] == "verify"
} else := led[recipient_kind] if {
	led := ways.directed[_act]
} else := _act

_act := known if {
	known := ways.acts[input.subject.type][input.action.name]
} else := "unnamed" if {
	ways.insiders[input.subject.type]
	not data.privacy.vocabulary.actions[input.action.name]
} else := "none"

# METADATA
# title: The kind of recipient
recipient_kind := kind if {
	kind := ways.recipients[input.context.recipient.type]
} else := "unheard" if {
	input.context.recipient.type
} else := "none"

# METADATA
# title: The recipient is neither CSW nor an affiliate
recipient_outside if not recipient_kind in {"none", "csw", "affiliate"}

# METADATA
# title: The act takes information out of the group, or may
# description: An affiliate counts as inside only where it is verified (1-c).
default goes_out := false

goes_out if {
	ways.outward[operation]
	not _inside
}

goes_out if {
	input.context.recipient.type == "affiliate"
	operation == "within"
	not _inside
}

goes_out if {
	input.context.recipient.type
	operation == "unnamed"
	not _inside
}

_inside if recipient_kind == "csw"

_inside if {
	recipient_kind == "affiliate"
	input.context.facts.affiliate_verified
}

# METADATA
# title: The act moves information to somebody
moves if input.action.name in {"share", "disclose", "exchange", "transfer", "transmit", "notify"}

moves if {
	input.action.name == "verify"
	input.context.recipient
}

# METADATA
# title: The categories asked
categories := asked if asked := input.resource.properties.categories

else := []

# METADATA
# title: The categories asked that a list does not name
unnamed_in(list) := {category | some category in categories} - {category | some category in list}

# METADATA
# title: The kinds of the categories asked
kinds contains object.get(data.privacy.ways.kind_of, category, "unlisted") if some category in categories

# METADATA
# scope: document
# title: No purpose is given
purpose_blank if not input.context.purpose

purpose_blank if input.context.purpose == ""

purpose_blank if input.context.purpose == []
