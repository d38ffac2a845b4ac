"""
How requests get to OPA: a session in the shape of requests', over a pool of urllib3's.

requests' own session takes proxies, .netrc and CA bundles from the environment, throws connections
away when more threads ask than it keeps, and shares its sockets with forked children. This one does
none of that, knows Unix sockets, and costs a tenth.
"""

import os
import ssl
import weakref
from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPException
from typing import Any, Final, cast
from urllib.parse import urljoin

import msgspec
import requests
from httptools import HttpParserError, HttpParserUpgrade
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import (
    HostChangedError,
    ProtocolError,
    ReadTimeoutError,
    ResponseError,
    SSLError,
)
from urllib3.util import parse_url

from sidecar.engine.connection import (
    Connection,
    Dropped,
    TlsConnection,
    UnixConnection,
)
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.reader import Received
from sidecar.observability.spans import outgoing

_JSON: Final = {"Content-Type": "application/json"}
_OK: Final = frozenset({200, 204})
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_MOVES: Final = 3
_QUESTIONS: Final = frozenset({"GET", "POST"})


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
        for _ in range(_MOVES + 1):
            answer = self._asked("GET", url, **how)
            to = answer.headers.get(b"location")
            if answer.status not in _MOVED or to is None:
                return Response(answer.status, answer.body)
            url = urljoin(url, to.decode("latin-1"))
            if not url.startswith(f"{self._root}/"):
                raise HostChangedError(self._pool, url)
        raise ResponseError("redirects for ever")

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

    def _request(self, method: str, url: str, **how: Any) -> Response:
        answer = self._asked(method, url, **how)
        return Response(answer.status, answer.body)

    def _asked(
        self,
        method: str,
        url: str,
        *,
        json: Any = msgspec.UNSET,
        data: bytes | None = None,
        headers: Mapping[str, str] = _JSON,
        timeout: Timeout | None = None,
    ) -> Received:
        body = data if json is msgspec.UNSET else msgspec.json.encode(json)
        request = _request(_head(method, url, self._root), {**headers, **outgoing()}, body)
        timeout = timeout or self._endpoint.timeout()
        # Where OPA ends, all that were kept are dropped: each is found out by itself.
        for left in reversed(range(self._endpoint.connections + 1)):
            try:
                return self._exchanged(url, request, timeout)
            except ProtocolError as broken:
                again = method in _QUESTIONS and isinstance(broken.args[-1], Dropped)
                if not (again and left):
                    raise
        raise AssertionError("the last try answers or raises")

    def _exchanged(self, url: str, request: bytes, timeout: Timeout) -> Received:
        pool = self._pool
        # Its pool is what urllib3 is used for: its own way of asking is most of what it costs.
        connection = cast(Connection, pool._get_conn(self._endpoint.wait_s))
        try:
            return connection.ask(request, timeout)
        except TimeoutError as slow:
            raise ReadTimeoutError(pool, url, "the answer takes too long") from slow
        except ssl.SSLError as wrong:
            raise SSLError(wrong) from wrong
        except (OSError, HTTPException, HttpParserError, HttpParserUpgrade) as broken:
            raise ProtocolError("the connection is of no more use", broken) from broken
        finally:
            pool._put_conn(connection)


@lru_cache(maxsize=256)
def _head(method: str, url: str, root: str) -> bytes:
    """
    Write a request's first lines. Few addresses are asked, again and again.

    Raises:
        requests.exceptions.InvalidURL: It is not an address of OPA's.
    """
    if not url.startswith(f"{root}/"):
        raise requests.exceptions.InvalidURL("not an address of OPA's")
    _, _, host = root.partition("://")
    line = f"{method} {parse_url(url).request_uri} HTTP/1.1"
    return f"{line}\r\nHost: {host}\r\nAccept-Encoding: identity\r\n".encode()


def _request(head: bytes, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """
    Write a request, in one piece.

    Raises:
        requests.exceptions.InvalidHeader: A header would be more than one line.
    """
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise requests.exceptions.InvalidHeader("a header is one line of plain letters")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return b"%b%b\r\n\r\n%b" % (head, "\r\n".join(lines).encode(), body or b"")


def _pool(endpoint: Endpoint) -> HTTPConnectionPool:
    how: dict[str, Any] = {"maxsize": endpoint.connections, "block": True}
    kind: type[HTTPConnectionPool] = HTTPConnectionPool
    connection: type[Connection] = Connection
    if endpoint.tls:
        kind, connection = HTTPSConnectionPool, TlsConnection
        how["ssl_context"] = endpoint.tls_context()
    if endpoint.socket:
        connection = UnixConnection
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
