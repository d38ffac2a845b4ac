"""
sidecar.bundle.build: a folder becomes a bundle, and a bundle is taken as it is.
"""

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sidecar.bundle.build import BuiltBundle, build, open_bundle, take
from sidecar.errors import MissingPart, SettingsError
from tests.running import BUNDLES

RULE = "package a.b\n\ndecision := true\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """
    A folder that makes a bundle.
    """
    folder = tmp_path / "source"
    _write(folder, "a/rule.rego", RULE)
    _write(folder, "a/data.yaml", "members: [alice]\n")
    _manifest(folder, decision="a/b/decision")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """
    Where the bundle goes: a folder that is not there yet.
    """
    return tmp_path / "built" / "bundle.tar.gz"


def _write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def _manifest(folder: Path, *, decision: str, **more: Any) -> None:
    document = {"roots": ["a"], "metadata": {"authzen": {"decision": decision}}} | more
    _write(folder, ".manifest", json.dumps(document))


def _content(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as tar:
        return {
            member.name.lstrip("/"): file.read()
            for member in tar
            if (file := tar.extractfile(member))
        }


def _built_manifest(bundle: BuiltBundle) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_content(bundle.path)[".manifest"])
    return found


def test_a_folder_becomes_a_bundle(source: Path, target: Path, opa_binary: Path):
    """
    Its Rego, its data, its manifest, and a rule for batches that the manifest names.
    """
    bundle = build(source, target, opa=opa_binary)

    assert bundle.path == target
    assert set(_content(target)) == {
        ".manifest",
        "data.json",
        "a/rule.rego",
        "a/b/sidecar_batch/sidecar_batch.rego",
    }
    manifest = _built_manifest(bundle)
    assert manifest["revision"] == bundle.revision
    assert manifest["roots"] == ["a"]
    assert manifest["metadata"]["authzen"] == {
        "decision": "a/b/decision",
        "batch": "a/b/sidecar_batch/decisions",
        "reads": [],
        "deterministic": True,
    }


def test_what_does_not_belong_stays_out(source: Path, target: Path, opa_binary: Path):
    """
    Tests, schemas, hidden files, and whatever else lies about; not so a folder that only has the
    name of the schemas', further down.
    """
    before = build(source, target, opa=opa_binary).revision
    _write(source, "a/rule_test.rego", "package a.b_test\n\nnonsense")
    _write(source, "schemas/input.json", "{}")
    _write(source, "schemas/data.json", '{"a": {"schema": 1}}')
    _write(source, ".hidden/rule.rego", "nonsense")
    _write(source, "a/.rule.rego", "nonsense")
    _write(source, "a/other.yaml", "{{")
    _write(source, "README.md", "# Nothing")

    assert build(source, target, opa=opa_binary).revision == before

    _write(source, "a/schemas/data.json", "{}")
    assert build(source, target, opa=opa_binary).revision != before


def test_the_same_sources_give_the_same_bytes(source: Path, target: Path, opa_binary: Path):
    """
    Wherever and whenever they are built.
    """
    build(source, target, opa=opa_binary)
    elsewhere = target.with_name("elsewhere") / "bundle.tar.gz"
    moved = shutil.copytree(source, source.with_name("moved"))
    build(moved, elsewhere, opa=opa_binary)

    assert elsewhere.read_bytes() == target.read_bytes()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a/rule.rego", RULE + "# a comment\n"),
        ("a/data.yaml", "members: [bob]\n"),
        ("a/more.rego", "package a.more\n"),
        (".manifest", '{"metadata": {"authzen": {"decision": "a/b/decision"}}}'),
    ],
)
def test_other_sources_give_another_revision(
    name: str, text: str, source: Path, target: Path, opa_binary: Path
):
    """
    Whatever in them changes.
    """
    before = build(source, target, opa=opa_binary).revision
    _write(source, name, text)
    after = build(source, target, opa=opa_binary).revision

    assert before != after
    assert {len(before), len(after)} == {16}


def test_a_revision_of_ones_own_is_kept(source: Path, target: Path, opa_binary: Path):
    """
    The manifest may name it.
    """
    _manifest(source, decision="a/b/decision", revision="2020-11-17")
    bundle = build(source, target, opa=opa_binary)

    assert bundle.revision == _built_manifest(bundle)["revision"] == "2020-11-17"


def test_without_roots_a_bundle_owns_all(source: Path, target: Path, opa_binary: Path):
    """
    What the manifest does not say stays unsaid.
    """
    document = {"metadata": {"authzen": {"decision": "a/b/decision"}}}
    _write(source, ".manifest", json.dumps(document))

    assert _built_manifest(build(source, target, opa=opa_binary))["roots"] == [""]


def test_roots_that_leave_the_batch_rule_out(source: Path, target: Path, opa_binary: Path):
    """
    The rule for batches is below the decision's package, which some root must hold.
    """
    _manifest(source, decision="a/b/decision", roots=["a/b", "a/members"])

    assert build(source, target, opa=opa_binary).revision


def test_annotations_are_kept(source: Path, target: Path, opa_binary: Path):
    """
    Nothing is optimised away.
    """
    _write(source, "a/rule.rego", "# METADATA\n# title: A title\n" + RULE)
    build(source, target, opa=opa_binary)

    assert b"# title: A title" in _content(target)["a/rule.rego"]


def test_the_batch_rule_can_be_asked(target: Path, opa_binary: Path):
    """
    It decides each of its items, with that as the input.
    """
    build(BUNDLES / "boolean", target, opa=opa_binary)
    items = [{"action": {"name": name}} for name in ("read", "burn")]
    rule = "data.library.lending.sidecar_batch.decisions"
    done = subprocess.run(
        [opa_binary, "eval", "--bundle", target, "--stdin-input", "--format=raw", rule],
        input=json.dumps({"items": items}),
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == {"0": True, "1": False}


def test_a_batch_of_a_rule_that_has_members(source: Path, target: Path, opa_binary: Path):
    """
    A rule may also be put together from its parts.
    """
    _write(source, "a/rule.rego", "package a.b\n\ndecision.decision := true\n")

    assert build(source, target, opa=opa_binary).revision


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (None, ".manifest is missing: it says which rule decides"),
        ("{", ".manifest is not JSON: Expecting property name"),
        ("[]", ".manifest must be a JSON object"),
        ("{}", ".manifest: metadata is missing"),
        (
            '{"metadata": {"authzen": {"decision": "b/decision"}}}',
            ".manifest: metadata.authzen.decision names no rule: b/decision",
        ),
        (
            '{"metadata": {"authzen": {"decision": "a/b/decisoin"}}}',
            ".manifest: metadata.authzen.decision names no rule: a/b/decisoin",
        ),
        (
            '{"metadata": {"authzen": {"decision": "a/members"}}}',
            ".manifest: metadata.authzen.decision names no rule: a/members",
        ),
    ],
)
def test_a_wrong_manifest_stops_the_build(
    manifest: str | None, says: str, source: Path, target: Path, opa_binary: Path
):
    """
    The sentence names the file and what is wrong with it; no bundle is written.
    """
    (source / ".manifest").unlink()
    if manifest is not None:
        _write(source, ".manifest", manifest)

    with pytest.raises(SettingsError) as refused:
        build(source, target, opa=opa_binary)

    assert refused.value.message.startswith(f"{source}/{says}")
    assert not target.exists()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "a/rule.rego",
            "package a.b\n\ndecision := unknown(1)\n",
            "a/rule.rego:3: rego_type_error",
        ),
        ("a/rule.rego", "package a.b\n\ndecision := +\n", "a/rule.rego:3: rego_parse_error"),
        ("a/data.yaml", "{{", "data.yaml"),
        ("b/rule.rego", "package b\n", "b/rule.rego"),
    ],
)
def test_what_opa_does_not_take_stops_the_build(
    name: str, text: str, says: str, source: Path, target: Path, opa_binary: Path
):
    """
    The sentence has OPA's words, with the place as it is in the source; a bundle that was there
    stays as it was.
    """
    build(source, target, opa=opa_binary)
    before = target.read_bytes()
    _write(source, name, text)

    with pytest.raises(SettingsError) as refused:
        build(source, target, opa=opa_binary)

    assert refused.value.message.startswith(f"OPA does not take the bundle {source}:\nerror: ")
    assert says in refused.value.message
    assert target.read_bytes() == before
    assert list(target.parent.iterdir()) == [target]


def test_without_opa_there_is_no_build(source: Path, target: Path, tmp_path: Path):
    """
    What is missing is named.
    """
    with pytest.raises(MissingPart, match="nothing"):
        build(source, target, opa=tmp_path / "nothing")


def test_a_tarball_is_taken_as_it_is(source: Path, target: Path, opa_binary: Path):
    """
    Nothing is built or written.
    """
    bundle = build(source, target, opa=opa_binary)
    before = target.read_bytes()

    assert open_bundle(target) == bundle
    assert take(target, target.with_name("other"), opa=opa_binary) == bundle
    assert target.read_bytes() == before
    assert not target.with_name("other").exists()


def test_a_folder_is_built(source: Path, target: Path, opa_binary: Path):
    """
    The same word serves for both.
    """
    assert take(source, target, opa=opa_binary) == open_bundle(target)


def _tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", [".manifest", "/.manifest", "./.manifest"])
def test_tarballs_of_others_are_read(name: str, tmp_path: Path):
    """
    However they write their names, and though they have no revision.
    """
    manifest = b'{"metadata": {"authzen": {"decision": "a/b"}}}'
    path = _tar(tmp_path / "b.tar.gz", {"a/data.json": b"{}", "a/.manifest": b"", name: manifest})

    assert open_bundle(path) == BuiltBundle(path, "")


def test_what_is_no_bundle_is_not_taken(tmp_path: Path, opa_binary: Path):
    """
    Each with its sentence: nothing there, no tarball, one that is cut off, no manifest, a bad one.
    """
    cut = _tar(tmp_path / "cut", {".manifest": bytes(range(256)) * 400})
    cut.write_bytes(cut.read_bytes()[:200])
    plain = tmp_path / "plain"
    with tarfile.open(plain, "w") as tar:
        tar.addfile(tarfile.TarInfo(".manifest"))
    sentences = {
        tmp_path / "nothing": "there is no bundle {}",
        _write(tmp_path, "text", "text"): "{} is neither a folder nor a gzipped tarball",
        cut: "{} is neither a folder nor a gzipped tarball",
        plain: "{} is neither a folder nor a gzipped tarball",
        _tar(tmp_path / "empty", {}): "{}/.manifest is missing: it says which rule decides",
        _tar(tmp_path / "bad", {".manifest": b"{}"}): "{}/.manifest: metadata is missing",
    }

    for path, says in sentences.items():
        with pytest.raises(SettingsError) as refused:
            take(path, tmp_path / "target", opa=opa_binary)

        assert refused.value.message == says.format(path)
