# METADATA
# title: Conventions of the policies
# description: |
#   What must hold between the registry of clauses, the rules, and the rules' tests. Input:
#   annotations - as `opa inspect -a` lists them
#   modules     - as `opa parse` gives them with locations, tests left out
#   registry    - the registry's document: sections, and clauses by id
#   data        - {file, document} of every data file
#   tests       - {name, cases} of every test that was run
package conventions

_clauses := input.registry.clauses

_clause_id := `^[0-9]+(\.[0-9]+)*-[a-z]$`

# METADATA
# description: A rule or a data file names a clause that the registry does not have.
violations contains _violation("unknown clause", place, text) if {
	some clause, places in _named
	not _clauses[clause]
	some place in places
	text := sprintf("the registry has no clause %s", [clause])
}

# METADATA
# description: Two annotations cite one clause, so that neither is its rule.
violations contains _violation("duplicate id", place, text) if {
	some clause, places in _cited
	count(places) > 1
	some place in places
	text := sprintf("clause %s is cited by more than one annotation", [clause])
}

# METADATA
# description: A public rule among the clauses says neither which clause it is, nor what fact it states.
violations contains _violation("missing label", _place(rule), text) if {
	some rule in _public
	not _accounted(rule)
	text := sprintf("%s has neither a clause nor a title", [rule.head.ref[0].value])
}

# METADATA
# description: A rule that is keyed by a clause is annotated as another one.
violations contains _violation("other label", _place(rule), text) if {
	some rule in _public
	some key in _keys(rule)
	some label in _labels(rule)
	key != label
	text := sprintf("the key says %s, the label %s", [key, label])
}

# METADATA
# description: |
#   An annotation has labels in OPA's sense: OPA would gather them anew in each evaluation, from every
#   rule that it evaluates, whether anybody asks for them or not.
violations contains _violation("gathered label", _place(annotation), text) if {
	some annotation in input.annotations
	annotation.annotations.labels
	text := "what a rule is called by stands under custom"
}

# METADATA
# description: A rule stands in the file of another section than its clause's.
violations contains _violation("wrong module", place, text) if {
	some clause, places in _cited
	some place in places
	_file_section(place) != _clauses[clause].section
	text := sprintf("clause %s is of section %s", [clause, _clauses[clause].section])
}

# METADATA
# description: A request can decide the clause, and no rule does.
violations contains _violation("no rule", clause, text) if {
	some clause, entry in _clauses
	_decidable(entry)
	not _cited[clause]
	text := sprintf("the registry calls it decidable (%s), and no rule cites it", [entry.decidable])
}

# METADATA
# description: Neither a rule nor a written reason accounts for the clause.
violations contains _violation("no reason", clause, text) if {
	some clause, entry in _clauses
	not _decidable(entry)
	not _cited[clause]
	some key in {"undecidable", "instead"}
	not _written(entry, key)
	text := sprintf("no rule decides it, and `%s` is not written", [key])
}

# METADATA
# description: A decidable clause is not shown from all three sides.
violations contains _violation("missing case", clause, text) if {
	some clause, entry in _clauses
	_decidable(entry)
	some side in {"permitted", "refused", "boundary"}
	not _shown(clause, side)
	text := sprintf("%s has no case named \"%s: …\"", [_test_name(clause), side])
}

# METADATA
# description: The registry does not say, in its three words, whether a request can decide the clause.
violations contains _violation("wrong word", clause, text) if {
	some clause, entry in _clauses
	not _said(entry)
	text := "`decidable` is one of \"yes\", \"partly\", \"no\""
}

# METADATA
# description: The clause's section has other words than when its rule was last reviewed.
violations contains _violation("not reviewed", clause, text) if {
	some clause, entry in _clauses
	not _same(entry, "reviewed")
	text := sprintf("section %s has changed since the clause was reviewed", [entry.section])
}

# METADATA
# description: The clause's own digest is not that of its section, or there is no such section.
violations contains _violation("wrong section", clause, text) if {
	some clause, entry in _clauses
	not _same(entry, "sha256")
	text := sprintf("section %s with this sha256 is not in the registry", [entry.section])
}

