package privacy.clauses_test.s5_1_third_parties

import data.privacy.lib.testing_test as t

test_5_1_b[name] if {
	some name, [request, expected] in {
		"permitted: what CSW collects itself is under the agreement": [
			t.asks("collect", ["email_address"], "fulfil_request", {
				"processing_ground": "contract",
				"touchpoint": "purchase",
				"collected_by": "csw",
			}),
			"permitted",
		],
		"refused: a linked site collects locations for itself": [_of_a_site("collect", {"collected_by": "third_party"}), "out_of_scope"],
		"refused: the site uses what it collected for itself": [_of_a_site("use", {"collected_by": "third_party"}), "out_of_scope"],
		"boundary: a site collects for itself where nobody says on whose account": [_of_a_site("collect", {}), "out_of_scope"],
		"boundary: what CSW passed on stays under the agreement": [
			t.by("third_party_service_provider", t.asks("use", ["email_address"], "deliver_products", {
				"received_under": "3-a",
				"collected_by": "csw",
			})),
			"permitted",
		],
		"boundary: non-company information that a third party collects is its own affair too": [
			t.asks("collect", ["language"], "anything_at_all", {"collected_by": "third_party"}),
			"out_of_scope",
		],
	}
	t.against(request, "5.1-b") == expected
}

# Taking over what such a site collected is CSW's own collecting.
test_5_1_b_does_not_cover_what_csw_takes_over if {
	request := t.asks("collect", ["email_address"], "own_advertising", {"processing_ground": "contract", "source": "third_party_site"})
	t.context(request).reason == "no_applicable_permission"
}

test_5_1_b_refers_to_the_third_partys_own_terms if {
	t.obligations(_of_a_site("collect", {"collected_by": "third_party"})) == {"refer_to_third_party_policy"}
}

_of_a_site(action, facts) := t.by("third_party_site", t.asks(action, ["location"], "third_party_own_service", facts))
