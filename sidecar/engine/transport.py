"""
How requests get to OPA: a session in the shape of requests', over connections that are kept.

requests' own session takes proxies, .netrc and CA bundles from the environment, throws connections
away when more threads ask than it keeps, and shares its sockets with forked children. This one does
none of that, knows Unix sockets, and costs a tenth.
"""

import os
import ssl
import weakref
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urljoin

import msgspec
import requests
from httptools import HttpParserError, HttpParserUpgrade
from urllib3 import Timeout
from urllib3.exceptions import (
    HostChangedError,
    ProtocolError,
    ReadTimeoutError,
    ResponseError,
    SSLError,
)
from urllib3.util import parse_url

from sidecar.engine.connection import Dropped
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.pool import Pool
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
        self._pool = Pool(endpoint)
        _renew_in_children(self)

    def get(self, url: str, **how: Any) -> Response:
        """
        Ask, and follow where OPA redirects to.
        """
        for _ in range(_MOVES + 1):
            answer = self._asked("GET", url, **how)
            to = answer.headers.get(b"location")
            if answer.status not in _MOVED or to is None:
                return _response(answer)
            url = urljoin(url, to.decode("latin-1"))
            if not url.startswith(f"{self._root}/"):
                raise HostChangedError(self._pool, url)
        raise ResponseError("redirects for ever")

    def post(self, url: str, **how: Any) -> Response:
        """
        Ask with a body. Never follows: the body must not get anywhere else.
        """
        return _response(self._asked("POST", url, **how))

    def put(self, url: str, **how: Any) -> Response:
        """
        Replace what is there.
        """
        return _response(self._asked("PUT", url, **how))

    def patch(self, url: str, **how: Any) -> Response:
        """
        Change what is there.
        """
        return _response(self._asked("PATCH", url, **how))

    def delete(self, url: str, **how: Any) -> Response:
        """
        Remove what is there.
        """
        return _response(self._asked("DELETE", url, **how))

    def close(self) -> None:
        """
        Close the connections that are kept.
        """
        self._pool.close()

    def renew(self) -> None:
        """
        Take new connections: in a forked child the old ones are the parent's.
        """
        if not self._pool.closed:
            self._pool.close()
            self._pool = Pool(self._endpoint)

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
        head = _head(method, url, self._root, tuple(headers.items()))
        request = _request(head, outgoing(), body)
        timeout = timeout or self._endpoint.timeout()
        # Where OPA ends, all that were kept are dropped: each is found out by itself.
        for _ in range(self._endpoint.connections if method in _QUESTIONS else 0):
            try:
                return self._exchanged(url, request, timeout)
            except ProtocolError as broken:
                if not isinstance(broken.args[-1], Dropped):
                    raise
        return self._exchanged(url, request, timeout)

    def _exchanged(self, url: str, request: bytes, timeout: Timeout) -> Received:
        pool = self._pool
        connection = pool.take()
        try:
            return connection.ask(request, timeout)
        except TimeoutError as slow:
            raise ReadTimeoutError(pool, url, "the answer takes too long") from slow
        except ssl.SSLError as wrong:
            raise SSLError(wrong) from wrong
        except (OSError, HTTPException, HttpParserError, HttpParserUpgrade) as broken:
            raise ProtocolError("the connection is of no more use", broken) from broken
        finally:
            pool.put(connection)


@lru_cache(maxsize=256)
def _head(method: str, url: str, root: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """
    Write a request's first lines. Few addresses are asked, again and again.

    Raises:
        requests.exceptions.RequestException: The address is not OPA's, or a header is not one line.
    """
    if not url.startswith(f"{root}/"):
        raise requests.exceptions.InvalidURL("not an address of OPA's")
    to = parse_url(url)
    line = f"{method} {to.request_uri} HTTP/1.1\r\n".encode()
    return line + _lines((("Host", str(to.netloc)), ("Accept-Encoding", "identity"), *headers))


def _lines(headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers]
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise requests.exceptions.InvalidHeader("a header is one line of plain letters")
    return "".join(f"{line}\r\n" for line in lines).encode()


def _request(head: bytes, traced: Mapping[str, str], body: bytes | None) -> bytes:
    """
    Write a request, in one piece.

    Raises:
        requests.exceptions.InvalidHeader: A header is not one line.
    """
    if traced:
        head += _lines(traced.items())
    if body is None:
        return head + b"\r\n"
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _response(received: Received) -> Response:
    return Response(received.status, received.body)


def _renew_in_children(session: Session) -> None:
    # Hooks stay for ever: a session that nobody uses any more must not stay with them.
    known = weakref.ref(session)

    def renew() -> None:
        if (found := known()) is not None:
            found.renew()

    os.register_at_fork(after_in_child=renew)
