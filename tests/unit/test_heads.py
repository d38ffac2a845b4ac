"""
sidecar.heads: what is known of a head is what gunicorn says of it.
"""

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import create
from hypothesis import given
from hypothesis import strategies as st

from sidecar.heads import Heads

LINE = b"POST /here HTTP/1.1\r\n"
PLAIN = b"Host: h\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"
# What is sent goes nowhere.
CONNECTION = SimpleNamespace(
    client=("127.0.0.1", 1), server=("127.0.0.1", 2), sock=SimpleNamespace(send=len)
)
OWN = {"wsgi.input", "wsgi.early_hints", "gunicorn.socket", "REMOTE_ADDR", "REMOTE_PORT"}


def config() -> Config:
    """
    Set gunicorn up as the sidecar does: nobody is a proxy that may say who asks.
    """
    cfg = Config()
    for name, value in {
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
    }.items():
        cfg.set(name, value)
    return cfg


CONFIG = config()


def heads() -> Heads:
    """
    Make one that knows nothing yet.
    """
    return Heads(CONFIG, [LINE])


def found(known: Heads, fields: bytes) -> dict[str, Any] | None:
    """
    Look a head up by its fields.
    """
    return known.find(LINE + fields + b"\r\n", CONNECTION)


def of_gunicorn(fields: bytes) -> dict[str, Any] | None:
    """
    Say what gunicorn makes of a head; None where it answers with an error.
    """
    try:
        request = Request(CONFIG, IterUnreader([LINE + fields + b"\r\n"]), CONNECTION.client)
    except (ParseException, NoMoreData):
        return None
    _, environ = create(request, CONNECTION.sock, CONNECTION.client, CONNECTION.server, CONFIG)
    return {name: value for name, value in environ.items() if name not in OWN}


def same(known: dict[str, Any], expected: dict[str, Any]) -> bool:
    """
    Say whether two environments are the same, but for what is set for threads, and the log, which
    is made anew each time.
    """
    without = {"wsgi.errors": None, "wsgi.multithread": True}
    return known | without == expected | without


def test_what_a_head_says():
    """
    It is what gunicorn says, the first time and again, with the values of this time.
    """
    known = heads()
    for length, name in ((7, b"a-1"), (8, b"b-2"), (7, b"a-1")):
        fields = b"Host: h\r\nContent-Length: %d\r\nx-request-ID: %s\r\n" % (length, name)
        environ = found(known, fields)
        expected = of_gunicorn(fields)

        assert environ is not None and expected is not None
        assert same(environ, expected)
        assert environ["CONTENT_LENGTH"] == str(length)
        assert environ["HTTP_X_REQUEST_ID"] == name.decode()


def test_heads_that_differ_in_what_means_nothing():
    """
    They are one that is known, whoever numbers or names requests in fields of their own, and each
    says what is its own.
    """
    known = heads()
    for number in range(100):
        fields = PLAIN + b"X-Seq: %d\r\nAuthorization: Bearer %d, or so\r\n" % (number, number)
        environ = found(known, fields)

        assert environ and environ["HTTP_X_SEQ"] == str(number)
        assert environ["HTTP_AUTHORIZATION"] == f"Bearer {number}, or so"
    assert len(known._known) == 1


@pytest.mark.parametrize("name", ["Host", "Content-Type", "Connection"])
def test_heads_that_differ_in_what_is_meant(name: str):
    """
    Each is one of its own.
    """
    known = heads()
    for value in ("keep-alive", "Keep-Alive"):
        fields = f"Content-Length: 7\r\n{name}: {value}\r\n".encode()
        environ, expected = found(known, fields), of_gunicorn(fields)
        assert environ and expected and same(environ, expected)

    assert len(known._known) == 2


def test_who_gets_it_may_write_into_it():
    """
    What is written into the environment of one request is not there for the next.
    """
    known = heads()
    first = found(known, PLAIN)
    assert first is not None
    first["sidecar.caller"] = "billing"

    assert "sidecar.caller" not in (found(known, PLAIN) or {"sidecar.caller": ""})


@pytest.mark.parametrize(
    "fields",
    [
        b"Host: h\r\n",
        PLAIN + b"Content-Length: 7\r\n",
        PLAIN + b"Transfer-Encoding: chunked\r\n",
        b"Host: h\r\nTransfer-Encoding: chunked\r\n",
        b"Host: h\r\nContent-Length: seven\r\n",
        b"Host: h\r\nContent-Length: -7\r\n",
        PLAIN + b"Expect: 100-continue\r\n",
        PLAIN + b"Connection: close\r\n",
        PLAIN + b"Connection: upgrade\r\nUpgrade: h2c\r\n",
        PLAIN + b"X-Request-ID: a\r\nX-Request-ID: b\r\n",
        PLAIN + b"X: \x01\r\n",
        PLAIN + b"X: a\r\n b\r\n",
        PLAIN + b"X : a\r\n",
        PLAIN + b"X: " + b"a" * 5000 + b"\r\n",
    ],
)
def test_what_is_out_of_the_ordinary(fields: bytes):
    """
    It is not known, also where a head that is nearly the same was there before.
    """
    known = heads()
    assert found(known, PLAIN)

    assert found(known, fields) is None


@pytest.mark.parametrize(
    "line", [b"GET /here HTTP/1.1\r\n", b"POST /there HTTP/1.1\r\n", b"POST /here HTTP/1.0\r\n"]
)
def test_another_request_line(line: bytes):
    """
    It is not known.
    """
    assert heads().find(line + PLAIN + b"\r\n", CONNECTION) is None


def test_only_so_many_are_kept():
    """
    However many differ, the first ones are forgotten, and found anew.
    """
    known = heads()
    for number in range(1000):
        assert found(known, PLAIN + b"X-%d: 0\r\n" % number)

    assert len(known._known) == 256
    assert found(known, PLAIN + b"X-0: 0\r\n")


NAMES = st.sampled_from(
    [
        *("Host", "Content-Type", "Content-Length", "content-length", "Connection", "Expect"),
        *("X-Request-ID", "x-request-id", "Traceparent", "X_Request_ID", "Authorization"),
        *("Transfer-Encoding", "Upgrade", "X", "X-Forwarded-Proto", "X-Forwarded-For"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        ["7", "07", "seven", "a-1", "h", "keep-alive", "close", "chunked", "", " 7", "-"]
    ),
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=8),
)
SEPARATORS = st.sampled_from([": ", ":", ":  ", " : ", ":\t"])
FIELDS = st.lists(st.tuples(NAMES, SEPARATORS, VALUES).map("".join), max_size=5)


@given(st.lists(FIELDS, min_size=1, max_size=8))
def test_whatever_is_known_is_what_gunicorn_says(sent: list[list[str]]):
    """
    Whatever heads came before, one that is known says what gunicorn would say of it.
    """
    known = heads()
    for lines in sent:
        fields = "".join(f"{line}\r\n" for line in ("Host: h", *lines)).encode("latin-1")
        environ = found(known, fields)
        expected = of_gunicorn(fields)
        assert environ is None or (expected is not None and same(environ, expected))
