"""
A load of POST requests, from threads that each keep one connection open.
"""

import http.client
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

HEADERS = {"Content-Type": "application/json"}


class UnixConnection(http.client.HTTPConnection):
    """
    HTTP over a Unix socket.
    """

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """
        Open the socket instead of a TCP connection.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True)
class Measured:
    """
    What a load came to.

    Attributes:
        connections: How many at a time.

        requests: How many were answered.

        seconds: How long the whole took.

        times: Seconds each request took, in no order.
    """

    connections: int
    requests: int
    seconds: float
    times: tuple[float, ...]

    @property
    def per_second(self) -> float:
        """
        Requests answered in a second.
        """
        return self.requests / self.seconds

    @property
    def mean_us(self) -> float:
        """
        Microseconds a request took on average.
        """
        return statistics.fmean(self.times) * 1e6

    @property
    def median_us(self) -> float:
        """
        Microseconds that half of the requests stayed below.
        """
        return statistics.median(self.times) * 1e6

    @property
    def p99_us(self) -> float:
        """
        Microseconds that 99 of 100 requests stayed below.
        """
        return statistics.quantiles(self.times, n=100)[98] * 1e6


def connect(address: str, timeout: float = 10) -> http.client.HTTPConnection:
    """
    Make a connection, not yet opened, to ``http://host:port`` or ``unix:///path``.
    """
    url = urlsplit(address)
    if url.scheme == "unix":
        return UnixConnection(unquote(url.path), timeout)
    return http.client.HTTPConnection(url.hostname or "", url.port, timeout=timeout)


def get(address: str, path: str) -> bytes:
    """
    Read a page once.

    Raises:
        RuntimeError: The answer's status is not 200.
    """
    with closing(connect(address)) as connection:
        return _answer(connection, "GET", path, None)


def post(connection: http.client.HTTPConnection, path: str, body: bytes) -> bytes:
    """
    Ask once, on a connection that stays open.

    Raises:
        RuntimeError: The answer's status is not 200.
    """
    return _answer(connection, "POST", path, body)


def _answer(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None
) -> bytes:
    connection.request(method, path, body, HEADERS)
    answer = connection.getresponse()
    read = answer.read()
    if answer.status != 200:
        # An error must not count as a quick answer.
        raise RuntimeError(f"{path} answered {answer.status}: {read[:200]!r}")
    return read


def load(address: str, path: str, bodies: list[bytes], connections: int, each: int) -> Measured:
    """
    Send the bodies round and round.

    Args:
        address: ``http://host:port`` or ``unix:///path``.

        path: Where to post.

        bodies: What to post, in turn.

        connections: How many connections, each with a thread of its own.

        each: How many requests a connection sends.

    Returns:
        What it came to.

    Raises:
        RuntimeError: A request was not answered with 200.
    """
    with ThreadPoolExecutor(connections) as pool:
        began = time.perf_counter()
        working = [pool.submit(_work, address, path, bodies, each) for _ in range(connections)]
        times = [taken for work in working for taken in work.result()]
        seconds = time.perf_counter() - began
    return Measured(connections, len(times), seconds, tuple(times))


def _work(address: str, path: str, bodies: list[bytes], each: int) -> list[float]:
    times = []
    with closing(connect(address)) as connection:
        for turn in range(each):
            began = time.perf_counter()
            post(connection, path, bodies[turn % len(bodies)])
            times.append(time.perf_counter() - began)
    return times
