"""
`sidecar bundle`.
"""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.credentials import pem
from tests.e2e.serve import ROOT
from tests.running import BUNDLES


def _build(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", "bundle", "build", *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_built_is_named(tmp_path: Path):
    """
    One line names the tarball, in a folder that is made for it, and the bundle's revision.
    """
    target = tmp_path / "new/folder/bundle.tar.gz"
    done = _build(BUNDLES / "faulty", "--output", target)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{target} (revision faulty-1)\n"
    with tarfile.open(target) as tar:
        assert "/.manifest" in tar.getnames()


def test_where_it_is_built_unless_said_otherwise(tmp_path: Path):
    """
    Without --output the tarball is bundles/dist/decision.tar.gz below where one is.
    """
    done = _build(BUNDLES / "boolean", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith("bundles/dist/decision.tar.gz (revision ")
    assert (tmp_path / "bundles/dist/decision.tar.gz").is_file()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("a/a.rego", "package a\n\nallow if {\n\tinput.x ==\n}\n", "a/a.rego:5: rego_parse_error"),
        ("a/a.rego", "package a\n\nallow := nothing\n", "a/a.rego:3: rego_unsafe_var_error"),
        ("a/data.yaml", "a: [\n", "a/data.yaml"),
        (".manifest", "{", ".manifest is not JSON"),
        (".manifest", None, ".manifest is missing: it says which rule decides"),
        (".manifest", "{}", ".manifest: metadata is missing"),
        (
            ".manifest",
            '{"metadata": {"authzen": {}}}',
            ".manifest: metadata.authzen.decision is missing",
        ),
        (
            ".manifest",
            '{"metadata": {"authzen": {"decision": "a/forbid"}}}',
            ".manifest: metadata.authzen.decision names no rule: a/forbid",
        ),
    ],
)
def test_a_broken_folder_is_wrong_use(tmp_path: Path, file, content, said):
    """
    What is wrong is said with its file and row, the exit code is 2, and there is no tarball.
    """
    (tmp_path / "a").mkdir()
    (tmp_path / "a/a.rego").write_text("package a\n\ndefault allow := false\n", "utf-8")
    manifest = '{"metadata": {"authzen": {"decision": "a/allow"}}}'
    (tmp_path / ".manifest").write_text(manifest, "utf-8")
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content, "utf-8")
    target = tmp_path / "bundle.tar.gz"

    done = _build(tmp_path, "--output", target)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sidecar: ")
    assert said in done.stderr
    assert not target.exists()


def test_a_folder_that_is_not_there_is_wrong_use(tmp_path: Path):
    """
    A folder that does not exist is named; the exit code is 2.
    """
    done = _build(tmp_path / "nowhere")

    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere' does not exist" in done.stderr


def test_a_target_that_cannot_be_written_is_wrong_use(tmp_path: Path):
    """
    A tarball that has no place is named in one sentence; the exit code is 2.
    """
    (tmp_path / "file").touch()
    done = _build(BUNDLES / "boolean", "--output", tmp_path / "file/bundle.tar.gz")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"sidecar: {tmp_path}/file/bundle.tar.gz cannot be written: ")
    assert done.stderr.count("\n") == 1


def test_without_opa_nothing_is_built(tmp_path: Path):
    """
    With neither OPA nor Go a sentence says what to do; the exit code is 3.
    """
    target = tmp_path / "bundle.tar.gz"
    cache = str(tmp_path)
    source = BUNDLES / "boolean"
    done = _build(source, "--output", target, PATH="", XDG_CACHE_HOME=cache, PIP_NO_INDEX="1")

    assert (done.returncode, done.stdout) == (3, "")
    assert "Install OPA" in done.stderr
    assert not target.exists()


def _sidecar(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sidecar", "bundle", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_bundle_is_signed_verified_and_looked_into(tmp_path: Path):
    """
    One line says whose it is; exit code 1 where it is nobody's of those that count.
    """
    bundle = tmp_path / "bundle.tar.gz"
    assert _build(ROOT / "policies", "--output", bundle).returncode == 0
    for name in ("ours", "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        (tmp_path / f"{name}.key").write_bytes(pem(key))
        (tmp_path / f"{name}.pub").write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
    ours, other = tmp_path / "ours.pub", tmp_path / "other.pub"

    unsigned = _sidecar("verify", bundle, "--key", ours)
    signed = _sidecar("sign", bundle, "--key", tmp_path / "ours.key", "--key-id", "k1")
    verified = _sidecar("verify", bundle, "--key", other, "--key", ours)
    refused = _sidecar("verify", bundle, "--key", other)
    inspected = _sidecar("inspect", bundle)
    as_json = json.loads(_sidecar("inspect", bundle, "--json").stdout)

    assert (unsigned.returncode, unsigned.stdout) == (1, "")
    assert (signed.returncode, signed.stdout) == (0, f"{bundle} (signed by k1)\n")
    assert (verified.returncode, verified.stdout) == (0, f"{bundle} is signed by {ours}\n")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{bundle} is not signed by any of {other}" in refused.stderr
    lines = dict(line.split(maxsplit=1) for line in inspected.stdout.splitlines())
    assert lines["agreement"] == "csw-privacy, 2020-11-17"
    assert lines["clauses"] == "76, of which 72 are decided by a rule"
    assert lines["switches"] == "all as they ship"
    assert lines["signed"] == "by     k1"
    assert as_json["signed_by"] == ["k1"]
    assert len(as_json["clauses"]) == 76


def test_a_key_that_cannot_be_used_is_wrong_use(tmp_path: Path):
    """
    That is exit code 2: nothing was found out about the bundle.
    """
    text = tmp_path / "text"
    text.write_text("no key", "utf-8")

    done = _sidecar("verify", text, "--key", text)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sidecar: {text} must hold a public key in PEM\n"
