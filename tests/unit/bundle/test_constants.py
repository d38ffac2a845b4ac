"""
sidecar.bundle.constants: what depends on data alone is worked out when a bundle is built.
"""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sidecar.bundle.build import Additions, build
from sidecar.errors import SettingsError

TABLES = """\
package a.tables

import data.a.members

known := {member | some member in members}

by_length[length] contains member if {
	some member in members
	length := count(member)
}

_nobody_elses := 1
"""
RULE = """\
package a.b

import data.a.tables

decision := input.subject.id in tables.known
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """
    A folder that makes a bundle, with a package that depends on data alone.
    """
    folder = tmp_path / "source"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "data.yaml").write_text('members: [alice, "bo\\"b"]\n', "utf-8")
    (folder / "a" / "rule.rego").write_text(RULE, "utf-8")
    (folder / "a" / "tables.rego").write_text(TABLES, "utf-8")
    _manifest(folder, "a/tables")
    return folder


def _manifest(folder: Path, *constants: str) -> None:
    metadata = {"authzen": {"decision": "a/b/decision"}, "build": {"constants": constants}}
    document = {"roots": ["a"], "metadata": metadata}
    (folder / ".manifest").write_text(json.dumps(document), "utf-8")


def _value(opa: Path, bundle: Path, query: str) -> Any:
    command = [str(opa), "eval", "--format=raw", f"--bundle={bundle}", f"json.marshal({query})"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(said)


def _module(bundle: Path) -> str:
    with tarfile.open(bundle) as tar:
        file = tar.extractfile("/a/tables.rego")
        assert file is not None
        return file.read().decode()


def test_values_take_the_place_of_rules(source: Path, tmp_path: Path, opa_binary: Path):
    """
    They are found by the same names, sets as sets and keys as they were.
    """
    bundle = build(source, tmp_path / "bundle.tar.gz", opa=opa_binary).path
    query = '[data.a.tables.known, data.a.tables.by_length[4], "alice" in data.a.tables.known]'

    assert _value(opa_binary, bundle, query) == [["alice", 'bo"b'], ['bo"b'], True]
    assert "some" not in _module(bundle)
    assert "_nobody_elses" not in _module(bundle)


def test_an_environments_data_count(source: Path, tmp_path: Path, opa_binary: Path):
    """
    It is worked out of the data that the bundle has in the end.
    """
    environment = tmp_path / "environment"
    (environment / "a").mkdir(parents=True)
    (environment / "a" / "data.yaml").write_text("members: [carol]\n", "utf-8")
    additions = Additions(environment)
    target = tmp_path / "bundle.tar.gz"
    bundle = build(source, target, opa=opa_binary, additions=additions).path

    assert _value(opa_binary, bundle, "data.a.tables.known") == ["carol"]


@pytest.mark.parametrize(
    ("constant", "text", "says"),
    [
        ("a/others", "package a.tables\n", "names a/others, and there is no a/others.rego"),
        (
            "a/tables",
            "package a.tables\n\nknown := {input.subject.id}\n",
            ": a/tables depends on input: subject.id",
        ),
    ],
)
def test_what_is_no_constant_stops_the_build(
    constant: str, text: str, says: str, source: Path, tmp_path: Path, opa_binary: Path
):
    """
    The sentence names the manifest, the key and the package; no bundle is written.
    """
    _manifest(source, constant)
    (source / "a" / "tables.rego").write_text(text, "utf-8")
    target = tmp_path / "bundle.tar.gz"

    with pytest.raises(SettingsError) as refused:
        build(source, target, opa=opa_binary)

    start = f"{source}/.manifest: metadata.build.constants"
    assert refused.value.message.startswith(start)
    assert refused.value.message.endswith(says)
    assert not target.exists()


def test_what_opa_does_not_take_is_said_in_its_words(
    source: Path, tmp_path: Path, opa_binary: Path
):
    """
    Constants or none: the place is that in the source.
    """
    (source / "a" / "tables.rego").write_text("package a.tables\n\nknown := +\n", "utf-8")

    with pytest.raises(SettingsError) as refused:
        build(source, tmp_path / "bundle.tar.gz", opa=opa_binary)

    assert "a/tables.rego:3: rego_parse_error" in refused.value.message
