package conventions_test

import data.conventions

test_a_sound_tree_has_no_violation if conventions.violations == set() with input as _sound

test_each_convention_bites[name] if {
	some name, [patches, expected] in {
		"a label of no clause": [[_set("/annotations/0/annotations/custom/clause", "7-z")], {
			"unknown clause",
			"no rule",
		}],
		"a label that OPA gathers": [
			[_set("/annotations/0/annotations/labels", {"team": "legal"})],
			{"gathered label"},
		],
		"a literal of no clause": [[_set("/modules/0/rules/1/body", [_text("7-z")])], {"unknown clause"}],
		"a data value of no clause": [[_set("/data/0/document/kinds/profile", "7-z")], {"unknown clause"}],
		"a data key of no clause": [[_set("/data/0/document/7-z", true)], {"unknown clause"}],
		"a date is no clause": [[_set("/data/0/document/since", "2020-11-17")], set()],
		"two annotations of one clause": [[_set("/annotations/1", object.union(_sound.annotations[0], {"location": _at(9)}))], {"duplicate id"}],
		"a public rule with no label": [[_set("/modules/0/rules/0/annotations", [])], {"missing label"}],
		"a literal is as good as a label, on a further rule": [
			[
				_set("/modules/0/rules/0/annotations", []),
				_set("/modules/0/rules/0/body", [_text("1.1-a")]),
			],
			set(),
		],
		"a title is enough for a fact that several clauses turn on": [
			[_swap("/modules/0/rules/0/annotations/0", {"title": "It is so"})],
			set(),
		],
		"a key is as good as a label": [
			[
				_set("/modules/0/rules/0/annotations", []),
				_set("/modules/0/rules/0/head/ref/1", _text("7.1-a")),
				_set("/registry/clauses/7.1-a", _sound.registry.clauses["1.1-b"]),
			],
			set(),
		],
		"a key that is not the label": [
			[_set("/modules/0/rules/0/head/ref/1", _text("1.1-b"))],
			{"other label"},
		],
		"a private rule needs no label": [[_set("/modules/0/rules/1/annotations", [])], set()],
		"a rule elsewhere needs no label": [
			[
				_set("/modules/0/package/path/2/value", "lib"),
				_set("/modules/0/rules/0/annotations", []),
			],
			set(),
		],
		"a rule in another section's file": [
			[_set("/annotations/0/location/file", "policies/privacy/clauses/s1_usage.rego")],
			{"wrong module"},
		],
		"a file named after no section": [[_set("/annotations/0/location/file", "x.rego")], set()],
		"a decidable clause and no rule": [[_set("/annotations", [])], {"no rule"}],
		"a partly decidable clause and no rule": [
			[_set("/annotations", []), _set("/registry/clauses/1.1-a/decidable", "partly")],
			{"no rule"},
		],
		"no rule and no reason": [[_set("/registry/clauses/1.1-b/undecidable", " ")], {"no reason"}],
		"no rule and nothing instead": [
			[{"op": "remove", "path": "/registry/clauses/1.1-b/instead"}],
			{"no reason"},
		],
		"no case that is permitted": [[_swap("/tests/0/cases/0", "permits: it")], {"missing case"}],
		"no case that is refused": [[_swap("/tests/0/cases/1", "it is refused: so")], {"missing case"}],
		"no case at the edge": [[_swap("/tests/0/cases/2", "boundary")], {"missing case"}],
		"cases under another name": [[_set("/tests/0/name", "test_1_1_b")], {"missing case"}],
		"a section changed": [
			[
				_set("/registry/sections/1.1/sha256", "new"),
				_set("/registry/clauses/1.1-a/sha256", "new"),
				_set("/registry/clauses/1.1-b/sha256", "new"),
				_set("/registry/clauses/1.1-b/reviewed", "new"),
			],
			{"not reviewed"},
		],
		"a clause never reviewed": [
			[{"op": "remove", "path": "/registry/clauses/1.1-a/reviewed"}],
			{"not reviewed"},
		],
		"a digest of no section": [[_set("/registry/clauses/1.1-a/sha256", "old")], {"wrong section"}],
		"a word that the registry does not have": [
			[_set("/registry/clauses/1.1-b/decidable", "maybe")],
			{"wrong word"},
		],
		"an obligation that the vocabulary has for another clause": [
			[_set("/modules/0/rules/2", _obliging), _set("/data/0/document/obligations", {"warn": ["1.1-b"]})],
			{"unlisted obligation"},
		],
		"an obligation that the vocabulary does not have": [[_set("/modules/0/rules/2", _obliging)], {"unlisted obligation"}],
		"an obligation that the vocabulary has for the clause": [
			[_set("/modules/0/rules/2", _obliging), _set("/data/0/document/obligations", {"warn": ["1.1-a"]})],
			set(),
		],
		"an id that is read": [[_set("/modules/0/rules/1/body", _read(["subject", "id"]))], {"id out of place"}],
		"what holds an id, read as a whole": [
			[_set("/modules/0/rules/1/body", _read(["context", "recipient"]))],
			{"id out of place"},
		],
		"a reference among the evidence": [
			[_set("/modules/0/rules/1/body", _read(["context", "evidence", "consent"]))],
			{"id out of place"},
		],
		"an id that is read where registers are looked up": [
			[
				_set("/modules/1", {"package": {"path": _registers}, "rules": [{
					"head": {"ref": []},
					"body": _read(["subject", "id"]),
					"location": _at(12),
				}]}),
			],
			set(),
		],
		"what is beside an id": [
			[_set("/modules/0/rules/1/body", array.concat(_read(["context", "recipient", "type"]), [_text("1.1-a")]))],
			set(),
		],
		"the question whether there is somebody": [
			[_set("/modules/0/rules/1/body", [{"terms": _ref(["context", "recipient"])}, _text("1.1-a")])],
			set(),
		],
	}

	{found.rule | some found in conventions.violations} == expected with input as json.patch(_sound, patches)
}

