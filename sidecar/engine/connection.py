"""
One connection to OPA: opened by urllib3, and asked in one piece.

What http.client and urllib3 do for each request beyond that took most of a question's time.
"""

import select
import socket
import ssl
from contextlib import suppress
from http.client import IncompleteRead, RemoteDisconnected
from time import monotonic
from typing import Any, Final

from urllib3 import Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from sidecar.engine.reader import Reader, Received

_AT_ONCE: Final = 65536


class Dropped(RemoteDisconnected):
    """
    OPA closed a kept connection just when it was used again. Nothing was answered, and a question
    may be asked twice.
    """


class Connection(HTTPConnection):
    """
    A connection over TCP. Opened when it is first used, and kept as long as the other side lets it.
    """

    _used = False

    def connect(self) -> None:
        """
        Open it: from here on it is unused.
        """
        self._used = False
        self._reader = Reader()
        super().connect()
        self._readable = select.poll()
        self._readable.register(self.sock, select.POLLIN)

    @property
    def is_connected(self) -> bool:
        """
        Whether it is open. Where there is something to read before anything was asked, it is the
        other side's end, or nothing that may be taken for the next answer.
        """
        return self.sock is not None and not self._readable.poll(0)

    def ask(self, request: bytes, timeout: Timeout) -> Received:
        """
        Send a request, and read its answer. Whatever goes wrong, the connection is closed: an
        answer that comes late must not be the next one's.

        Args:
            request: All of its bytes.

            timeout: How long opening may take, and how long all that comes after it.

        Raises:
            Dropped: There is no answer, on a connection that had been used before.
            RemoteDisconnected: There is none, on a new one.
            TimeoutError: It took too long.
            IncompleteRead: It broke off.
            httptools.HttpParserError: It is no HTTP, or more than one answer.
            OSError: The connection broke, or TLS did.
            urllib3.exceptions.HTTPError: There is no connection, or the body cannot be decoded.
        """
        try:
            if self.is_closed:
                self.timeout = Timeout.resolve_default_timeout(timeout.connect_timeout)
                self.connect()
            received = self._asked(request, monotonic() + (timeout.read_timeout or 0))
        except BaseException:
            self.close()
            raise
        self._used = True
        return received

    def _asked(self, request: bytes, until: float) -> Received:
        reader = self._reader
        reader.expect()
        self._wait(until)
        # Who closes early may have answered before: that is read, or found missing.
        with suppress(ConnectionError, ssl.SSLEOFError):
            self.sock.sendall(request)
        read = self._first(until)
        while read:
            reader.feed(read)
            if reader.done:
                break
            read = self._next(until)
        if not read and not reader.ends_with_connection():
            raise IncompleteRead(b"")
        if not reader.keeps:
            self.close()
        return reader.received()

    def _first(self, until: float) -> bytes:
        try:
            read = self._next(until)
        except ConnectionResetError:
            read = b""
        if not read:
            raise (Dropped if self._used else RemoteDisconnected)("closed without an answer")
        return read

    def _next(self, until: float) -> bytes:
        self._wait(until)
        return self.sock.recv(_AT_ONCE)

    def _wait(self, until: float) -> None:
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self.sock.settimeout(left)


class TlsConnection(Connection, HTTPSConnection):
    """
    The same, over TLS.
    """


class UnixConnection(Connection):
    """
    The same, over a Unix socket.
    """

    def __init__(self, *args: Any, path: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._path = path

    def _new_conn(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self._path)
        except OSError as wrong:
            connection.close()
            # A full queue is said at once, and not waited for.
            if isinstance(wrong, (TimeoutError, BlockingIOError)):
                raise ConnectTimeoutError(self, "the socket takes nobody in") from wrong
            raise NewConnectionError(self, "nobody listens on the socket") from wrong
        return connection
