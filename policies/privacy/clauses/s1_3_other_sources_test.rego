package privacy.clauses_test.s1_3_other_sources

import data.privacy.clauses
import data.privacy.lib.testing_test as t

test_1_3_a[name] if {
	some name, [request, expected] in {
		"permitted: somebody who shared content with the company gives its email address": [
			_from("sharing_user", "fulfil_request"),
			"permitted",
		],
		"refused: a data broker is no source": [_from("data_broker", "fulfil_request"), "no_applicable_permission"],
		"refused: a scraped website is no source": [_from("open_source", "fulfil_request"), "no_applicable_permission"],
		"boundary: what a sharing user gave does not serve CSW's advertising": [
			_from("sharing_user", "own_advertising"),
			"no_applicable_permission",
		],
		"boundary: what a third party's site collected is not taken over": [
			_from("third_party_site", "fulfil_request"),
			"no_applicable_permission",
		],
	}
	t.answer(request, "1.3-a") == expected
}

test_1_3_b[name] if {
	some name, [request, expected] in {
		"permitted: somebody who invited the company gives its email address": [
			_from("inviting_user", "fulfil_request"),
			"permitted",
		],
		"refused: the inviter gives payment data": [
			object.union(_from("inviting_user", "fulfil_request"), {"resource": {"properties": {"categories": ["payment_information"]}}}),
			"condition_unmet",
		],
		"refused: what an inviter gave does not serve CSW's advertising": [
			_from("inviting_user", "own_advertising"),
			"no_applicable_permission",
		],
		"boundary: what an inviter gave serves a product or service": [
			_from("inviting_user", "provide_products_services"),
			"permitted",
		],
		"boundary: an invitation is an occasion of its own, so that no touchpoint has to be stated": [
			t.without(["touchpoint"], _from("inviting_user", "fulfil_request")),
			"permitted",
		],
	}
	t.answer(request, "1.3-b") == expected
}

# A source holds for the category that it is stated of.
test_1_3_a_source_by_category if {
	request := t.asks("use", ["email_address", "phone_number"], "improve_products_services", {
		"processing_ground": "contract",
		"source_by_category": {"phone_number": "data_broker"},
	})
	t.context(request).permitted == ["email_address"]
	[denied.reason | some denied in t.context(request).denied] == ["no_applicable_permission"]
}

test_1_3_c[name] if {
	some name, [request, expected] in {
		"permitted: a bound verifier checks details of ID creation for security": [_checked, "permitted"],
		"permitted: it checks them against fraud, as both conditions hold": [_against_fraud, "permitted"],
		"refused: the check would rate sales leads": [_for("own_advertising", _checked), "no_applicable_permission"],
		"refused: the details stem from a purchase": [t.knowing({"source": "purchase"}, _checked), "condition_unmet"],
		"refused: against fraud, no evaluation was made": [
			t.knowing({"evaluation_done": false}, t.without(["evaluation_outcome"], _against_fraud)),
			"condition_unmet",
		],
		"refused: the verifier is known not to be bound": [
			t.knowing({"third_party_bound": false}, _checked),
			"obligation_unmet",
		],
		"boundary: where the details come from is not stated": [t.without(["source"], _checked), "missing_fact"],
		"boundary: who checks is not stated": [
			t.knowing({"verified_against": "third_party"}, json.remove(_checked, ["/context/recipient"])),
			"missing_fact",
		],
		"boundary: nobody knows what kind of verifier it is": [t.to("wizard", _checked), "no_applicable_permission"],
	}
	t.answer(request, "1.3-c") == expected
}

_for(purpose, request) := object.union(request, {"context": {"purpose": purpose}})

_from(source, purpose) := t.asks("collect", ["email_address"], purpose, {
	"processing_ground": "contract",
	"touchpoint": "invite_others",
	"source": source,
})

_checked := t.to("third_party_service_provider", t.asks("verify", ["company_name", "email_address"], "account_network_security", {
	"processing_ground": "legitimate_interests",
	"necessity_judged": true,
	"source": "id_creation",
	"third_party_bound": true,
}))

_against_fraud := t.knowing(
	{"absolutely_necessary": true, "evaluation_done": true, "evaluation_outcome": "favourable"},
	_for("anti_fraud", _checked),
)

# The two clauses, and what 1.1-e says of whoever supplies, speak of the same users.
test_other_users_are_known_by_their_source[source] if {
	some source, _ in data.privacy.vocabulary.facts.source.values
	comes := [true | clauses.comes_from_another] with input.context.facts.source as source
	comes == [true | data.privacy.ways.other_users[source]]
}
