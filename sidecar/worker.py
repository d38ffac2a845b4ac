"""
gunicorn's worker, made fit for callers of every kind, and for a stop at any time.
"""

import os
import signal
import time
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from sidecar.connection import Bounded, Connection, TlsConnection
from sidecar.errors import InternalError, RequestError

if TYPE_CHECKING:
    from sidecar.server import Server

_STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Worker(ThreadWorker):  # type: ignore[misc]
    """
    gunicorn's worker, whose threads are for requests, not for callers that take their time.
    """

    app: "Server"

    def init_signals(self) -> None:
        """
        Listen to the master, also to what it has said since the fork.
        """
        super().init_signals()
        let_stops_through()

    def run(self) -> None:
        """
        Serve until told to stop, and leave no record unwritten and no span unsent.
        """
        try:
            super().run()
        finally:
            for kept in map(self.wsgi.extensions.get, ("records", "traces")):
                if kept:
                    kept.close()

    def handle_quit(self, *_: Any) -> NoReturn:
        """
        End at once. A handler may have interrupted whoever holds a lock, and must not want one.
        """
        os._exit(0)

    def enqueue_req(self, conn: Any) -> None:
        """
        Give a connection to a thread, once something has come in.
        """
        if not isinstance(conn.sock, Bounded):
            conn.sock = Connection.of(conn.sock)
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.app.settings.server.receive_within_s
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: Any) -> Any:
        """
        Read a request and answer it, in a thread. Only from here on the caller's time counts.
        """
        conn.sock.expect_all_within(self.app.settings.server.receive_within_s)
        return super().handle(conn)

    def set_accept_enabled(self, enabled: bool) -> None:
        """
        Let callers in, or not. At the end, those who wait already are the last.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in (listener for listener in self.sockets if listener.sock):
            before = -1
            while before < self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            listener.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """
        Answer what is not HTTP as any other error: neither the answer nor the log quotes it.
        """
        self.log.warning("a request could not be read: %s", type(exc).__name__)
        wrong = RequestError() if isinstance(exc, ParseException) else InternalError()
        body = msgspec.json.encode({"error": wrong.described()})
        head = (
            f"HTTP/1.1 {wrong.status} {'Bad Request' if wrong.status == 400 else 'Error'}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        with suppress(OSError):
            client.sendall(head.encode() + body)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        kept = bool(super()._keepalive_after(conn, keepalive))
        if kept and isinstance(conn.sock, TlsConnection) and (more := conn.sock.pending()):
            # The next request came with this one: it is decrypted, and the poller will not see it.
            unreader = conn.parser.unreader
            unreader.unread(unreader.take_buffered() + conn.sock.recv(more))
        return kept

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        # Who has not sent anything has no request under way that the end would have to wait for.
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)


def hold_stops() -> None:
    """
    Keep the master's word from a process that is being forked: it has the master's handlers at
    first, and what reached it then would be lost.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)


def let_stops_through(_: object = None) -> None:
    """
    Let it through again, with what has come since.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
