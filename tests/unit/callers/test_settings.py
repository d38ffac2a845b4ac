"""
What may be set about callers and TLS: each mistake and its exact message.
"""

import re
from pathlib import Path

import pytest

from sidecar.callers.settings import ALGORITHMS, Callers, JwtSettings, Rate
from sidecar.errors import SettingsError
from sidecar.settings import Settings
from sidecar.tls import Tls
from tests.credentials import Authority, Signer, key_set

KEYS = "a file of keys, or an https address"
NO_KEY = "callers.jwt.jwks must be a JSON Web Key Set with a public key that can verify"
NO_PAIR = (
    "SIDECAR_TLS_CERT and SIDECAR_TLS_KEY must be a certificate and its private key, in PEM, "
    "without a password"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A folder with good files of every kind, and some that are not.
    """
    made = tmp_path_factory.mktemp("settings")
    authority = Authority()
    authority.server().written(made, "server")
    authority.issue("other").written(made, "other")
    (made / "ca.pem").write_bytes(authority.cert)
    (made / "keys").write_text(key_set(Signer.ec()), "utf-8")
    (made / "tokens").write_text("billing t-1\n", "utf-8")
    (made / "wrong").write_text("billing\n", "utf-8")
    return made


def _read(folder: Path, callers: str = "", **environment: str) -> Settings:
    config = folder / "config.yaml"
    text = callers.replace("FOLDER", str(folder))
    config.write_text(f"callers: {text}\n" if callers else "", "utf-8")
    named = {name: value.replace("FOLDER", str(folder)) for name, value in environment.items()}
    return Settings.from_environment({"SIDECAR_CONFIG": str(config), **named})


CALLERS = {
    "{jwt: {}}": f"callers.jwt.jwks is missing: {KEYS}",
    "{jwt: {issuer: i}}": f"callers.jwt.jwks is missing: {KEYS}",
    "{jwt: {jwks: FOLDER/no}}": "callers.jwt.jwks cannot be read: No such file or directory",
    "{jwt: {jwks: FOLDER}}": "callers.jwt.jwks cannot be read: Is a directory",
    "{jwt: {jwks: FOLDER/tokens}}": NO_KEY,
    **{
        f"{{jwt: {{jwks: '{url}'}}}}": (
            "callers.jwt.jwks must be a file, or an https address without a password"
        )
        for url in (
            *("http://i/keys", "ftp://i/keys", "file:///keys", "https://", "https://a:b@i/keys"),
            *("https://i:99999/keys", "https://i:0/keys", "https://i/keys#a", "https://[/keys"),
        )
    },
    "{jwt: {jwks: FOLDER/keys, algorithms: [none]}}": (
        f"callers.jwt.algorithms must be among {', '.join(ALGORITHMS)}, got 'none'"
    ),
    "{jwt: {jwks: FOLDER/keys, algorithms: [ES256, HS256]}}": (
        f"callers.jwt.algorithms must be among {', '.join(ALGORITHMS)}, got 'HS256'"
    ),
    "{jwt: {jwks: FOLDER/keys, algorithms: []}}": "callers.jwt.algorithms must not be empty",
    "{jwt: {jwks: FOLDER/keys, algorithms: ES256}}": (
        "callers.jwt.algorithms must be a list of texts, got 'ES256'"
    ),
    "{jwt: {jwks: FOLDER/keys, algorithms: [5]}}": (
        "callers.jwt.algorithms must be a list of texts, got [5]"
    ),
    "{jwt: {jwks: FOLDER/keys, issuer: ''}}": "callers.jwt.issuer must not be empty",
    "{jwt: {jwks: FOLDER/keys, audience: ''}}": "callers.jwt.audience must not be empty",
    "{jwt: {jwks: FOLDER/keys, audience: [a]}}": "callers.jwt.audience must be a text, got ['a']",
    "{jwt: {jwks: FOLDER/keys, ca: /no}}": "callers.jwt.ca must be a file, got '/no'",
    "{jwt: {jwks: 'https://i/keys', ca: FOLDER/keys}}": (
        "callers.jwt.ca must hold certificates in PEM"
    ),
    "{jwt: {jwks: FOLDER/keys, secret: s}}": (
        "callers.jwt.secret is unknown; known are jwks, ca, issuer, audience, algorithms, "
        "leeway_s, refresh_s"
    ),
    "{allowed: [billing]}": (
        "callers.allowed must go with a way to know callers: SIDECAR_TOKENS_FILE, callers.jwt or "
        "SIDECAR_TLS_CLIENT_CA"
    ),
    "{allowed: ['']}": "callers.allowed must be a list of texts, got ['']",
    "{rate: {burst: 0}}": "callers.rate.burst must be from 1 to 1000000, got 0",
    "{rate: {per_second: 0}}": "callers.rate.per_second must be from 0.001 to 1000000, got 0",
    "{rate: 5}": "callers.rate must be a mapping of keys to values, got 5",
    "{tokens_file: t}": "callers.tokens_file is set by SIDECAR_TOKENS_FILE, not in a file",
}
VARIABLES = [
    (
        {"SIDECAR_TOKENS_FILE": "FOLDER/no"},
        "SIDECAR_TOKENS_FILE cannot be read: No such file or directory",
    ),
    (
        {"SIDECAR_TOKENS_FILE": "FOLDER/wrong"},
        "SIDECAR_TOKENS_FILE, line 1: it must be a name and a token",
    ),
    (
        {"SIDECAR_TLS_CERT": "FOLDER/server.pem"},
        "SIDECAR_TLS_CERT must go with SIDECAR_TLS_KEY, which is missing",
    ),
    (
        {"SIDECAR_TLS_KEY": "FOLDER/server.key"},
        "SIDECAR_TLS_KEY must go with SIDECAR_TLS_CERT, which is missing",
    ),
    (
        {"SIDECAR_TLS_CLIENT_CA": "FOLDER/ca.pem"},
        "SIDECAR_TLS_CLIENT_CA must go with SIDECAR_TLS_CERT, which is missing",
    ),
    (
        {"SIDECAR_TLS_CERT": "/no", "SIDECAR_TLS_KEY": "FOLDER/server.key"},
        "SIDECAR_TLS_CERT must be a file, got '/no'",
    ),
    (
        {"SIDECAR_TLS_CERT": "FOLDER/server.pem", "SIDECAR_TLS_KEY": "/"},
        "SIDECAR_TLS_KEY must be a file, got '/'",
    ),
    ({"SIDECAR_TLS_CERT": "FOLDER/keys", "SIDECAR_TLS_KEY": "FOLDER/server.key"}, NO_PAIR),
    ({"SIDECAR_TLS_CERT": "FOLDER/server.pem", "SIDECAR_TLS_KEY": "FOLDER/keys"}, NO_PAIR),
    ({"SIDECAR_TLS_CERT": "FOLDER/server.pem", "SIDECAR_TLS_KEY": "FOLDER/other.key"}, NO_PAIR),
    (
        {
            "SIDECAR_TLS_CERT": "FOLDER/server.pem",
            "SIDECAR_TLS_KEY": "FOLDER/server.key",
            "SIDECAR_TLS_CLIENT_CA": "FOLDER/keys",
        },
        "SIDECAR_TLS_CLIENT_CA must hold certificates in PEM",
    ),
]
EDGES = [
    ("jwt", "leeway_s", 0, 600),
    ("jwt", "refresh_s", 5, 86_400),
    ("rate", "per_second", 0.001, 1_000_000),
    ("rate", "burst", 1, 1_000_000),
]


@pytest.mark.parametrize("callers", CALLERS)
def test_each_mistake_in_the_file_has_its_message(folder: Path, callers: str):
    """
    A section with one mistake is refused with the one sentence that names it.
    """
    with pytest.raises(SettingsError, match=f"^{re.escape(CALLERS[callers])}$"):
        _read(folder, callers)


@pytest.mark.parametrize(("environment", "message"), VARIABLES)
def test_each_mistake_in_the_environment_has_its_message(
    folder: Path, environment: dict[str, str], message: str
):
    """
    A file that is wrong, absent or alone is refused with the one sentence that names its variable.
    """
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        _read(folder, **environment)


@pytest.mark.parametrize(("section", "name", "least", "most"), EDGES)
def test_edges(folder: Path, section: str, name: str, least: float, most: float):
    """
    The least and the most are taken; a step beyond is refused, with both named.
    """
    step = 1 if name == "burst" else 0.0001

    def read(value: float) -> Settings:
        keys = f"jwks: {folder}/keys, " if section == "jwt" else ""
        return _read(folder, f"{{{section}: {{{keys}{name}: {value}}}}}")

    for edge in (least, most):
        assert getattr(getattr(read(edge).callers, section), name) == edge
    for beyond in (least - step, most + step):
        with pytest.raises(SettingsError) as wrong:
            read(round(beyond, 6))
        assert wrong.value.message.startswith(
            f"callers.{section}.{name} must be from {least} to {most}, got "
        )


def test_tls_is_not_set_in_a_file(folder: Path):
    """
    Which files TLS is served with stands in the environment alone.
    """
    file = folder / "tls.yaml"
    file.write_text("tls: {}\n", "utf-8")
    with pytest.raises(SettingsError, match=r"^tls is set by SIDECAR_TLS_CERT, SIDECAR_TLS_KEY"):
        Settings.from_environment({"SIDECAR_CONFIG": str(file)})


def test_everything_can_be_set(folder: Path):
    """
    Each key and variable gets where it belongs.
    """
    settings = _read(
        folder,
        "{jwt: {jwks: 'https://i/keys', ca: FOLDER/ca.pem, issuer: i, audience: a, "
        "algorithms: [ES256], leeway_s: 1, refresh_s: 60}, allowed: [billing], "
        "rate: {per_second: 2, burst: 3}}",
        SIDECAR_TOKENS_FILE="FOLDER/tokens",
        SIDECAR_TLS_CERT="FOLDER/server.pem",
        SIDECAR_TLS_KEY="FOLDER/server.key",
        SIDECAR_TLS_CLIENT_CA="FOLDER/ca.pem",
    )

    assert settings == Settings(
        callers=Callers(
            folder / "tokens",
            JwtSettings("https://i/keys", folder / "ca.pem", "i", "a", ("ES256",), 1, 60),
            ("billing",),
            Rate(2, 3),
        ),
        tls=Tls(folder / "server.pem", folder / "server.key", folder / "ca.pem"),
    )


@pytest.mark.parametrize(
    ("callers", "environment", "known"),
    [
        ("", {}, False),
        ("{rate: {}}", {}, False),
        ("", {"SIDECAR_TLS_CERT": "FOLDER/server.pem"}, False),
        (
            "",
            {
                "SIDECAR_TLS_CERT": "FOLDER/server.pem",
                "SIDECAR_TLS_CLIENT_CA": "FOLDER/ca.pem",
            },
            True,
        ),
        ("", {"SIDECAR_TOKENS_FILE": "FOLDER/tokens"}, True),
        ("{jwt: {jwks: FOLDER/keys}}", {}, True),
    ],
)
def test_beyond_the_loopback(folder: Path, callers: str, environment: dict[str, str], known: bool):
    """
    It listens there unasked where callers must say who they are, in whichever way; TLS alone is
    none.
    """
    if "SIDECAR_TLS_CERT" in environment:
        environment = {**environment, "SIDECAR_TLS_KEY": "FOLDER/server.key"}
    environment = {**environment, "SIDECAR_LISTEN": "0.0.0.0:80"}

    if known:
        assert _read(folder, callers, **environment).callers_known
        return
    with pytest.raises(SettingsError, match=r"^SIDECAR_LISTEN must be on the loopback"):
        _read(folder, callers, **environment)
