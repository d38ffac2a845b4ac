"""
sidecar.registers.reading: entries are read strictly, and what is wrong is named with its place.
"""

import json
from datetime import date
from pathlib import Path

import pytest

from sidecar.errors import SettingsError
from sidecar.registers.entry import Entry
from sidecar.registers.reading import entries
from sidecar.registers.source import RegisterSource
from tests.tarballs import tarball

SOURCE = RegisterSource(
    ("known",), {"people": ("subject.id",), "papers": ("context.evidence",)}, ("a", "faults")
)
ENTRY = """\
ann:
  facts: {trained: true, level: [1, b]}
  author: school
  date: 2026-02-03
  until: "2026-12-31"
  reference: course 7
"""
ANN = Entry(
    "people",
    "ann",
    {"trained": True, "level": [1, "b"]},
    "school",
    date(2026, 2, 3),
    date(2026, 12, 31),
    "course 7",
)


def _folder(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "registers"
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return folder


def test_entries_are_read_with_their_kind(tmp_path: Path):
    """
    A file is a kind, a key in it an entry's id; days may be quoted or not, and a file may be empty.
    """
    folder = _folder(tmp_path, people__yaml=ENTRY, papers__yml="", __hidden="no register")

    assert entries(folder, SOURCE) == [ANN]


def test_an_entry_need_not_end(tmp_path: Path):
    """
    Without `until` it has no end, and nothing of it is written.
    """
    text = ENTRY.replace('  until: "2026-12-31"\n', "")
    [entry] = entries(_folder(tmp_path, people__yaml=text), SOURCE)

    assert entry.until is None
    assert "until" not in entry.said()


def test_a_bundle_holds_what_its_folder_held(tmp_path: Path):
    """
    What was built is read as what it was built of.
    """
    held = {"data.json": json.dumps({"known": {"people": {"ann": ANN.said()}}})}

    assert entries(tarball(tmp_path / "r.tar.gz", held), SOURCE) == [ANN]


WRONG = [
    ("cats__yaml", ENTRY, "cats.yaml must be a kind of register and .yaml; kinds are papers, peop"),
    ("people__json", "{}", "people.json must be a kind of register and .yaml; kinds are "),
    ("people__yaml", "- ann", "people.yaml must be a mapping of keys to values, got ['ann']"),
    ("people__yaml", "a: [", "people.yaml is not YAML: "),
    ("people__yaml", ENTRY + ENTRY, "people.yaml: ann stands twice, again in line 7"),
    ("people__yaml", "7: {}", "people.yaml: an entry's id must be a text, got 7: quote it"),
    ("people__yaml", "'': {}", "people.yaml: an entry's id must be a text, got '': quote it"),
    ("people__yaml", "ann: yes", "people.yaml: ann must be a mapping of keys to values, got True"),
    ("people__yaml", ENTRY + "  untill: 2027-01-01", "people.yaml: ann.untill is unknown; known"),
    ("people__yaml", ENTRY.replace("  author: school\n", ""), "people.yaml: ann.author is missing"),
    ("people__yaml", ENTRY.replace("school", "7"), "people.yaml: ann.author must be a text, got 7"),
    ("people__yaml", ENTRY.replace("course 7", "' '"), "ann.reference must be a text, got ' '"),
    ("people__yaml", ENTRY.replace("2026-12-31", "soon"), "ann.until must be a date such as 2027"),
    ("people__yaml", ENTRY.replace("2026-12-31", "2026-02-30"), "ann.until must be a date such as"),
    ("people__yaml", ENTRY.replace("2026-02-03", "2026-02-03 07:00:00"), "ann.date must be a date"),
    (
        "people__yaml",
        ENTRY.replace("2026-12-31", "2026-02-02"),
        "ann.until must not be before date",
    ),
    (
        "people__yaml",
        ENTRY.replace("level: [1, b]", "level: [2026-01-01]"),
        "ann.facts.level must be a text, true or false, a whole number, or a list",
    ),
    (
        "people__yaml",
        ENTRY.replace("level: [1, b]", "level: {a: .nan}"),
        "ann.facts.level.a must be a text, true or false, a whole number, or a list",
    ),
    (
        "people__yaml",
        ENTRY.replace("level: [1, b]", "level: {a: {7: b}}"),
        "ann.facts.level.a.7 must be called by a text: quote it",
    ),
    ("people__yaml", "ann: {facts: 7}", "people.yaml: ann.author is missing"),
    (
        "people__yaml",
        ENTRY.replace("{trained: true, level: [1, b]}", "{}"),
        "ann.facts must not be empty: an entry that says nothing",
    ),
    (
        "people__yaml",
        ENTRY.replace("{trained: true, level: [1, b]}", "7"),
        "ann.facts must be a map",
    ),
]


@pytest.mark.parametrize(("name", "text", "said"), WRONG, ids=[said for *_, said in WRONG])
def test_what_is_wrong_is_named(tmp_path: Path, name, text, said):
    """
    The sentence names the file, the entry and the key.
    """
    with pytest.raises(SettingsError) as wrong:
        entries(_folder(tmp_path, **{name: text}), SOURCE)

    assert said in wrong.value.message
    assert "registers/" in wrong.value.message


def test_a_kind_has_one_file(tmp_path: Path):
    """
    Two files for one kind could hold one id twice.
    """
    with pytest.raises(SettingsError, match=r"people\.yml: people stands in people\.yaml already"):
        entries(_folder(tmp_path, people__yaml=ENTRY, people__yml=ENTRY), SOURCE)


def test_an_empty_folder_holds_no_registers(tmp_path: Path):
    """
    A wrong path must not pass for registers without entries.
    """
    with pytest.raises(SettingsError, match="holds no registers"):
        entries(_folder(tmp_path), SOURCE)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({}, "holds no known"),
        ({"known": []}, "holds no known"),
        ({"known": {"cats": {}}}, "cats is no kind of register; kinds are papers, people"),
        ({"known": {"people": {"ann": {}}}}, "people: ann.facts is missing"),
    ],
)
def test_another_bundle_is_no_registers(tmp_path: Path, held, said):
    """
    A bundle without them, or of another policy's, is refused.
    """
    bundle = tarball(tmp_path / "r.tar.gz", {"data.json": json.dumps(held)})

    with pytest.raises(SettingsError, match=said):
        entries(bundle, SOURCE)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"at": "known", "kinds": {}},
        {"at": "kno wn", "kinds": {}, "faults": "a/b"},
        {"at": "known", "kinds": {"people": "subject.id"}, "faults": "a/b"},
        {"at": "known", "kinds": {"people": [1]}, "faults": "a/b"},
        {"at": "known", "kinds": {}, "faults": "a/b", "by_entry_alone": "yes"},
        {"at": "known", "kinds": {}, "faults": "a/b", "by_entry_alone": 1},
    ],
)
def test_what_a_policy_says_of_registers_has_one_shape(document):
    """
    Anything else is refused: a path that is no plain name could lead elsewhere.
    """
    with pytest.raises(ValueError, match="must"):
        RegisterSource.from_document(document)


def test_a_promise_that_is_not_made_is_none():
    """
    Ids count by their entries alone only where a policy says so.
    """
    document = {"at": "known", "kinds": {}, "faults": "a/b"}

    assert RegisterSource.from_document(document).by_entry_alone is False
    assert RegisterSource.from_document(document | {"by_entry_alone": True}).by_entry_alone is True
