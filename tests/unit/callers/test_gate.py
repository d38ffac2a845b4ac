"""
sidecar.callers.gate, in front of an application of the test's own.
"""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from sidecar.callers.caller import Caller
from sidecar.callers.gate import CALLER, Gate
from sidecar.callers.settings import Callers, JwtSettings
from sidecar.errors import Unauthenticated
from tests.credentials import AUDIENCE, ISSUER, Signer, key_set

SIGNER = Signer.ec()


def _asking(callers: Callers, certificates: bool = False) -> FlaskClient:
    app = Flask("test", static_folder=None)

    def who() -> dict[str, Any]:
        caller: Caller | None = request.environ.get(CALLER)
        return {} if caller is None else {"name": caller.name, "claims": dict(caller.claims)}

    for path in ("/access/v1/who", "/who", "/access"):
        app.add_url_rule(path, path, who)
    app.register_error_handler(Unauthenticated, lambda wrong: ("", wrong.status))
    gate = Gate(callers, certificates)
    app.before_request(lambda: gate.admit(request.environ))
    return app.test_client()


@pytest.fixture
def callers(tmp_path: Path) -> Callers:
    """
    Callers that are known by both kinds of tokens.
    """
    tokens, keys = tmp_path / "tokens", tmp_path / "keys"
    tokens.write_text("billing t-1\n", "utf-8")
    keys.write_text(key_set(SIGNER), "utf-8")
    return Callers(tokens, JwtSettings(str(keys), None, ISSUER, AUDIENCE))


def _headers(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_who_asks_is_said(callers: Callers):
    """
    An endpoint that decides can look up the caller's name, and what its token claims.
    """
    client, token = _asking(callers), SIGNER.token(sub="shop", role="reader")

    assert client.get("/access/v1/who", headers=_headers("t-1")).json == {
        "name": "billing",
        "claims": {},
    }
    answer = client.get("/access/v1/who", headers=_headers(token)).json
    assert answer and answer["name"] == "shop"
    assert {"sub": "shop", "role": "reader", "iss": ISSUER}.items() <= answer["claims"].items()


def test_only_what_decides_is_guarded(callers: Callers):
    """
    Elsewhere nobody is asked who they are, and nobody's credential is looked at.
    """
    client = _asking(callers)

    assert client.get("/access/v1/who").status_code == 401
    for path in ("/who", "/access"):
        for headers in ({}, _headers("bad"), _headers("t-1")):
            assert client.get(path, headers=headers).json == {}


def test_where_nobody_is_known_nobody_is_asked():
    """
    Without tokens, keys or certificates the gate is open, and says no name.
    """
    client = _asking(Callers())

    assert client.get("/access/v1/who").json == {}
    assert client.get("/access/v1/who", headers=_headers("x")).json == {}


def test_without_tls_a_certificate_is_not_shown():
    """
    Where certificates are the only way, a request over another connection is refused, and so is a
    token, which nobody could verify.
    """
    client = _asking(Callers(), certificates=True)

    assert client.get("/access/v1/who").status_code == 401
    assert client.get("/access/v1/who", headers=_headers("t-1")).status_code == 401


def test_a_caller_does_not_change():
    """
    Neither its name nor what it claims, where it claims nothing.
    """
    caller = Caller("a")
    with pytest.raises(FrozenInstanceError):
        caller.name = "b"  # type: ignore[misc]
    with pytest.raises(TypeError):
        caller.claims["sub"] = "b"  # type: ignore[index]


@pytest.mark.parametrize("path", ["/access/v1/who", "//access/v1/who", "///access/v1/who"])
def test_no_slash_leads_past_the_gate(callers: Callers, path: str):
    """
    Flask finds the endpoint under either path: under either one it is guarded.
    """
    client = _asking(callers)

    assert client.open(environ_overrides={"PATH_INFO": path}).status_code == 401
