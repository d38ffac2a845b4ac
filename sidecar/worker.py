"""
gunicorn's worker, made fit for callers of every kind, and for a stop at any time.
"""

import os
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import attrgetter
from selectors import EVENT_READ
from socket import socket
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from sidecar.connection import Bounded, Connection, TlsConnection
from sidecar.errors import InternalError, RequestError
from sidecar.heap import keep_some
from sidecar.observability.current import SOON
from sidecar.threads import Threads

if TYPE_CHECKING:
    from sidecar.hot import Hot, Written
    from sidecar.server import Server

_ONCE_IN_S: Final = 1.0
_STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Worker(ThreadWorker):  # type: ignore[misc]
    """
    gunicorn's worker, whose threads are for requests, not for callers that take their time.
    """

    app: "Server"
    tpool: Threads
    keepalived_conns: deque[Any]
    _hot: "Hot | None" = None
    _heard_at = 0.0
    _looked_at = 0.0

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
        keep_some()
        soon = self.wsgi.extensions.get(SOON)
        if soon and not self.cfg.is_ssl:
            # The master has no use for what it needs.
            from sidecar.api.paths import DECISIONS
            from sidecar.hot import Hot

            self._hot = Hot(self.cfg, soon, DECISIONS)
        try:
            super().run()
        finally:
            for kept in map(self.wsgi.extensions.get, ("records", "traces")):
                if kept:
                    kept.close()

    def get_thread_pool(self) -> Threads:
        """
        Have threads of our own.
        """
        return Threads(self.cfg.threads)

    def handle_quit(self, *_: Any) -> NoReturn:
        """
        End at once. A handler may have interrupted whoever holds a lock, and must not want one.
        """
        os._exit(0)

    def notify(self) -> None:
        """
        Tell the master that all is well, once in a while.
        """
        now = time.monotonic()
        if now - self._heard_at > _ONCE_IN_S:
            self._heard_at = now
            super().notify()

    def murder_keepalived(self, force: bool = False) -> None:
        """
        Let callers go that have not asked for long, or all.
        """
        now = time.monotonic()
        if not force and now - self._looked_at < _ONCE_IN_S and self.alive:
            return
        self._looked_at = now
        # The one who has not asked for the longest time is to come first.
        self.keepalived_conns = deque(sorted(self.keepalived_conns, key=attrgetter("timeout")))
        super().murder_keepalived(force)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """
        Answer who asks again.
        """
        if not self._answered(conn, self.keepalived_conns):
            super().on_client_socket_readable(conn, client)

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """
        Answer who asks for the first time.
        """
        if not self._answered(conn, self.pending_conns):
            super().on_pending_socket_readable(conn, client)

    def enqueue_req(self, conn: Any) -> None:
        """
        Give a connection to a thread, once something has come in.
        """
        if not isinstance(conn.sock, Bounded):
            conn.sock = Connection.of(conn.sock)
        if conn.initialized or conn.data_ready:
            self._in_thread(conn, partial(self.handle, conn))
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.app.settings.server.receive_within_s
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _answered(self, conn: Any, among: deque[Any]) -> bool:
        """
        Take the short way, where there is one for a request.
        """
        if self._hot is None or not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
            return False
        if not conn.initialized:
            conn.init()
            conn.sock.setblocking(False)
        try:
            taken = self._hot.take(conn)
            left = _sent(conn.sock, taken.answer) if taken and taken.answer else b""
        except BlockingIOError:
            return True
        except OSError:
            # Whoever reads next finds out what is wrong.
            return False
        except Exception as wrong:
            # It must end no more than this connection.
            self._leave(conn, among, partial(self._fail, conn, wrong))
            return True
        if taken is None:
            return False
        self.nr += 1
        if taken.answer is None:
            self._leave(conn, among, partial(self._finish, conn, taken.finish))
        elif left:
            self._leave(conn, among, partial(self._send, conn, left, keep=True))
        else:
            self._keep(conn, among)
        return True

    def _keep(self, conn: Any, among: deque[Any]) -> None:
        conn.set_timeout()
        if among is not self.keepalived_conns:
            among.remove(conn)
            self.keepalived_conns.append(conn)
            again = partial(self.on_client_socket_readable, conn)
            self.poller.modify(conn.sock, EVENT_READ, again)

    def _leave(self, conn: Any, among: deque[Any], task: Callable[[], bool]) -> None:
        """
        Have a thread do what may have to wait, and hear nothing from the connection meanwhile.
        """
        self.poller.unregister(conn.sock)
        among.remove(conn)
        self._in_thread(conn, task)

    def _in_thread(self, conn: Any, task: Callable[[], object]) -> None:
        self.tpool.do(task, partial(self.method_queue.defer, self.finish_request, conn))

    def _finish(self, conn: Any, finish: "Callable[[bool], Written]") -> bool:
        keep = bool(self.alive)
        left = _sent(conn.sock, finish(keep))
        return self._send(conn, left, keep=keep) if left else keep

    def _fail(self, conn: Any, wrong: Exception) -> bool:
        conn.sock.setblocking(True)
        self.handle_error(None, conn.sock, conn.client, wrong)
        return False

    def _send(self, conn: Any, content: bytes, *, keep: bool) -> bool:
        conn.sock.setblocking(True)
        conn.sock.sendall(content)
        return keep

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


def _sent(sock: socket, answer: "Written") -> bytes:
    """
    Send what can be sent at once, and return what is left.
    """
    try:
        sent = sock.sendmsg(answer)
    except OSError:
        # Who sends the rest finds out what is wrong.
        sent = 0
    return b"" if sent == sum(map(len, answer)) else b"".join(answer)[sent:]


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
