"""
What a proxy is answered, by a sidecar as it runs.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.credentials import Signer, key_set
from tests.e2e.serve import ROOT, Answer, Sidecar, running

TABLE = ROOT / "deploy" / "proxies" / "routes.yaml"
HEADERS = {
    "nginx": ("X-Original-URI", "X-Original-Method"),
    "traefik": ("X-Forwarded-Uri", "X-Forwarded-Method"),
    "caddy": ("X-Forwarded-Uri", "X-Forwarded-Method"),
}


class Proxy:
    """
    Asks as a proxy does.

    Args:
        name: Which one.

        sidecar: Whom it asks.
    """

    def __init__(self, name: str, sidecar: Sidecar) -> None:
        self.name = name
        self.sidecar = sidecar

    def ask(self, method: str, target: str, **headers: str) -> Answer:
        """
        Ask whether a request may pass.
        """
        connection = self.sidecar.connected()
        try:
            if self.name == "envoy":
                return Answer.to(connection, method, f"/forward-auth{target}", None, headers)
            told = dict(zip(HEADERS[self.name], (target, method), strict=True))
            return Answer.to(connection, "GET", "/forward-auth", None, told | headers)
        finally:
            connection.close()


@pytest.fixture(scope="module", params=["nginx", "traefik", "caddy", "envoy"])
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """
    A proxy of each kind, with a sidecar that it asks.
    """
    with ExitStack() as held:
        # Nobody signs with this key: no route that takes claims is asked for.
        jwks = tmp_path_factory.mktemp("keys") / "jwks"
        jwks.write_text(key_set(Signer.ec()), "utf-8")
        settings = f"routes: {TABLE}, proxy: {request.param}, jwt: {{jwks: {jwks}}}"
        config = f"forward_auth: {{{settings}}}"
        yield Proxy(request.param, held.enter_context(running(config)))


def test_what_a_clause_permits_is_let_through(proxy: Proxy):
    """
    200, with the clauses that decided, and the decision's name.
    """
    answer = proxy.ask("GET", "/customers/acme/invoices?page=2")

    assert answer.status == 200, answer.content
    assert answer.headers["x-privacy-decision"] == "permitted"
    assert "1.2-b" in answer.headers["x-privacy-clauses"].split(",")
    assert answer.headers["x-decision-id"] == answer.json["context"]["decision_id"]


def test_what_a_clause_prohibits_is_refused(proxy: Proxy):
    """
    403, with the deciding clauses in a header, and the whole answer as the body.
    """
    answer = proxy.ask("POST", "/customers/acme/sale")

    assert answer.status == 403, answer.content
    assert answer.headers["x-privacy-decision"] == "refused"
    cited = [clause["id"] for clause in answer.json["context"]["clauses"]]
    assert answer.headers["x-privacy-clauses"].split(",") == cited
    assert answer.json["decision"] is False


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("GET", "/customers/acme", "route_unknown"),
        ("HEAD", "/customers/acme/invoices", "route_unknown"),
        ("GET", "/customers/acme/invoices/", "route_unknown"),
        ("GET", "/Customers/acme/invoices", "route_unknown"),
        ("GET", "/customers/../customers/acme/invoices", "path_ambiguous"),
        ("GET", "/customers/a%2Fb/invoices", "path_ambiguous"),
        ("GET", "//customers/acme/invoices", "path_ambiguous"),
    ],
)
def test_what_is_on_no_route_is_refused(proxy: Proxy, method, target, code):
    """
    403 with a code, and nothing that the caller sent.
    """
    answer = proxy.ask(method, target)

    assert answer.status == 403
    if method != "HEAD":
        assert answer.code == code
        assert b"acme" not in answer.content