# METADATA
# description: A clause brings an obligation along that the vocabulary does not know it for, so that no answer would tell of it.
violations contains _violation("unlisted obligation", _place(rule), text) if {
	some rule in _public
	rule.head.ref[0].value == "obliges"
	clause := rule.head.ref[1].value
	obligation := rule.head.key.value
	not _listed(obligation, clause)
	text := sprintf("the vocabulary's %s does not list clause %s", [obligation, clause])
}

_listed(obligation, clause) if clause in input.data[_].document.obligations[obligation]

# METADATA
# description: |
#   An id, or evidence, is read where registers are not looked up. The bundle promises that these decide by the entry
#   alone that they select (`by_entry_alone`); what is remembered is shared by all that select the same. To ask whether
#   there is one reads nothing of it.
violations contains _violation("id out of place", _place(rule), text) if {
	some module in input.modules
	not [step.value | some step in module.package.path] in _looking_up
	some rule in module.rules
	walk(rule, [path, node])
	node.type == "ref"
	node.value[0].value == "input"
	path[count(path) - 1] != "terms"
	read := [step.value | some step in array.slice(node.value, 1, count(node.value))]
	some id in _ids
	_overlap(read, id)
	text := sprintf("input.%s holds an id", [concat(".", read)])
}

_ids := [["subject", "id"], ["context", "recipient", "id"], ["context", "evidence"]]

# Request says which of them are no texts. What a search finds is not remembered.
_looking_up := [
	["data", "privacy", "lib", "registers"],
	["data", "privacy", "lib", "request"],
	["data", "privacy", "search"],
]

_overlap(path, other) if {
	least := min([count(path), count(other)])
	array.slice(path, 0, least) == array.slice(other, 0, least)
}

_violation(rule, at, says) := {"rule": rule, "at": at, "says": says}

_place(node) := sprintf("%s:%d", [node.location.file, node.location.row])

# Where a clause is cited by an annotation: its rule.
_cited[clause] contains _place(annotation) if {
	some annotation in input.annotations
	clause := annotation.annotations.custom.clause
}

# Where a clause is named: by an annotation, a literal, or data.
_named[clause] contains place if {
	some clause, places in _cited
	some place in places
}

_named[clause] contains place if some [clause, place] in _literals(input.modules[_].rules)

_named[clause] contains place if {
	some source in input.data
	walk(source.document, [path, value])
	some clause in {value, path[count(path) - 1]}
	is_string(clause)
	regex.match(_clause_id, clause)
	place := source.file
}

# The rules that other packages may ask, in the package of the clauses or below it.
_public contains rule if {
	some module in input.modules
	[step.value | some step in array.slice(module.package.path, 0, 3)] == ["data", "privacy", "clauses"]
	some rule in module.rules
	not startswith(rule.head.ref[0].value, "_")
}

_accounted(rule) if _labels(rule) != set()

# A clause that takes several rules is labelled on one of them and named in the others.
_accounted(rule) if _literals(rule) != set()

# A fact that several clauses turn on is of none of them. A clause's own rule that forgot its label is
# found as a clause without a rule.
_accounted(rule) if rule.annotations[_].title

_literals(node) := {[term.value, _place(term)] |
	walk(node, [_, term])
	term.type == "string"
	regex.match(_clause_id, term.value)
}

_labels(rule) := {label | label := rule.annotations[_].custom.clause}

_keys(rule) := {key |
	key := rule.head.ref[_].value
	regex.match(_clause_id, key)
}

# s1_1_collection.rego, or a folder s1_1_collection, holds section 1.1.
_file_section(place) := replace(found[0][1], "_", ".") if {
	found := regex.find_all_string_submatch_n(`(?:^|/)s([0-9]+(?:_[0-9]+)*)_`, place, 1)
}

_test_name(clause) := concat("", ["test_", regex.replace(clause, `[.-]`, "_")])

_shown(clause, side) if {
	some test in input.tests
	test.name == _test_name(clause)
	some case in test.cases
	startswith(case, concat("", [side, ": "]))
}

# Asked through functions: `not entry.x in set` would be undefined where the entry has no x.
_decidable(entry) if entry.decidable in {"yes", "partly"}

_said(entry) if entry.decidable in {"yes", "partly", "no"}

_written(entry, key) if trim_space(entry[key]) != ""

_same(entry, key) if entry[key] == input.registry.sections[entry.section].sha256
