"""
The connections to OPA that are kept.
"""

import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final

from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ClosedPoolError, EmptyPoolError

from sidecar.engine.connection import Connection, TlsConnection, UnixConnection
from sidecar.engine.endpoint import Endpoint


class Pool(ConnectionPool):
    """
    So many connections and no more: who finds none free waits. Safe to share between threads. Only
    by its name one of urllib3's, whose errors want one: theirs takes ten times as long.

    Args:
        endpoint: Where OPA listens, and how it is asked.

    Attributes:
        closed: Whether it is closed.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.closed = False
        self._wait_s: Final = endpoint.wait_s
        self._kept: deque[Connection] = deque()
        # Who forgets to close it leaves nothing open.
        weakref.finalize(self, _close, self._kept)
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(endpoint.connections):
            self._free.put(None)
        self._connection: Callable[[], Connection] = partial(Connection, self.host, self.port)
        if endpoint.tls:
            context = endpoint.tls_context()
            self._connection = partial(TlsConnection, self.host, self.port, ssl_context=context)
        elif endpoint.socket:
            self._connection = partial(UnixConnection, self.host, path=endpoint.socket)

    def take(self) -> Connection:
        """
        Take a connection out, that which was used last: it is open, or opens when it is used.

        Raises:
            EmptyPoolError: All are in use, and none came free in time.
            ClosedPoolError: The pool is closed.
        """
        try:
            self._free.get(timeout=self._wait_s)
        except Empty:
            raise EmptyPoolError(self, "all connections are in use") from None
        if self.closed:
            self._free.put(None)
            raise ClosedPoolError(self, "the pool is closed")
        try:
            connection = self._kept.pop()
        except IndexError:
            return self._connection()
        if not connection.is_connected:
            connection.close()
        return connection

    def put(self, connection: Connection) -> None:
        """
        Put a connection back.
        """
        self._kept.append(connection)
        if self.closed:
            connection.close()
        self._free.put(None)

    def close(self) -> None:
        """
        Close all connections: those that are in use when they are put back.
        """
        self.closed = True
        _close(self._kept)


def _close(connections: deque[Connection]) -> None:
    for connection in list(connections):
        connection.close()
