"""
How requests get to OPA: a session in the shape of requests', over a pool of urllib3's.

requests' own session takes proxies, .netrc and CA bundles from the environment, throws connections
away when more threads ask than it keeps, and shares its sockets with forked children. This one does
none of that, knows Unix sockets, and costs a third.
"""

import os
import socket
import weakref
from functools import partial
from http.client import RemoteDisconnected
from typing import Any, Final

import msgspec
import requests
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProtocolError

from sidecar.engine.endpoint import Endpoint
from sidecar.observability.spans import outgoing

_JSON: Final = {"Content-Type": "application/json"}
_OK: Final = frozenset({200, 204})
_QUESTIONS: Final = frozenset({"GET", "POST"})

# Counts redirects, and nothing else: whatever else goes wrong raises at once.
_FOLLOW: Final = Retry(total=None, connect=False, read=False, other=False, redirect=3)


class Response:
    """
    An answer, in the shape of requests'.

    Attributes:
        status_code: The HTTP status.

        content: The body.
    """

    __slots__ = ("content", "status_code")

    def __init__(self, status_code: int, content: bytes) -> None:
        self.status_code = status_code
        self.content = content

    @property
    def text(self) -> str:
        """
        The body as text.
        """
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """
        Return the body as parsed JSON.

        Raises:
            requests.exceptions.InvalidJSONError: It is none.
        """
        try:
            return msgspec.json.decode(self.content)
        except (ValueError, RecursionError) as wrong:
            raise requests.exceptions.InvalidJSONError("the body is not JSON") from wrong

    def raise_for_status(self) -> None:
        """
        Raise unless the status is one that OPA answers with.

        Raises:
            requests.exceptions.HTTPError: It is another one, a redirection too.
        """
        if self.status_code not in _OK:
            raise requests.exceptions.HTTPError(
                f"answered with status {self.status_code}",
                response=self,  # type: ignore[arg-type]
            )


class Session:
    """
    A session in the shape of requests', as far as the client needs one. Safe to share between
    threads, and to fork.

    Raises what urllib3 raises, all of it below `urllib3.exceptions.HTTPError`.

    Args:
        endpoint: Where OPA listens, and how it is asked.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        scheme = "https" if endpoint.tls else "http"
        self._root = f"{scheme}://{endpoint.host}:{endpoint.port}"
        self._pool = _pool(endpoint)
        _renew_in_children(self)

    def get(self, url: str, **how: Any) -> Response:
        """
        Ask, and follow where OPA redirects to.
        """
        return self._request("GET", url, follow=True, **how)

    def post(self, url: str, **how: Any) -> Response:
        """
        Ask with a body. Never follows: the body must not get anywhere else.
        """
        return self._request("POST", url, **how)

    def put(self, url: str, **how: Any) -> Response:
        """
        Replace what is there.
        """
        return self._request("PUT", url, **how)

    def patch(self, url: str, **how: Any) -> Response:
        """
        Change what is there.
        """
        return self._request("PATCH", url, **how)

    def delete(self, url: str, **how: Any) -> Response:
        """
        Remove what is there.
        """
        return self._request("DELETE", url, **how)

    def close(self) -> None:
        """
        Close the connections that are kept.
        """
        self._pool.close()

    def renew(self) -> None:
        """
        Take new connections: in a forked child the old ones are the parent's.
        """
        if self._pool.pool is not None:
            # A thread that the child does not have may have held the lock.
            self._pool.pool.mutex._at_fork_reinit()  # type: ignore[attr-defined]
            self._pool.close()
            self._pool = _pool(self._endpoint)

    def _request(
        self,
        method: str,
        url: str,
        *,
        json: Any = msgspec.UNSET,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: Timeout | None = None,
        follow: bool = False,
    ) -> Response:
        ask = partial(
            self._pool.urlopen,
            method,
            self._target(url),
            body=data if json is msgspec.UNSET else msgspec.json.encode(json),
            headers={**(headers or _JSON), **outgoing()},
            timeout=timeout or self._endpoint.timeout(),
            pool_timeout=self._endpoint.wait_s,  # type: ignore[arg-type]
            retries=_FOLLOW if follow else False,
            redirect=follow,
        )
        # Where OPA ends, all that were kept are dropped: each is found out by itself.
        for left in reversed(range(self._endpoint.connections + 1)):
            try:
                answer = ask()
                break
            except ProtocolError as broken:
                again = method in _QUESTIONS and isinstance(broken.args[-1], _Dropped)
                if not (again and left):
                    raise
        return Response(answer.status, answer.data)

    def _target(self, url: str) -> str:
        if not url.startswith(f"{self._root}/"):
            raise requests.exceptions.InvalidURL("not an address of OPA's")
        return url[len(self._root) :]


class _Dropped(RemoteDisconnected):
    """
    OPA closed a kept connection just when it was used again. Nothing was answered, and a question
    may be asked twice.
    """


class _Kept(HTTPConnection):
    """
    A connection that knows whether it has been used before.
    """

    _used = False

    def connect(self) -> None:
        """
        Open it: from here on it is unused.
        """
        self._used = False
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """
        Read the answer.

        Raises:
            _Dropped: There is none, on a connection that had been used before.
        """
        try:
            response = super().getresponse()
        except (RemoteDisconnected, ConnectionResetError) as broken:
            if self._used:
                raise _Dropped("closed between two requests") from broken
            raise
        self._used = True
        return response


class _KeptTls(_Kept, HTTPSConnection):
    """
    The same, over TLS.
    """


class _KeptUnix(_Kept):
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


def _pool(endpoint: Endpoint) -> HTTPConnectionPool:
    how: dict[str, Any] = {"maxsize": endpoint.connections, "block": True}
    kind: type[HTTPConnectionPool] = HTTPConnectionPool
    connection: type[HTTPConnection] = _Kept
    if endpoint.tls:
        kind, connection = HTTPSConnectionPool, _KeptTls
        how["ssl_context"] = endpoint.tls_context()
    if endpoint.socket:
        connection = _KeptUnix
        how["path"] = endpoint.socket
    pool = kind(endpoint.host, endpoint.port, **how)
    pool.ConnectionCls = connection
    return pool


def _renew_in_children(session: Session) -> None:
    # Hooks stay for ever: a session that nobody uses any more must not stay with them.
    known = weakref.ref(session)

    def renew() -> None:
        if (found := known()) is not None:
            found.renew()

    os.register_at_fork(after_in_child=renew)
