"""
Traces with OpenTelemetry: a span for each request, below the caller's own, and one for each part
of its answer. They are sent by a thread of their own: a collector that is away or slow holds up
nobody, and what does not fit until it is back is lost.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final

import requests
from flask import Flask
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sidecar.errors import SidecarError
from sidecar.gateway.proxies import ENDPOINT
from sidecar.names import new_id
from sidecar.observability.current import SOON
from sidecar.observability.settings import Traces
from sidecar.observability.spans import Attributes, drawing

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_LAST_SENDING_S: Final = 5.0
_EVERY_MS: Final = 1000
_BATCH: Final = 512

# Who only looks whether all is well asks so often that nobody would find anything else.
_NOT_DRAWN: Final = frozenset({"/healthz", "/readyz", "/metrics", "/metrics/opa"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Not `tracestate`: it may hold anything, and would be sent to the collector.
_HEADER: Final = "traceparent"
_KEY: Final = "HTTP_TRACEPARENT"
_KINDS: Final = {"opa": SpanKind.CLIENT}


class Tracing:
    """
    Draws traces of an application's requests. To be made after the fork: its thread is started.

    Args:
        settings: Where traces go, and how many are drawn.
    """

    def __init__(self, settings: Traces) -> None:
        assert settings.url is not None
        # For each span that does not fit, it would say so again.
        logging.getLogger("opentelemetry.sdk._shared_internal").setLevel(logging.ERROR)
        named = {"service.name": "sidecar", "service.version": version("sidecar")}
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.sample)),
            resource=Resource.create({**named, "service.instance.id": new_id()}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(
            settings.url,
            certificate_file=None if settings.ca is None else str(settings.ca),
            timeout=settings.upload_within_s,
            compression=Compression.Gzip,
            session=_session(settings),
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=max(settings.waiting, _BATCH),
                schedule_delay_millis=_EVERY_MS,
                max_export_batch_size=_BATCH,
            )
        )
        self._tracer = self._provider.get_tracer("sidecar", version("sidecar"))
        self._propagator = TraceContextTextMapPropagator()

    def stand_before(self, app: Flask) -> None:
        """
        Draw an application's requests from now on.
        """
        routes = {rule.rule for rule in app.url_map.iter_rules() if not rule.arguments}
        app.wsgi_app = self._drawn(app.wsgi_app, routes)  # type: ignore[assignment, method-assign]
        app.extensions["traces"] = self
        # A span ends where a call returns: every request takes the way on which that is its end.
        app.extensions.pop(SOON, None)

    @contextmanager
    def span(self, name: str) -> Iterator[Callable[[Attributes], None]]:
        """
        Draw a span. Where it ends by an error, that is told by its code: a text may quote anything.
        """
        with self._tracer.start_as_current_span(
            name,
            kind=_KINDS.get(name, SpanKind.INTERNAL),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span.set_attributes
            except SidecarError as wrong:
                span.set_attribute("error.type", wrong.code)
                span.set_status(StatusCode.ERROR)
                raise

    def headers(self) -> Mapping[str, str]:
        """
        Say where the request stands in its trace.
        """
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    def close(self) -> None:
        """
        Send what waits, as far as the collector takes it in time, and end.
        """
        # A thread, for this would wait as long as a collector that does not answer would have it.
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(_LAST_SENDING_S)

    def _drawn(self, app: Wsgi, routes: set[str]) -> Wsgi:
        def draw(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if path in _NOT_DRAWN:
                return app(environ, start_response)
            given = {_HEADER: environ[_KEY]} if _KEY in environ else {}
            name, attributes = _named(environ["REQUEST_METHOD"], _route(path, routes))
            with self._tracer.start_as_current_span(
                name,
                context=self._propagator.extract(given),
                kind=SpanKind.SERVER,
                attributes=attributes,
                record_exception=False,
                set_status_on_exception=False,
            ) as span:

                def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
                    code = int(status[:3])
                    span.set_attribute("http.response.status_code", code)
                    if code >= 500:
                        span.set_status(StatusCode.ERROR)
                    if decision_id := dict(headers).get("X-Decision-ID"):
                        span.set_attribute("sidecar.decision_id", decision_id)
                    return start_response(status, headers, *more)

                # From here on the request stands at this span: in records, metrics and logs too.
                environ[_KEY] = self.headers()[_HEADER]
                before = drawing.set(self)
                try:
                    return app(environ, started)
                finally:
                    drawing.reset(before)

        return draw


def _session(settings: Traces) -> requests.Session:
    """
    Make a session that takes nothing from the environment, and follows nobody elsewhere.
    """
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0

    def authorized(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if token := settings.token():
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    session.auth = authorized
    return session


def _route(path: str, routes: set[str]) -> str | None:
    """
    Find the route of a path, which may hold what nobody else may see; None where there is none.
    """
    if path in routes:
        return path
    return ENDPOINT if path == ENDPOINT or path.startswith(f"{ENDPOINT}/") else None


def _named(method: str, route: str | None) -> tuple[str, Attributes]:
    known = method if method in _METHODS else "_OTHER"
    attributes: dict[str, str] = {"http.request.method": known}
    if route is not None:
        attributes["http.route"] = route
    verb = known if known in _METHODS else "HTTP"
    return f"{verb} {route}" if route else verb, attributes
