# METADATA
# title: What the tests of the clauses share
# description: Requests in short, and the answer in short. Not part of a bundle.
package privacy.lib.testing_test

import data.privacy.decision

# METADATA
# title: CSW asks to do something
asks(action, categories, purpose, facts) := {
	"subject": {"type": "csw", "id": "app"},
	"action": {"name": action},
	"resource": {"type": "information", "id": "acme", "properties": {"categories": categories}},
	"context": {"purpose": purpose, "facts": facts},
	"environment": {"date": "2026-01-01"},
}

# METADATA
# title: The same request, by somebody else
by(subject, request) := object.union(request, {"subject": {"type": subject, "id": "somebody"}})

# METADATA
# title: The same request, towards a recipient
to(recipient, request) := object.union(request, {"context": {"recipient": {"type": recipient, "id": "other"}}})

# METADATA
# title: The same request, with further facts
knowing(facts, request) := object.union(request, {"context": {"facts": facts}})

# METADATA
# title: The same request, without some facts
without(facts, request) := json.remove(request, [concat("/", ["context/facts", fact]) | some fact in facts])

# METADATA
# title: The reason of the answer, where it cites the clause
# description: So a test says both what was decided and that the clause is why.
answer(request, clause) := reason if {
	given := decision.decision with input as request
	reason := given.context.reason
	clause in {cited.id | some cited in given.context.clauses}
}

# METADATA
# title: The reason of the answer, where a refusal cites the clause
# description: For a clause whose permitted case is that it does not stand in the way, and so is not cited.
against(request, clause) := "permitted" if {
	context(request).reason == "permitted"
} else := answer(request, clause)

# METADATA
# title: What the answer says beside its yes or no
context(request) := given if {
	given := decision.decision.context with input as request
}

# METADATA
# title: The clauses that the answer cites
cited(request) := {clause.id | some clause in context(request).clauses}

# METADATA
# title: The obligations that the answer brings along
obligations(request) := {obligation.id | some obligation in context(request).obligations}