test_a_violation_says_where if {
	places := {found.at | some found in conventions.violations} with input as json.patch(_sound, [
		_set("/modules/0/rules/1/body", [_text("7-z")]),
		_set("/registry/clauses/1.1-b/undecidable", ""),
	])
	places == {"policies/privacy/clauses/s1_1_collection.rego:9", "1.1-b"}
}

_sound := {
	"annotations": [
		{"annotations": {"custom": {"clause": "1.1-a"}, "scope": "rule"}, "location": _at(7)},
		{"annotations": {"custom": {"section": "1.1"}, "scope": "package"}, "location": _at(1)},
	],
	"modules": [{
		"package": {"path": [{"value": "data"}, {"value": "privacy"}, {"value": "clauses"}]},
		"rules": [
			{
				"head": {"ref": [{"type": "var", "value": "collects"}, _text("kind")]},
				"annotations": [{"custom": {"clause": "1.1-a"}}],
				"location": _at(7),
			},
			{
				"head": {"ref": [{"type": "var", "value": "_helper"}]},
				"body": [_text("1.1-a")],
				"location": _at(9),
			},
		],
	}],
	"registry": {
		"sections": {"1.1": {"sha256": "now"}},
		"clauses": {
			"1.1-a": {"section": "1.1", "decidable": "yes", "sha256": "now", "reviewed": "now"},
			"1.1-b": {
				"section": "1.1",
				"decidable": "no",
				"undecidable": "A person sees it, no request does.",
				"instead": "A report.",
				"sha256": "now",
				"reviewed": "now",
			},
		},
	},
	"data": [{"file": "policies/data.yaml", "document": {"kinds": {"profile": "1.1-a"}}}],
	"tests": [{"name": "test_1_1_a", "cases": ["permitted: one", "refused: two", "boundary: three"]}],
}

_read(path) := [{"terms": [{"type": "ref", "value": [{"type": "var", "value": "equal"}]}, _ref(path), _text("1.1-a")]}]

_ref(path) := {
	"type": "ref",
	"value": array.concat([{"type": "var", "value": "input"}], [{"type": "string", "value": step} | some step in path]),
}

_registers := [{"value": step} | some step in ["data", "privacy", "lib", "registers"]]

_obliging := {
	"head": {"ref": [{"type": "var", "value": "obliges"}, _text("1.1-a")], "key": {"type": "string", "value": "warn"}},
	"location": _at(11),
}

_at(row) := {"file": "policies/privacy/clauses/s1_1_collection.rego", "row": row}

_text(value) := {"type": "string", "value": value, "location": _at(9)}

_set(path, value) := {"op": "add", "path": path, "value": value}

_swap(path, value) := {"op": "replace", "path": path, "value": value}
