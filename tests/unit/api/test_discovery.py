"""
The metadata document, and what signs it.
"""

from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from sidecar.app import create_app
from sidecar.bundle.build import build
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.errors import SettingsError
from sidecar.settings import Discovery, Settings
from tests.e2e.serve import ROOT
from tests.running import opa_running

URL = "https://pdp.example.com"
KEYS: dict[str, Any] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
}


def pem(key: Any, password: bytes | None = None) -> bytes:
    """
    Write a private key down.
    """
    closed: Any = serialization.NoEncryption()
    if password:
        closed = serialization.BestAvailableEncryption(password)
    written: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed
    )
    return written


@pytest.mark.parametrize("algorithm", KEYS)
def test_signed_metadata(
    opa_binary: Path, socket_path: Path, tmp_path: Path, algorithm: str
) -> None:
    """
    The signed metadata says the same as the document, with the identifier as its issuer.
    """
    key = KEYS[algorithm]()
    (tmp_path / "key.pem").write_bytes(pem(key))
    settings = Settings(public_url=URL, discovery=Discovery(tmp_path / "key.pem", "k1"))
    bundle = build(ROOT / "policies", tmp_path / "bundle.tar.gz", opa=opa_binary)
    endpoint = Endpoint(f"unix://{socket_path}")
    with opa_running(opa_binary, endpoint, "--bundle", bundle.path, log=tmp_path / "log"):
        client = create_app(settings, Engine(Opa(endpoint))).test_client()
        document = client.get("/.well-known/authzen-configuration").json

    assert document is not None
    token = document.pop("signed_metadata")
    claims = jwt.decode(token, key.public_key(), [algorithm], issuer=URL)
    assert claims == {**document, "iss": URL}
    assert jwt.get_unverified_header(token)["kid"] == "k1"
    assert document["supported_obligations"] == ["custom"]
    assert document["search_subject_endpoint"] == f"{URL}/access/v1/search/subject"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        pem(KEYS["EdDSA"](), b"secret"),
        pem(ed448.Ed448PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP256K1())),
    ],
    ids=["empty", "text", "encrypted", "Ed448", "secp256k1"],
)
def test_what_is_no_key_stops_the_start(tmp_path: Path, content: bytes) -> None:
    """
    A file that JWS cannot sign with is refused, with the key's name.
    """
    (tmp_path / "key.pem").write_bytes(content)

    with pytest.raises(SettingsError, match=r"^discovery\.key must be a PEM file"):
        Discovery(tmp_path / "key.pem")


@pytest.mark.parametrize(
    "url",
    [
        "http://pdp.example.com",
        "https://",
        "https://pdp.example.com?x",
        "https://pdp.example.com/#x",
        "https://me@pdp.example.com",
        "https://pdp.example.com:port",
        "https://pdp.example.com//x",
        "pdp.example.com",
    ],
)
def test_what_is_no_public_address_stops_the_start(url: str) -> None:
    """
    An identifier is https, and has neither a query nor a fragment nor a name and password.
    """
    with pytest.raises(SettingsError, match=r"^SIDECAR_PUBLIC_URL must be https://host"):
        Settings.from_environment({"SIDECAR_PUBLIC_URL": url})


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (URL, ""),
        (f"{URL}/", ""),
        (f"{URL}:8443/a/b", "/a/b"),
        ("https://[::1]:8443", ""),
    ],
)
def test_the_path_comes_after_the_well_known_one(url: str, path: str) -> None:
    """
    Where the document is found follows from the identifier alone.
    """
    app = create_app(Settings(public_url=url), Engine(Opa(Endpoint("unix:///nowhere"))))
    rules = {rule.rule for rule in app.url_map.iter_rules()}

    assert f"/.well-known/authzen-configuration{path}" in rules
