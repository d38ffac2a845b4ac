"""
Requests that are written so that one reader finds one of them, and another two.

A file of its own: some arrive broken off, and when nobody waits for them any more.
"""

import pytest

from tests.proxies.gateway import Gateway

PERMITTED = "/customers/acme/invoices"
REFUSED = "/customers/acme/sale"


def _request(line: str, *headers: str) -> bytes:
    return "\r\n".join((line, "Host: a", *headers, "", "")).encode("latin-1")


HIDDEN = _request(f"POST {REFUSED} HTTP/1.1", "Content-Length: 0")
END = _request("GET / HTTP/1.1", "Connection: close")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param((), b"", id="one behind the other"),
        pytest.param((f"Content-Length: {len(HIDDEN)}",), b"", id="one within the other"),
        pytest.param(
            ("Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\n", id="two lengths"
        ),
        pytest.param(
            ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
            b"0\r\n\r\n",
            id="two encodings",
        ),
        pytest.param(
            ("Transfer-Encoding: identity, chunked", f"Content-Length: {len(HIDDEN)}"),
            b"",
            id="a list of encodings",
        ),
        pytest.param(
            ("Transfer-Encoding : chunked", f"Content-Length: {len(HIDDEN)}"),
            b"",
            id="a space behind a name",
        ),
        pytest.param(
            ("Transfer_Encoding: chunked", f"Content-Length: {len(HIDDEN) + 5}"),
            b"0\r\n\r\n",
            id="another name",
        ),
        pytest.param(
            ("Content-Length: 0", f"Content-Length: {len(HIDDEN)}"), b"", id="two numbers"
        ),
        pytest.param((f"Content-Length: +{len(HIDDEN)}",), b"", id="a number with a sign"),
        pytest.param(
            ("Transfer-Encoding: chunked",), b"2;a=\nxx\r\n0\r\n\r\n", id="a chunk of two lines"
        ),
        pytest.param(("Transfer-Encoding: chunked",), b"0x0\r\n\r\n", id="a size with a prefix"),
    ],
)
def test_a_request_hides_no_other(gateway: Gateway, headers, body):
    """
    However two requests are put into each other: only what is permitted reaches the upstream.
    """
    gateway.proxy.send_to_the_end(
        _request(f"POST {PERMITTED} HTTP/1.1", *headers) + body + HIDDEN + END
    )

    assert {reached.target for reached in gateway.reached()} <= {PERMITTED}
