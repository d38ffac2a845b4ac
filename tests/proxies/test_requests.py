"""
Requests of every kind: with bodies, of old versions, and those that become something else.
"""

import pytest

from tests.proxies.gateway import Gateway
from tests.proxies.recording import SAYS
from tests.proxies.servers import answer

PERMITTED = "/customers/acme/invoices"
REFUSED = "/customers/acme/sale"
BODY = b"marked" * 50_000


def _chunked(body: bytes) -> bytes:
    halves = (body[:7], body[7:])
    return b"".join(b"%x\r\n%s\r\n" % (len(half), half) for half in halves) + b"0\r\n\r\n"


def _request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join((line, "Host: a", *headers, "", "")).encode("latin-1") + body


@pytest.mark.parametrize(
    ("header", "body"),
    [(f"Content-Length: {len(BODY)}", BODY), ("Transfer-Encoding: chunked", _chunked(BODY))],
)
def test_a_body_gets_through_whole(gateway: Gateway, header, body):
    """
    The upstream gets it as it was sent, and the sidecar nothing of it.
    """
    answer = gateway.ask("POST", PERMITTED, header, body=body)

    assert (answer.status, answer.content) == (200, SAYS)
    [reached] = gateway.reached()
    assert reached.body == BODY
    assert "marked" not in gateway.wire.text


@pytest.mark.parametrize("path", [PERMITTED, REFUSED])
def test_a_client_that_waits_to_send_its_body_is_answered(gateway: Gateway, path):
    """
    `Expect: 100-continue`: what is permitted gets through whole, what is refused not at all.
    """
    head = _request(f"POST {path} HTTP/1.1", "Content-Length: 5", "Expect: 100-continue")

    with gateway.proxy.connected() as connection:
        connection.sendall(head)
        if path == PERMITTED:
            assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hello")
        found = answer(connection, "POST")

    assert found is not None
    assert found.status == (200 if path == PERMITTED else 403)
    assert [reached.body for reached in gateway.reached()] == [b"hello"] * (path == PERMITTED)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO"])
def test_a_method_that_no_route_has_is_refused(gateway: Gateway, method):
    """
    The upstream hears nothing of it.
    """
    found = gateway.ask(method, PERMITTED)

    assert found.status >= 400
    assert gateway.reached() == []


@pytest.mark.parametrize("method", ["get", "Get", "GET\t", "GET,POST"])
def test_a_method_is_read_as_it_stands(gateway: Gateway, method):
    """
    What only resembles a method is refused, or is that method for the sidecar and the upstream.
    """
    gateway.proxy.send(_request(f"{method} {PERMITTED} HTTP/1.1"))

    assert {reached.method for reached in gateway.reached()} <= {"GET"}


@pytest.mark.parametrize(
    "line", [f"POST {REFUSED} HTTP/1.0", f"POST {REFUSED}", f"POST {REFUSED} HTTP/3.0"]
)
def test_an_old_version_gets_round_nothing(gateway: Gateway, line):
    """
    What is refused is not served to clients of HTTP/1.0 either, or of none.
    """
    gateway.proxy.send(_request(line))

    assert gateway.reached() == []


def test_an_old_version_is_served_or_refused(gateway: Gateway):
    """
    HTTP/1.0 is served by those that speak it; Envoy says that it does not.
    """
    found = gateway.proxy.send(_request(f"GET {PERMITTED} HTTP/1.0"))

    assert found is not None
    assert found.status == (426 if gateway.proxy.name == "envoy" else 200)


@pytest.mark.parametrize(
    "target", [f"http://a{REFUSED}", f"http://b@a:80{REFUSED}", f"//a{REFUSED}"]
)
def test_a_target_with_a_host_gets_round_nothing(gateway: Gateway, target):
    """
    An absolute target is one on the path that it names.
    """
    gateway.proxy.send(_request(f"POST {target} HTTP/1.1", "Content-Length: 0"))

    assert gateway.reached() == []


def test_one_connection_is_asked_about_again_and_again(gateway: Gateway):
    """
    A decision is for one request, not for the connection.
    """
    with gateway.proxy.connected() as connection:
        found = []
        for line in (f"GET {PERMITTED}", f"POST {REFUSED}", f"GET {PERMITTED}"):
            connection.sendall(_request(f"{line} HTTP/1.1", "Content-Length: 0"))
            found.append(answer(connection, line.split()[0]))

    assert [each and each.status for each in found] == [200, 403, 200]
    assert [reached.method for reached in gateway.reached()] == ["GET", "GET"]


WEBSOCKET = (
    *("Connection: Upgrade, X-Privacy-Decision, X-Forwarded-Uri", "Upgrade: WebSocket"),
    *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA=="),
)


def test_a_websocket_is_opened_where_its_path_is_permitted(gateway: Gateway):
    """
    After that, bytes go to and fro. What Connection names beside the upgrade is not taken away.
    """
    with gateway.proxy.connected() as connection:
        connection.sendall(_request(f"GET {PERMITTED} HTTP/1.1", *WEBSOCKET))
        found = answer(connection)
        connection.sendall(b"to and fro")
        with connection.makefile("rb") as stream:
            echoed = stream.read(10)

    assert found is not None
    assert found.status == 101
    assert echoed == b"to and fro"
    [reached] = gateway.reached()
    assert reached.all("X-Privacy-Decision") == ["permitted"]


def test_a_websocket_is_not_opened_where_its_path_is_not(gateway: Gateway):
    """
    403, as for any other request.
    """
    found = gateway.ask("GET", "/customers/acme", *WEBSOCKET)

    assert found.status == 403
    assert gateway.reached() == []


@pytest.mark.parametrize(
    "headers",
    [
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
        ("Connection: Upgrade", "Upgrade: h2c, websocket"),
        ("Connection: Upgrade", "Upgrade: websocket, h2c"),
        ("Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket"),
        ("Connection: Upgrade", "Upgrade: tls/1.0"),
        ("Upgrade: h2c",),
    ],
)
def test_a_connection_becomes_nothing_else(gateway: Gateway, headers):
    """
    The upstream is asked for no other protocol, within which more requests could follow.
    """
    gateway.ask("GET", PERMITTED, *headers)

    for reached in gateway.reached():
        assert [value for value in reached.all("Upgrade") if value.lower() != "websocket"] == []
