"""
Which headers the sidecar and the upstream get, whatever a client sends.
"""

import re

import pytest

from tests.proxies.gateway import Gateway

MARK = "forged"
PERMITTED = ("GET", "/customers/acme/invoices")
REFUSED = ("POST", "/customers/acme/sale")
NEEDS_JUDGEMENT = "/customers/acme/usage"
VOUCHED = ("X-Privacy-Decision", "X-Privacy-Clauses", "X-Privacy-Obligations", "X-Decision-ID")
TARGETS = ("X-Original-URI", "X-Original-URL", "X-Forwarded-Uri", "X-Rewrite-URL")
METHODS = (
    *("X-Original-Method", "X-Forwarded-Method"),
    *("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"),
)
DROPPED = (
    *(*VOUCHED, *TARGETS, *METHODS),
    *("X-Necessity-Judged", "X-Original-Host", "X-Forwarded-Prefix", "X-Forwarded-Path"),
    *("X-Envoy-Original-Path", "X-Envoy-Original-Host", "X-Envoy-Original-Method"),
    *("X-Envoy-Internal", "X-Envoy-Decorator-Operation", "X-Envoy-Retry-On"),
    *("X-Envoy-Retry-Grpc-On", "X-Envoy-Max-Retries", "X-Envoy-Hedge-On-Per-Try-Timeout"),
    *("X-Envoy-Upstream-Alt-Stat-Name", "X-Envoy-Upstream-Rq-Timeout-Ms"),
    *("X-Envoy-Upstream-Rq-Per-Try-Timeout-Ms", "X-Envoy-Upstream-Rq-Timeout-Alt-Response"),
    *("X-Envoy-Ip-Tags", "X-Envoy-Force-Trace"),
)


def _spelled(name: str) -> list[str]:
    """
    Spell a header in ways that some server takes for it.
    """
    return [
        *(name.upper(), name.lower()),
        *(name.replace("-", "_"), name.replace("-", "."), name.replace("-", "_", 1)),
    ]


def _forged(gateway: Gateway) -> list[str]:
    """
    Say what of the client's own has got through, and where to.
    """
    asked = ["to the sidecar"] if MARK in gateway.wire.text else []
    return asked + [
        f"{name}: {value}"
        for reached in gateway.reached()
        for name, value in reached.headers
        if MARK in value
    ]


@pytest.mark.parametrize("name", DROPPED)
def test_a_client_vouches_for_nothing(gateway: Gateway, name):
    """
    A client's own copy of a header that others believe reaches neither the sidecar nor the
    upstream, once or twice, in any spelling.
    """
    spelled = [name, name, *_spelled(name)]

    answer = gateway.ask(*PERMITTED, *(f"{spelling}: {MARK}" for spelling in spelled))

    assert _forged(gateway) == []
    assert answer.status == 200
    assert len(gateway.reached()) == 1


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("X-Necessity-Judged : true", id="space before the colon"),
        pytest.param("X-Necessity-Judged\t: true", id="tab before the colon"),
        pytest.param(" X-Necessity-Judged: true", id="space before the name"),
        pytest.param("X-Other: 1\nX-Necessity-Judged: true", id="line feed alone"),
        pytest.param("X-Other: 1\rX-Necessity-Judged: true", id="carriage return alone"),
        pytest.param("X-Other: 1\r\r\nX-Necessity-Judged: true", id="carriage return twice"),
        pytest.param("X-Other: 1\0\r\nX-Necessity-Judged: true", id="NUL"),
        pytest.param("X-Necessity-Judged\0: true", id="NUL in the name"),
        pytest.param("X-Necessity-Judged:\r\n true", id="folded"),
        pytest.param(":X-Necessity-Judged: true", id="colon before the name"),
        pytest.param("X-Necessity\xadJudged: true", id="soft hyphen"),
    ],
)
def test_nor_does_a_client_that_writes_bad_http(gateway: Gateway, lines):
    """
    What is no header to the proxy is none to the sidecar and the upstream.
    """
    for path in (NEEDS_JUDGEMENT, PERMITTED[1]):
        gateway.proxy.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n".encode("latin-1"))

    assert {reached.target for reached in gateway.reached()} <= {PERMITTED[1]}
    assert not any(reached.all("X-Necessity-Judged") for reached in gateway.reached())
    assert not re.search(r"[\r\n]x-necessity-judged\s*:", gateway.wire.text)


