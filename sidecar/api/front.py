"""
What happens to every request, before an endpoint gets it and after: who asks is let in or not, an
error becomes an answer, a request gets its name back, and is logged.

Flask calls this through its hooks. The endpoints that decide are called without Flask, which takes
longer to find an endpoint than they take to answer from memory: `Front` is where that is done, with
the same pieces.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from time import perf_counter
from typing import Any, Final

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from sidecar import errors
from sidecar.api.request import Endpoint, Environ, Reply, Rest, finished, header, reply
from sidecar.callers.gate import Gate

_log = structlog.stdlib.get_logger("sidecar")

_OURS: Final[dict[type[HTTPException], type[errors.SidecarError]]] = {
    NotFound: errors.NotFound,
    MethodNotAllowed: errors.MethodNotAllowed,
}
_BEGIN: Final = "sidecar.begin"

Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

Soon = Callable[[Environ], Reply | Rest | None]
"""
Answers a request, or says what is left to do for that; None where it is not for the request.
"""


class Front:
    """
    Stands before the endpoints.

    Args:
        gate: Who lets callers in; None where all are.

        failed: Told the code of each error.
    """

    def __init__(self, gate: Gate | None, failed: Callable[[str], None]) -> None:
        self._gate = gate
        self._failure = failed
        self._verbose = logging.getLogger("sidecar").isEnabledFor(logging.INFO)

    def stand_before(self, app: Flask) -> None:
        """
        Have Flask do all that is done here.
        """

        @app.before_request
        def begin() -> None:
            self._begin(request.environ)

        @app.after_request
        def end(response: Response) -> Response:
            self._end(request.environ, response.status_code, response.headers, _route())
            return response

        @app.errorhandler(Exception)
        def fail(wrong: Exception) -> Response:
            return self._failed(wrong, _route()).response()

    def soon(self, endpoints: Mapping[str, Endpoint]) -> Soon:
        """
        Return what answers requests that ask for a decision, as far as nothing is to be waited for.

        Args:
            endpoints: What they are for, by their paths; each is asked with POST.
        """

        def soon(environ: Environ) -> Reply | Rest | None:
            path = environ.get("PATH_INFO", "")
            endpoint = endpoints.get(path)
            # An upgrade is none that Flask would let through to here.
            if endpoint is None or environ["REQUEST_METHOD"] != "POST" or "HTTP_UPGRADE" in environ:
                return None

            def begun() -> Reply | Rest:
                self._begin(environ)
                return endpoint(environ)

            if self._gate and self._gate.waits:
                return partial(self._waited, lambda: finished(begun()), environ, path)
            try:
                got = begun()
            except Exception as wrong:
                got = self._failed(wrong, path)
            if isinstance(got, Reply):
                return self._ended(environ, got, path)
            return partial(self._waited, got, environ, path)

        return soon

    def hot(self, app: Wsgi, soon: Soon) -> Wsgi:
        """
        Take requests that ask for a decision before an application does.

        Args:
            app: Gets all others.

            soon: Answers them.
        """

        def take(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            got = soon(environ)
            if got is None:
                return app(environ, start_response)
            done = finished(got)
            start_response(done.line, list(done.headers.items()))
            return (done.body,)

        return take

    def _waited(self, rest: Rest, environ: Environ, path: str) -> Reply:
        try:
            got = rest()
        except Exception as wrong:
            got = self._failed(wrong, path)
        return self._ended(environ, got, path)

    def _ended(self, environ: Environ, got: Reply, path: str) -> Reply:
        self._end(environ, got.status, got.headers, path)
        got.headers["Content-Length"] = str(len(got.body))
        return got

    def _begin(self, environ: Environ) -> None:
        """
        Let a request in.

        Raises:
            SidecarError: Who asks may not.
        """
        if self._verbose:
            environ[_BEGIN] = perf_counter()
        if self._gate:
            self._gate.admit(environ)

    def _end(self, environ: Environ, status: int, headers: Any, route: str | None) -> None:
        """
        Give a response its request's name back (AuthZEN 1.0, section 10.1.4), and log it.
        """
        name = header(environ, "X_REQUEST_ID")
        if name is not None:
            headers["X-Request-ID"] = name
        if self._verbose:
            _log.info(
                "request",
                method=environ["REQUEST_METHOD"],
                route=route,
                status=status,
                request_id=name,
                decision_id=headers.get("X-Decision-ID"),
                seconds=round(perf_counter() - environ[_BEGIN], 6),
            )

    def _failed(self, wrong: Exception, route: str | None) -> Reply:
        match wrong:
            case errors.SidecarError():
                return self._error(wrong, route)
            case HTTPException():
                got = self._error(_OURS.get(type(wrong), errors.RequestError)(), route)
                if isinstance(wrong, MethodNotAllowed) and wrong.valid_methods:
                    got.headers["Allow"] = ", ".join(wrong.valid_methods)
                return got
        _log.error("unforeseen", exc_info=wrong)
        return self._error(errors.InternalError(), route)

    def _error(self, wrong: errors.SidecarError, route: str | None) -> Reply:
        # What is asked of no endpoint is no decision that could have been made.
        if not isinstance(wrong, errors.NotFound | errors.MethodNotAllowed):
            self._failure(wrong.code)
        if isinstance(wrong, errors.EngineError):
            _log.error("no decision", code=wrong.code, route=route)
        got = reply({"error": wrong.described()}, status=wrong.status)
        got.headers |= wrong.headers
        return got


def _route() -> str | None:
    """
    The rule that a request matched; its path may hold what nobody else may see.
    """
    return request.url_rule.rule if request.url_rule else None
