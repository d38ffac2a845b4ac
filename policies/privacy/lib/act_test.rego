package privacy.lib.act_test

import data.privacy.lib.testing_test as t

# Non-company information that goes outward has to be shown to be that, so such a request tells which way an act goes.
test_which_way_an_act_goes[name] if {
	some action, ways in {
		"share": _outward_unless_inside,
		"disclose": _outward_unless_inside,
		"exchange": _outward_unless_inside,
		"transfer": _outward_unless_inside,
		"transmit": object.remove(_outward_unless_inside, ["none"]),
		"verify": object.union(_outward_unless_inside, {"none": "inward"}),
		"publish": _outward_unless_inside,
		"sell": _outward_unless_inside,
		"collect": _never_outward,
		"use": _never_outward,
		"read": _never_outward,
		"store": _never_outward,
	}
	some recipient, way in ways
	name := $"{action} towards {recipient}"
	t.context(_towards(recipient, _language(action, {"affiliate_verified": true}))).reason == _means[way]
}

test_an_affiliate_is_inside_once_it_is_verified[name] if {
	some name, [facts, expected] in {
		"verified": [{"affiliate_verified": true}, _means.inward],
		"not verified": [{"affiliate_verified": false}, _means.outward],
		"not stated": [{}, _means.outward],
	}
	t.context(t.to("affiliate", _language("share", facts))).reason == expected
}

test_who_may_do_what[name] if {
	some name, [subject, action, expected] in {
		"a company's acts are not CSW's": ["csw", "refuse_notice", "no_applicable_permission"],
		"a company does not withhold for another": ["other_user", "decline_to_provide", "no_applicable_permission"],
		"CSW's acts are not a company's": ["company", "use", "no_applicable_permission"],
		"CSW's acts are not an affiliate's": ["affiliate", "refuse_service", "no_applicable_permission"],
		"a contractor does nothing": ["contractor", "use", "no_applicable_permission"],
		"an authority does nothing": ["government_body", "use", "no_applicable_permission"],
		"a buyer does nothing": ["merger_buyer", "use", "no_applicable_permission"],
		"a site does nothing for CSW": ["third_party_site", "use", "no_applicable_permission"],
	}
	some category in ["email_address", "language"]
	facts := {"processing_ground": "contract", "notice_type": "marketing", "affiliate_verified": true, "company_declined": true, "information_needed_for_service": true}
	t.context(t.by(subject, t.asks(action, [category], "improve_products_services", facts))).reason == expected
}

test_an_act_that_no_clause_names[name] if {
	some name, [request, expected] in {
		"renting out company information": [
			t.to("third_party", t.asks("rent", ["email_address"], "improve_products_services", {"processing_ground": "contract"})),
			"no_applicable_permission",
		],
		"licensing it in-house": [
			t.asks("licence", ["email_address"], "improve_products_services", {"processing_ground": "contract"}),
			"no_applicable_permission",
		],
		"renting out what is linked to nobody": [
			t.to("third_party", t.asks("rent", ["language"], "resale", {"linked_to_company": false})),
			"permitted",
		],
		"renting out what may be linked": [
			t.to("third_party", t.asks("rent", ["language"], "resale", {})),
			"missing_fact",
		],
		"renting to CSW itself": [
			t.to("csw", t.asks("rent", ["language"], "resale", {})),
			"permitted",
		],
		"by somebody who may not act at all": [
			t.by("other_user", t.asks("rent", ["language"], "resale", {"linked_to_company": false})),
			"no_applicable_permission",
		],
	}
	t.context(request).reason == expected
}

test_a_recipient_that_is_needed[name] if {
	some name, [request, expected] in {
		"sharing company information with nobody in particular": [
			t.asks("share", ["email_address"], "improve_products_services", {"processing_ground": "contract"}),
			["missing_fact", ["recipient"]],
		],
		"transmitting it to nobody in particular": [
			t.asks("transmit", ["email_address"], "improve_products_services", {"processing_ground": "contract"}),
			["missing_fact", ["recipient"]],
		],
		"sharing it with a recipient of an unheard-of type": [
			t.to("wizard", t.asks("share", ["email_address"], "improve_products_services", {"processing_ground": "contract"})),
			["no_applicable_permission", []],
		],
		"sharing it for what no recipient is granted": [
			t.asks("share", ["email_address"], "credit_scoring", {"processing_ground": "contract"}),
			["no_applicable_permission", []],
		],
	}
	context := t.context(request)
	[context.reason, context.missing_facts] == expected
}

test_where_a_check_looks[name] if {
	some name, [recipient, facts, expected] in {
		"unstated, and nobody is asked: CSW's own records": ["none", {}, "permitted"],
		"CSW's own records": ["none", {"verified_against": "own_records"}, "permitted"],
		"open sources, without a particular order": [
			"none",
			{"verified_against": "open_source", "specific_online_transaction": false},
			"condition_unmet",
		],
		"a third party, and nothing about ID creation": ["third_party", {}, "missing_fact"],
		"an affiliate": ["affiliate", {"affiliate_verified": true}, "permitted"],
		"CSW": ["csw", {}, "permitted"],
	}
	request := t.asks("verify", ["email_address"], "account_network_security", object.union({"processing_ground": "contract"}, facts))
	t.context(_towards(recipient, request)).reason == expected
}

_means := {"inward": "permitted", "outward": "missing_fact"}

_outward_unless_inside := {
	"none": "outward",
	"csw": "inward",
	"affiliate": "inward",
	"third_party": "outward",
	"third_party_service_provider": "outward",
	"third_party_advertiser": "outward",
	"software_developer": "outward",
	"government_body": "outward",
	"merger_buyer": "outward",
	"wizard": "outward",
}

_never_outward := {recipient: "inward" | some recipient, _ in _outward_unless_inside}

_towards("none", request) := request

_towards(recipient, request) := t.to(recipient, request) if recipient != "none"

_language(action, facts) := t.asks(action, ["language"], "anything_at_all", facts)
