"""
Connections from callers. One that is too slow is taken to have hung up.
"""

import errno
import math
import socket
import ssl
import time
from typing import Any, Final, Self

import structlog

_log = structlog.stdlib.get_logger("sidecar")

_HANGS_UP_WITHIN_S: Final = 0.05


class Bounded(socket.socket):
    """
    A socket whose caller has until a set time to send what it has to send.
    """

    deadline = math.inf

    def expect_all_within(self, seconds: float) -> None:
        """
        Set how long it may take until a whole request is there.
        """
        self.deadline = time.monotonic() + seconds

    def recv(self, *size: int) -> bytes:
        """
        Receive what is there; nothing once the time is over.

        Raises:
            TimeoutError: A timeout that was set on the socket was over before.
        """
        left = self.deadline - time.monotonic()
        timeout = self.gettimeout()
        if timeout is not None and timeout <= left:
            return super().recv(*size)
        if left <= 0:
            return b""
        self.settimeout(left)
        try:
            return super().recv(*size)
        except TimeoutError:
            return b""
        finally:
            self.settimeout(timeout)

    def recv_now(self, size: int) -> bytes:
        """
        Receive what is there.

        Raises:
            BlockingIOError: Nothing is, and the socket does not wait.
        """
        return super().recv(size)

    def shutdown(self, how: int) -> None:
        """
        Say that nothing more is sent; gunicorn then waits until the caller hangs up.
        """
        super().shutdown(how)
        # It does so in the loop that everybody waits for.
        self.expect_all_within(_HANGS_UP_WITHIN_S)


class Connection(Bounded):
    """
    A connection as it was accepted.
    """

    @classmethod
    def of(cls, accepted: socket.socket) -> Self:
        """
        Take over a connection that was accepted.
        """
        return cls(fileno=accepted.detach())


class TlsConnection(Bounded, ssl.SSLSocket):
    """
    A connection over TLS. Made by a context alone.
    """

    def do_handshake(self, block: bool = False) -> None:
        """
        Agree on keys, within the time that there is to send a request.

        Raises:
            ConnectionResetError: It did not come to that; gunicorn then lets the caller go.
        """
        timeout = self.gettimeout()
        left = self.deadline - time.monotonic()
        self.settimeout(timeout if left == math.inf else max(0.001, left))
        try:
            super().do_handshake(block)
        except OSError as wrong:
            # OpenSSL's own word for it, and nothing that was sent.
            reason = getattr(wrong, "reason", None) or type(wrong).__name__
            _log.info("no TLS with a caller", reason=reason)
            raise ConnectionResetError(errno.ECONNRESET, "no TLS") from wrong
        self.settimeout(timeout)


class Context(ssl.SSLContext):
    """
    A context for a server, whose connections are bounded.
    """

    sslsocket_class = TlsConnection

    def wrap_socket(self, sock: socket.socket, *how: Any, **named: Any) -> TlsConnection:
        """
        Put TLS on a connection, which has no more time than before.
        """
        wrapped = super().wrap_socket(sock, *how, **named)
        assert isinstance(wrapped, TlsConnection)
        wrapped.deadline = getattr(sock, "deadline", math.inf)
        return wrapped
