"""
Where keys are set, only what one of them signed ever decides.
"""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sidecar.bundle.build import build
from sidecar.bundle.signing import sign
from tests.contract.asking import named
from tests.credentials import pem
from tests.e2e.serve import running, started
from tests.running import BUNDLES

NAMES = ("old", "new", "stranger")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> Path:
    """
    Public keys, and a bundle signed by each.
    """
    folder = tmp_path_factory.mktemp("signed")
    unsigned = build(BUNDLES / "boolean", folder / "unsigned.tar.gz", opa=opa_binary).path
    for name in NAMES:
        key = ec.generate_private_key(ec.SECP256R1())
        (folder / f"{name}.key").write_bytes(pem(key))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pub").write_bytes(public)
        target = folder / f"{name}.tar.gz"
        sign(unsigned, target, key=folder / f"{name}.key", key_id=name, opa=opa_binary)
    return folder


def _config(folder: Path, *names: str) -> str:
    return f"signing: {{keys: [{', '.join(str(folder / f'{name}.pub') for name in names)}]}}"


@pytest.mark.parametrize("name", ["old", "new"])
def test_while_keys_change_both_count(folder: Path, name: str):
    """
    With two keys set, a bundle by either decides.
    """
    bundle = str(folder / f"{name}.tar.gz")

    with running(_config(folder, "old", "new"), SIDECAR_BUNDLE=bundle) as sidecar:
        assert sidecar.decide(named("borrow")).json == {"decision": True}


@pytest.mark.parametrize(
    ("keys", "bundle", "why"),
    [
        (("old", "new"), "unsigned.tar.gz", "bundle missing .signatures.json file"),
        (("new",), "unsigned.tar.gz", "bundle missing .signatures.json file"),
        (("old", "new"), "stranger.tar.gz", "is not signed by any of"),
        (("new",), "old.tar.gz", "is not signed by any of"),
    ],
)
def test_what_nobody_signed_that_counts_stops_the_start(
    folder: Path, keys: tuple[str, ...], bundle: str, why: str
):
    """
    With one key set or several: exit code 2 and a sentence, and nothing is left behind.
    """
    settings = {"SIDECAR_BUNDLE": str(folder / bundle)}
    with started(_config(folder, *keys), **settings) as sidecar:
        assert sidecar.process.wait(30) == 2
        assert f"sidecar: {folder / bundle} is not signed by any of" in sidecar.stderr
        assert why in sidecar.stderr
        assert sidecar.left == set()


def test_a_folder_is_never_signed(folder: Path):
    """
    So with keys set it stops the start, as the shipped policies do.
    """
    with started(_config(folder, "new")) as sidecar:
        assert sidecar.process.wait(30) == 2
        assert "SIDECAR_BUNDLE must be a signed tarball, got the folder" in sidecar.stderr


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("[]", "signing.keys must not be empty"),
        ("[nowhere]", "signing.keys: nowhere cannot be read: No such file or directory"),
        ("[README.md]", "signing.keys: README.md must hold a public key in PEM"),
    ],
)
def test_keys_that_cannot_be_used_stop_the_start(keys: str, message: str):
    """
    A sentence names what is wrong with them, before anything is started.
    """
    with started(f"signing: {{keys: {keys}}}") as sidecar:
        assert sidecar.process.wait(30) == 2
        assert sidecar.stderr == f"sidecar: {message}\n"
