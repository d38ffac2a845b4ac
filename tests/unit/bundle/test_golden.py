"""
sidecar.bundle.golden and .environment: what comes into a bundle beside its folder, and what is
wrong with it.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.bundle.archive import document, unpack
from sidecar.bundle.build import Additions, build
from sidecar.bundle.environment import merged
from sidecar.bundle.golden import Promise, document_of
from sidecar.bundle.revision import number_of, numbered
from sidecar.cli.bundle import bundle as command
from sidecar.errors import EngineNonsense, SettingsError
from tests.e2e.serve import ROOT
from tests.running import BUNDLES

GOOD = """\
- name: Reading
  request: {subject: {type: guest, id: g}, action: {name: read}, resource: {type: book, id: b}}
  expect: {decision: true}
- name: Borrowing
  date: "2026-02-03"
  request: {subject: {type: guest, id: g}, action: {name: borrow}, resource: {type: book, id: b}}
  expect: {decision: false}
"""


def _file(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def test_promises_are_read(tmp_path: Path):
    """
    In the order of their names, each with a date: its own, or one that stays the same.
    """
    first, second = document_of([_file(tmp_path, "g.yaml", GOOD)])

    assert first["name"] == "Borrowing"
    assert first["evaluation"]["environment"] == {"date": "2026-02-03"}
    assert second["evaluation"]["environment"] == {"date": "2000-01-01"}
    assert second["expect"] == {"decision": True}


def test_the_later_one_counts(tmp_path: Path):
    """
    An environment may promise otherwise, by the same name.
    """
    _file(tmp_path, "all/g.yaml", GOOD)
    other = _file(tmp_path, "other.yaml", GOOD.replace("{decision: true}", "{decision: false}"))

    found = {each["name"]: each["expect"] for each in document_of([tmp_path / "all", other])}

    assert found["Reading"] == {"decision": False}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- name: [", "is not YAML"),
        ("name: x", "must hold a list"),
        ("- name: x", "entry 1 must have a name, a request and what to expect"),
        (GOOD.replace("decision: true", "reason: x"), "entry 1 must have"),
        (GOOD.replace("Borrowing", "Reading"), "'Reading' stands twice"),
    ],
)
def test_promises_of_another_shape(tmp_path: Path, text: str, said: str):
    """
    The file is named, and the entry.
    """
    file = _file(tmp_path, "g.yaml", text)

    with pytest.raises(SettingsError, match=said) as refused:
        document_of([file])
    assert str(file) in refused.value.message


def test_no_promises_where_some_were_said_to_be(tmp_path: Path):
    """
    An empty folder is no folder of promises, and what is not there cannot be read.
    """
    with pytest.raises(SettingsError, match="holds no file"):
        document_of([tmp_path])
    with pytest.raises(SettingsError, match="cannot be read"):
        document_of([tmp_path / "gone.yaml"])


def test_a_bundle_with_other_promises():
    """
    What stands in a bundle may be anything: it makes no sense, or it does.
    """
    with pytest.raises(EngineNonsense):
        Promise.all_of([{"name": "x"}])
    with pytest.raises(EngineNonsense):
        Promise.all_of(7)


def test_what_is_built_has_them(tmp_path: Path, opa_binary: Path):
    """
    The manifest names them, the revision tells of them, and begins with the number; the same
    sources give the same bytes.
    """
    additions = Additions(None, (_file(tmp_path, "g.yaml", GOOD),), 12)
    made = [
        build(BUNDLES / "boolean", tmp_path / name, opa=opa_binary, additions=additions)
        for name in ("a.tar.gz", "b.tar.gz")
    ]
    plain = build(BUNDLES / "boolean", tmp_path / "c.tar.gz", opa=opa_binary)
    (tmp_path / "files").mkdir()
    unpack(made[0].path, tmp_path / "files")
    manifest = document(tmp_path / "files", ".manifest")

    assert made[0].path.read_bytes() == made[1].path.read_bytes()
    assert manifest["metadata"]["authzen"]["golden"] == "library/lending/sidecar_golden/decisions"
    assert number_of(made[0].revision) == 12
    assert number_of(plain.revision) is None or not plain.revision.startswith("12-")


def test_numbers_of_revisions():
    """
    A number alone is one, and what does not begin with one has none.
    """
    assert number_of(numbered(7, "abc")) == 7
    assert number_of("7") == 7
    assert [number_of(revision) for revision in ("", "7abc", "v7", "-7")] == [None] * 4


def test_an_environment_replaces_values(tmp_path: Path):
    """
    Members that it does not name stay.
    """
    _file(tmp_path, "a/data.yaml", "x: {y: 2}")
    sources = {"a/data.yaml": b"x: {y: 1, z: 3}\nw: 4\n", "b.rego": b""}

    found = merged(sources, tmp_path)

    assert json.loads(found["a/data.yaml"]) == {"x": {"y": 2, "z": 3}, "w": 4}
    assert found["b.rego"] == b""


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("b/data.yaml", "x: 1", "has no b/data.yaml to change"),
        ("a/data.yaml", "q: 1", "has no q to change"),
        ("a/data.yaml", "x: {q: 1}", "x: the bundle has no q to change"),
        ("a/data.yaml", "[", "is not YAML"),
        ("a/other.yaml", "x: 1", "holds no file"),
    ],
)
def test_an_environment_that_nothing_would_read(tmp_path: Path, name: str, text: str, said: str):
    """
    What has no place in the bundle is named.
    """
    _file(tmp_path, name, text)

    with pytest.raises(SettingsError, match=said):
        merged({"a/data.yaml": b"x: {y: 1}\n"}, tmp_path)


def test_a_build_keeps_its_promises_or_fails(tmp_path: Path):
    """
    The command says what is answered otherwise, and exits 1.
    """
    bad = _file(tmp_path, "g.yaml", GOOD.replace("decision: true", "decision: false"))
    target = tmp_path / "b.tar.gz"
    asked = ["build", str(BUNDLES / "boolean"), "--output", str(target), "--golden", str(bad)]

    done = CliRunner().invoke(command, asked)

    assert done.exit_code == 1
    assert "1 of 2 promises: Reading: decision otherwise" in done.output


def test_the_environment_that_ships(tmp_path: Path):
    """
    With its switch it keeps all promises, one of them its own.
    """
    environment = ROOT / "bundles/environments/early-mergers"
    target = tmp_path / "b.tar.gz"
    asked = ["build", str(ROOT / "policies"), "--output", str(target), "--environment"]
    golden = ["--golden", str(ROOT / "tests/scenarios")]

    plain = CliRunner().invoke(command, [*asked, str(environment), *golden])
    own = CliRunner().invoke(
        command, [*asked, str(environment), *golden, "--golden", str(environment / "golden.yaml")]
    )

    assert plain.exit_code == 1
    assert "1 of " in plain.output
    assert own.exit_code == 0, own.output


def test_check_says_whether_bundles_may_decide(tmp_path: Path, opa_binary: Path):
    """
    It exits 0 or 1, and names what is wrong.
    """
    built = build(
        BUNDLES / "boolean", tmp_path / "b.tar.gz", opa=opa_binary, additions=Additions(number=3)
    ).path

    good = CliRunner().invoke(command, ["check", str(built), "--min-revision", "3"])
    old = CliRunner().invoke(command, ["check", str(built), "--min-revision", "4"])
    broken = _file(tmp_path, "x.tar.gz", "no tarball")
    bad = CliRunner().invoke(command, ["check", str(broken)])

    assert (good.exit_code, old.exit_code, bad.exit_code) == (0, 1, 1)
    assert "its revision is older than it may be" in old.output
    assert "it is no sound tarball" in bad.output
    twice = CliRunner().invoke(command, ["check", str(built), str(built)])
    assert isinstance(twice.exception, SettingsError)
