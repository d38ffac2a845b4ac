"""
sidecar.bundle.signing and .archive: whose bundle it is, and what of a tarball is not even unpacked.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519

from sidecar.bundle import archive
from sidecar.bundle.archive import unpack
from sidecar.bundle.build import BuiltBundle
from sidecar.bundle.inspection import Inspection
from sidecar.bundle.signing import SIGNATURES, public_algorithm, sign, verify
from sidecar.errors import SettingsError
from tests.credentials import KINDS, Keys, public_pem


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """
    Keys of this test's own.
    """
    return Keys(tmp_path)


@pytest.fixture
def bundle(built: Callable[[str], BuiltBundle]) -> Path:
    """
    A bundle that nobody signed.
    """
    return built("boolean").path


def _members(bundle: Path) -> dict[str, bytes]:
    with tarfile.open(bundle) as tar:
        return {
            member.name.lstrip("/"): file.read()
            for member in tar
            if (file := tar.extractfile(member))
        }


def _written(target: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(target, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return target


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_bundle_is_known_by_its_key(
    tmp_path: Path, bundle: Path, keys: Keys, opa_binary: Path, kind: str
):
    """
    By keys of every kind; what it holds is what was signed, and the key's name is told.
    """
    private, public = keys.make("ours", kind)
    _, other = keys.make("other")
    signed = tmp_path / "signed" / "bundle.tar.gz"

    sign(bundle, signed, key=private, key_id="2026-11", opa=opa_binary)

    held = _members(signed)
    assert held.pop(SIGNATURES)
    assert held == _members(bundle)
    assert verify(signed, {"other": other, "ours": public}, opa=opa_binary) == "ours"
    assert Inspection.of(signed, opa=opa_binary).signed_by == ("2026-11",)
    with pytest.raises(SettingsError, match="is not signed by any of other: "):
        verify(signed, {"other": other}, opa=opa_binary)


def test_a_new_signature_takes_the_place_of_the_old(
    tmp_path: Path, bundle: Path, keys: Keys, opa_binary: Path
):
    """
    A bundle that is signed again, in place, is known by the new key alone.
    """
    (old, old_public), (new, new_public) = keys.make("old"), keys.make("new", "EdDSA")
    signed = tmp_path / "bundle.tar.gz"
    sign(bundle, signed, key=old, key_id="old", opa=opa_binary)
    sign(signed, signed, key=new, key_id="new", opa=opa_binary)

    assert verify(signed, {"old": old_public, "new": new_public}, opa=opa_binary) == "new"
    with pytest.raises(SettingsError):
        verify(signed, {"old": old_public}, opa=opa_binary)


def _altered(members: dict[str, bytes]) -> None:
    members["library/lending/lending.rego"] += b"\nallowed := true\n"


def _manifest_altered(members: dict[str, bytes]) -> None:
    manifest = json.loads(members[".manifest"])
    manifest["metadata"]["authzen"]["decision"] = "library/members"
    members[".manifest"] = json.dumps(manifest).encode()


def _data_altered(members: dict[str, bytes]) -> None:
    members["data.json"] = b'{"library": {"members": ["mallory"]}}'


def _file_added(members: dict[str, bytes]) -> None:
    members["library/more.rego"] = b"package library.lending\n\nallowed := true\n"


def _file_removed(members: dict[str, bytes]) -> None:
    del members["data.json"]


def _signature_removed(members: dict[str, bytes]) -> None:
    del members[SIGNATURES]


def _signature_emptied(members: dict[str, bytes]) -> None:
    members[SIGNATURES] = b'{"signatures": []}'


def _signature_of_none(members: dict[str, bytes]) -> None:
    [token] = json.loads(members[SIGNATURES])["signatures"]
    # {"alg":"none"}
    unsigned = f"eyJhbGciOiJub25lIn0.{token.split('.')[1]}."
    members[SIGNATURES] = json.dumps({"signatures": [unsigned]}).encode()


@pytest.mark.parametrize(
    "alter",
    [
        *(_altered, _manifest_altered, _data_altered, _file_added, _file_removed),
        *(_signature_removed, _signature_emptied, _signature_of_none),
    ],
)
def test_what_was_changed_after_signing_is_found(
    tmp_path: Path,
    bundle: Path,
    keys: Keys,
    opa_binary: Path,
    alter: Callable[[dict[str, bytes]], None],
):
    """
    Any file changed, added or removed, the manifest and the signature among them.
    """
    private, public = keys.make("ours")
    signed = tmp_path / "signed.tar.gz"
    sign(bundle, signed, key=private, key_id="k", opa=opa_binary)
    members = _members(signed)
    alter(members)

    with pytest.raises(SettingsError, match="is not signed by any of ours: "):
        verify(_written(tmp_path / "other.tar.gz", members), {"ours": public}, opa=opa_binary)


def test_a_signature_of_another_bundle_is_none(
    tmp_path: Path, built: Callable[[str], BuiltBundle], keys: Keys, opa_binary: Path
):
    """
    It cannot be moved over.
    """
    private, public = keys.make("ours")
    signed = tmp_path / "signed.tar.gz"
    sign(built("boolean").path, signed, key=private, key_id="k", opa=opa_binary)
    moved = _members(built("directory").path) | {SIGNATURES: _members(signed)[SIGNATURES]}

    with pytest.raises(SettingsError, match="is not signed by any of ours"):
        verify(_written(tmp_path / "moved.tar.gz", moved), {"ours": public}, opa=opa_binary)


def _links(tar: tarfile.TarFile) -> None:
    entry = tarfile.TarInfo("data.json")
    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
    tar.addfile(entry)


def _hard_links(tar: tarfile.TarFile) -> None:
    entry = tarfile.TarInfo("data.json")
    entry.type, entry.linkname = tarfile.LNKTYPE, "../../secret"
    tar.addfile(entry)


def _device(tar: tarfile.TarFile) -> None:
    entry = tarfile.TarInfo("data.json")
    entry.type = tarfile.CHRTYPE
    tar.addfile(entry)


def _leaves(tar: tarfile.TarFile) -> None:
    tar.addfile(tarfile.TarInfo("../outside.rego"))


def _swells(tar: tarfile.TarFile) -> None:
    for number in range(3):
        entry = tarfile.TarInfo(f"{number}.json")
        entry.size = 1_000_000
        tar.addfile(entry, io.BytesIO(bytes(entry.size)))


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (_links, "holds something else than files and folders"),
        (_hard_links, "holds something else than files and folders"),
        (_device, "holds something else than files and folders"),
        (_leaves, "holds a path that leads out of it"),
        (_swells, "holds more than a bundle may"),
    ],
)
def test_a_tarball_that_does_harm_is_not_unpacked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fill: Callable[[tarfile.TarFile], None],
    message: str,
):
    """
    Links, devices, paths that lead out of it, and more than a bundle may hold; nothing is written
    outside of the folder.
    """
    monkeypatch.setattr(archive, "MOST_BYTES", 2_500_000)
    bad, folder = tmp_path / "bad.tar.gz", tmp_path / "folder"
    folder.mkdir()
    with tarfile.open(bad, "w:gz") as tar:
        fill(tar)

    with pytest.raises(SettingsError, match=message):
        unpack(bad, folder)
    assert {file.name for file in tmp_path.iterdir()} == {"bad.tar.gz", "folder"}


@pytest.mark.parametrize(
    "content",
    [b"", b"no tarball", gzip.compress(b"nor this", mtime=0)],
    ids=["nothing", "text", "compressed text"],
)
def test_what_is_no_tarball_is_said(tmp_path: Path, content: bytes):
    """
    So is one that is broken off.
    """
    file = tmp_path / "bundle.tar.gz"
    file.write_bytes(content)

    with pytest.raises(SettingsError, match="is no gzipped tarball, or is broken off"):
        unpack(file, tmp_path / "folder")


def test_a_tarball_that_is_broken_off_is_said(tmp_path: Path, bundle: Path):
    """
    Half of a good one.
    """
    half = tmp_path / "half.tar.gz"
    half.write_bytes(bundle.read_bytes()[: bundle.stat().st_size // 2])

    with pytest.raises(SettingsError, match="is no gzipped tarball, or is broken off"):
        unpack(half, tmp_path / "folder")
    with pytest.raises(SettingsError, match="there is no bundle"):
        unpack(tmp_path / "nowhere", tmp_path / "folder")


def test_keys_that_cannot_be_used_are_named(tmp_path: Path, bundle: Path, opa_binary: Path):
    """
    Whatever the file holds instead.
    """
    strange = tmp_path / "strange.pub"
    strange.write_bytes(public_pem(x25519.X25519PrivateKey.generate()))
    text = tmp_path / "text"
    text.write_text("no key", "utf-8")

    for file, message in (
        (strange, "must be a key of an elliptic curve, RSA, or Ed25519"),
        (text, "must hold a public key in PEM"),
        (tmp_path / "nowhere", "cannot be read: No such file or directory"),
    ):
        with pytest.raises(SettingsError, match=message):
            public_algorithm(file)
    for file, message in (
        (text, "must hold a private key in PEM"),
        (tmp_path / "nowhere", "cannot be read: No such file or directory"),
    ):
        with pytest.raises(SettingsError, match=message):
            sign(bundle, tmp_path / "signed", key=file, key_id="k", opa=opa_binary)


def test_a_bundle_tells_what_is_in_it(tmp_path: Path, bundle: Path, opa_binary: Path):
    """
    Another team's has no agreement, and tells the rest.
    """
    said = Inspection.of(bundle, opa=opa_binary).said()

    assert said["decision"] == "library/lending/allowed"
    assert said["reads"] == ["action.name", "subject.id"]
    assert said["deterministic"] is True
    assert (said["agreement"], said["clauses"], said["switches"]) == (None, {}, {})
    assert said["signed_by"] == []
    assert ".manifest" in said["files"]
    with pytest.raises(SettingsError, match="the manifest must be a JSON object"):
        Inspection.of(_written(tmp_path / "none.tar.gz", {"data.json": b"{}"}), opa=opa_binary)


def test_signatures_that_cannot_be_read_are_said_to_be(
    tmp_path: Path, bundle: Path, opa_binary: Path
):
    """
    What stands in their place is not repeated.
    """
    members = _members(bundle) | {SIGNATURES: b'{"signatures": ["odd", 7]}'}

    found = Inspection.of(_written(tmp_path / "odd.tar.gz", members), opa=opa_binary)

    assert found.signed_by == ("unreadable", "unreadable")
