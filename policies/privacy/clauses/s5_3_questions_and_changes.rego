# Section 5.3: questions, complaints, and changes to the agreement.
package privacy.clauses

import future.keywords.not

import data.privacy.lib.act
import data.privacy.lib.fault
import data.privacy.ways

# METADATA
# title: A company asks and complains at any time
# custom:
#   clause: 5.3-a
permits["5.3-a"] := set() if act.operation == "ask"

obliges["5.3-a"] contains "route_to_data_protection_officer" if act.operation == "ask"

obliges_anyway.route_to_data_protection_officer := "5.3-a" if act.operation == "claim"

# METADATA
# title: CSW's people act on complaints
# custom:
#   clause: 5.3-b
permits["5.3-b"] := processing if ways.staff[input.subject.type]

obliges["5.3-b"] contains "act_on_complaint_if_improvable"

# METADATA
# title: CSW changes the agreement when it wishes
# custom:
#   clause: 5.3-d
permits["5.3-d"] := announced | contacted

# METADATA
# title: A significant change is announced and the new text published
# custom:
#   clause: 5.3-e
announced := set() if {
	input.context.facts.change_significant == false
} else := fault.duty("5.3-e", "announced_on_website")

obliges["5.3-e"] contains "announce_on_website" if not input.context.facts.change_significant == false

obliges["5.3-e"] contains "publish_updated_policy" if not input.context.facts.change_significant == false

# METADATA
# title: A significant change is told through the registered contact
# custom:
#   clause: 5.3-f
contacted := set() if {
	input.context.facts.change_significant == false
} else := fault.duty("5.3-f", "registered_contact_notified")

obliges["5.3-f"] contains "notify_via_registered_contact" if not input.context.facts.change_significant == false
