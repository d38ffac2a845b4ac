"""
sidecar.engine.connection: one connection, and another side that behaves as a test says.
"""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead, RemoteDisconnected
from pathlib import Path

import pytest
from httptools import HttpParserError, HttpParserUpgrade
from urllib3 import Timeout

from sidecar.engine.connection import Connection, Dropped, UnixConnection
from sidecar.engine.reader import Received
from tests.fakes import http_answer

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
SOON = Timeout(connect=5, read=5)


@pytest.fixture
def both(socket_path: Path) -> Iterator[tuple[Connection, socket.socket]]:
    """
    An open connection, and its other side.
    """
    connection = UnixConnection("localhost", path=str(socket_path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path))
        listener.listen()
        connection.connect()
        other, _ = listener.accept()
    with other:
        yield connection, other
    connection.close()


def test_a_request_goes_out_as_it_is(both: tuple[Connection, socket.socket]):
    """
    One request after another over the same connection, and each gets its answer.
    """
    connection, other = both
    bodies = []
    for n in range(3):
        other.sendall(http_answer(str(n)))
        bodies.append(connection.ask(REQUEST, SOON).body)
        assert other.recv(1000) == REQUEST

    assert bodies == [b"0", b"1", b"2"]
    assert connection.is_connected


def test_the_time_is_for_the_whole_answer(both: tuple[Connection, socket.socket]):
    """
    Who sends a little now and then does not get more time with each part.
    """
    connection, other = both
    given_up = threading.Event()

    def dribble() -> None:
        other.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            if given_up.wait(0.02):
                return
            other.sendall(b" ")

    with ThreadPoolExecutor(1) as threads:
        threads.submit(dribble)
        start = time.monotonic()
        with pytest.raises(TimeoutError):
            connection.ask(REQUEST, Timeout(connect=5, read=0.2))
        waited = time.monotonic() - start
        given_up.set()

    assert 0.2 <= waited < 5
    assert connection.is_closed


def test_the_time_is_for_sending_too(both: tuple[Connection, socket.socket]):
    """
    Who does not take a large request is not waited for longer.
    """
    connection, _ = both
    with pytest.raises(TimeoutError):
        connection.ask(b" " * 10_000_000, Timeout(connect=5, read=0.1))

    assert connection.is_closed


def test_no_time_is_too_slow_as_well(both: tuple[Connection, socket.socket]):
    """
    Where all of it has gone by before anything was sent, that is said like any other delay.
    """
    connection, other = both
    other.sendall(http_answer("{}"))
    with pytest.raises(TimeoutError):
        connection.ask(REQUEST, Timeout(connect=5, read=1e-9))

    assert connection.is_closed


def test_an_answer_before_the_request_was_taken_is_read(both: tuple[Connection, socket.socket]):
    """
    Who refuses a large request closes before it has all of it: what it says still counts.
    """
    connection, other = both
    other.sendall(http_answer("no", "413 Too Large", extra="Connection: close\r\n"))
    other.close()

    assert connection.ask(b" " * 10_000_000, SOON)[::2] == (413, b"no")
    assert connection.is_closed


def test_an_answer_may_end_with_its_connection(both: tuple[Connection, socket.socket]):
    """
    That is how the simplest servers tell its end.
    """
    connection, other = both
    other.sendall(b"HTTP/1.0 503 Service Unavailable\r\n\r\n<html>")
    other.close()

    assert connection.ask(REQUEST, SOON) == Received(503, {}, b"<html>")
    assert connection.is_closed


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", RemoteDisconnected),
        (b"HTTP/1.1 200", IncompleteRead),
        (http_answer("{}")[:-1], IncompleteRead),
        (http_answer("{}") * 2, HttpParserError),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", HttpParserError),
        (
            b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
            HttpParserUpgrade,
        ),
    ],
)
def test_what_is_no_answer_is_said(
    both: tuple[Connection, socket.socket], answer: bytes, error: type[Exception]
):
    """
    On a new connection it is not taken for one that was kept; and none is used again.
    """
    connection, other = both
    other.sendall(answer)
    other.shutdown(socket.SHUT_WR)
    with pytest.raises(error) as raised:
        connection.ask(REQUEST, SOON)

    assert not isinstance(raised.value, Dropped)
    assert connection.is_closed


def test_a_kept_connection_that_is_closed_is_told_apart(both: tuple[Connection, socket.socket]):
    """
    Whether the other side closed before the next request, or with it unread.
    """
    connection, other = both
    other.sendall(http_answer("{}"))
    connection.ask(REQUEST, SOON)
    # The first request is unread: closing resets the connection.
    other.close()
    with pytest.raises(Dropped):
        connection.ask(REQUEST, SOON)


def test_what_was_not_asked_for_is_seen(both: tuple[Connection, socket.socket]):
    """
    A connection on which something waits to be read is no good for another question.
    """
    connection, other = both
    assert connection.is_connected

    other.sendall(http_answer("{}"))

    assert not connection.is_connected