def test_a_trusted_header_is_not_taken_from_a_client(gateway: Gateway):
    """
    What the route's judgement hangs on counts only where the proxy says so.
    """
    trusted = {
        "nginx": {"X-Original-URI": NEEDS_JUDGEMENT, "X-Original-Method": "GET"},
        "envoy": {},
    }.get(gateway.proxy.name, {"X-Forwarded-Uri": NEEDS_JUDGEMENT, "X-Forwarded-Method": "GET"})
    path = f"/forward-auth{NEEDS_JUDGEMENT}" if gateway.proxy.name == "envoy" else "/forward-auth"
    from_the_proxy = gateway.sidecar.get(path, **trusted, **{"X-Necessity-Judged": "true"})
    assert from_the_proxy.status == 200, from_the_proxy.content

    lines = [f"{spelling}: true" for spelling in _spelled("X-Necessity-Judged")]
    answer = gateway.ask("GET", NEEDS_JUDGEMENT, "X-Necessity-Judged: true", *lines)

    assert answer.status == 403
    assert gateway.reached() == []


@pytest.mark.parametrize("name", TARGETS)
def test_a_client_does_not_say_what_it_asks_for(gateway: Gateway, name):
    """
    The sidecar decides on the target that the proxy was sent, not on one in a header.
    """
    answer = gateway.ask(*REFUSED, f"{name}: /customers/acme/invoices", "Content-Length: 0")

    assert answer.status == 403
    assert gateway.reached() == []


@pytest.mark.parametrize("name", METHODS)
def test_nor_how(gateway: Gateway, name):
    """
    The sidecar decides on the method that the proxy was sent, and the upstream is told no other.
    """
    assert gateway.ask("DELETE", "/customers/acme/invoices", f"{name}: GET").status == 403
    assert gateway.reached() == []

    assert gateway.ask(*PERMITTED, f"{name}: DELETE").status == 200
    assert [reached.all(name) for reached in gateway.reached()] == [[]]


@pytest.mark.parametrize(
    "connection",
    [
        pytest.param((f"Connection: close, {', '.join(VOUCHED)}",), id="what is vouched for"),
        pytest.param((f"Connection: {', '.join(TARGETS)}, keep-alive",), id="the target"),
        pytest.param((f"Connection: {', '.join(METHODS)}",), id="the method"),
        pytest.param(
            ("Connection: keep-alive", *(f"Connection: {name}" for name in DROPPED)), id="each"
        ),
        pytest.param(("connection: host, content-length, x-necessity-judged",), id="the frame"),
        pytest.param(("Proxy-Connection: X-Privacy-Clauses, X-Decision-ID",), id="another name"),
    ],
)
def test_a_connection_takes_nothing_away(gateway: Gateway, connection):
    """
    A header that a client names in Connection is still passed from the proxy to the sidecar, and to
    the upstream, which is not told to drop it either; or the proxy takes no such request.
    """
    answer = gateway.ask(*PERMITTED, *connection)

    assert answer.status in (200, 400), answer.content
    assert len(gateway.reached()) == (answer.status == 200)
    for reached in gateway.reached():
        assert reached.all("X-Privacy-Decision") == ["permitted"]
        assert len(reached.all("X-Privacy-Clauses")) == 1
        assert len(reached.all("X-Decision-ID")) == 1
        named = ",".join(reached.all("Connection")).lower().replace(" ", "").split(",")
        assert {"", "close", "keep-alive"}.issuperset(named)
    assert gateway.ask(*REFUSED, *connection, "Content-Length: 0").status in (400, 403)
    assert all(reached.method == "GET" for reached in gateway.reached())


def test_the_client_s_token_is_passed_on(gateway: Gateway):
    """
    The sidecar gets it, as routes may take claims of it, and so does the upstream.
    """
    gateway.ask(*PERMITTED, "Authorization: Bearer a.b.c")

    assert "authorization: bearer a.b.c" in gateway.wire.text
    assert [reached.all("Authorization") for reached in gateway.reached()] == [["Bearer a.b.c"]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Cookie", "a_b=c.d; e=f"),
        ("If-None-Match", '"x.y_z"'),
        ("X-Customer-Number", "17"),
        ("X-Private", "yes"),
    ],
)
def test_what_else_a_client_sends_is_passed_on(gateway: Gateway, name, value):
    """
    The upstream gets it as it was sent.
    """
    gateway.ask(*PERMITTED, f"{name}: {value}")

    assert [reached.all(name) for reached in gateway.reached()] == [[value]]
