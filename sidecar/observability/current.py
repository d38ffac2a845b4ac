"""
The request that is under way, for whoever logs meanwhile: each event says by which request it came,
and in which trace that is.
"""

from collections.abc import Callable, Iterable, MutableMapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from sidecar.traceparent import TraceParent

if TYPE_CHECKING:
    from flask import Flask

SOON: Final = "soon"
"""
By which name an application has what answers at once, where it has that.
"""

_current: Final[ContextVar[dict[str, Any] | None]] = ContextVar("request", default=None)


def stand_before(app: "Flask") -> None:
    """
    Have an application's requests known while they are under way.
    """
    inner = app.wsgi_app

    def known(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        before = _current.set(environ)
        try:
            return inner(environ, start_response)
        finally:
            _current.reset(before)

    app.wsgi_app = known  # type: ignore[method-assign]
    soon = app.extensions.get(SOON)
    if soon is None:
        return

    def known_soon(environ: dict[str, Any]) -> Any:
        # What calls it gives each request a context of its own, where it stays known.
        _current.set(environ)
        return soon(environ)

    app.extensions[SOON] = known_soon


def named(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """
    Add to an event the names of the request that is under way, and of its trace.
    """
    environ = _current.get()
    if environ is None:
        return event
    if (request_id := environ.get("HTTP_X_REQUEST_ID")) is not None:
        event["request_id"] = request_id
    if trace := TraceParent.read(environ.get("HTTP_TRACEPARENT")):
        event["trace_id"] = trace.trace_id
    return event
