"""
The Flask application: which endpoint is where, and what an error is answered with.
"""

import logging
import os
from collections.abc import Callable
from time import perf_counter

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Rule

from sidecar import errors
from sidecar.api import health, paths
from sidecar.api.discovery import DiscoveryEndpoint
from sidecar.api.evaluation import EvaluationEndpoint
from sidecar.api.evaluations import EvaluationsEndpoint
from sidecar.api.metrics import MetricsEndpoint, OpaMetricsEndpoint
from sidecar.api.openapi import OpenApiEndpoint
from sidecar.api.pages import Pages
from sidecar.api.request import answered
from sidecar.api.search import searches
from sidecar.callers.gate import Gate
from sidecar.engine.engine import Engine
from sidecar.gateway.forward_auth import ForwardAuthEndpoint, Rest
from sidecar.gateway.proxies import ENDPOINT
from sidecar.gateway.route_file import RouteFile
from sidecar.gateway.routes import Routes
from sidecar.observability.metrics import Metrics
from sidecar.records.recorder import recorder
from sidecar.settings import Settings

_log = structlog.stdlib.get_logger("sidecar")

_OURS: dict[type[HTTPException], type[errors.SidecarError]] = {
    NotFound: errors.NotFound,
    MethodNotAllowed: errors.MethodNotAllowed,
}


def create_app(
    settings: Settings,
    engine: Engine,
    restarts: Callable[[], int] | None = None,
    page_key: bytes | None = None,
    table: Routes | None = None,
    output_lock: int | None = None,
) -> Flask:
    """
    Make the application.

    Args:
        settings: All that is set.

        engine: Who is asked for decisions.

        restarts: Tells how often the sidecar's own OPA was started again; None where it has none.

        page_key: What pages of searches are signed with: the same in all processes. None for one
            that nobody else has.

        table: The route table as it was at the start; None where no proxy asks.

        output_lock: What processes lock to write to stdout in turn; None where no records are kept.
    """
    app = Flask("sidecar", static_folder=None)
    # Else a doubled slash is answered with a redirection, to where the Host header says.
    app.url_map.merge_slashes = False
    metrics = Metrics()
    kept = None
    if output_lock is not None:
        kept = recorder(settings.records, metrics.recorded, output_lock)
    app.extensions["records"] = kept
    alone = EvaluationEndpoint(engine, metrics, settings.limits, kept)
    many = EvaluationsEndpoint(engine, metrics, settings.limits, alone, kept)
    pages = Pages(page_key or os.urandom(32), settings.limits.results)
    routes: list[tuple[str, str, Callable[[], Response]]] = [
        ("POST", paths.EVALUATION, alone),
        ("POST", paths.EVALUATIONS, many),
        ("GET", "/healthz", health.healthz),
        ("GET", "/readyz", health.Readiness(engine, kept)),
        ("GET", "/metrics", MetricsEndpoint(metrics, engine, restarts)),
        ("GET", "/metrics/opa", OpaMetricsEndpoint(engine)),
        ("GET", "/openapi.json", OpenApiEndpoint(settings.limits)),
        *(
            ("POST", path, search)
            for path, search in searches(engine, metrics, settings.limits, pages).items()
        ),
    ]
    if settings.public_url is not None:
        discovery = DiscoveryEndpoint(settings.public_url, engine, settings.discovery.signer())
        routes.append(("GET", discovery.path, discovery))
    for method, path, view in routes:
        app.add_url_rule(
            path, path, view, methods=[method], provide_automatic_options=False, strict_slashes=True
        )
    if settings.forward_auth and table:
        route_file = RouteFile(settings.forward_auth, engine, metrics, table)
        proxied = ForwardAuthEndpoint(settings.forward_auth, route_file, alone, metrics)
        app.url_map.converters["rest"] = Rest
        # A rule of the map's own: with it any method will do, also one that nobody knows.
        app.url_map.add(Rule(f"{ENDPOINT}<rest:rest>", endpoint=ENDPOINT))
        app.view_functions[ENDPOINT] = proxied
    answer_errors(app, metrics.failed)
    _name_requests(app)
    Gate(settings.callers, certificates=settings.tls.client_ca is not None).guard(app)
    return app


def answer_errors(app: Flask, failed: Callable[[str], None]) -> None:
    """
    Answer every error with its code and its sentence, and with nothing internal.

    Args:
        app: The application.

        failed: Told the code of each error.
    """

    def ours(wrong: errors.SidecarError) -> Response:
        # What is asked of no endpoint is no decision that could have been made.
        if not isinstance(wrong, errors.NotFound | errors.MethodNotAllowed):
            failed(wrong.code)
        if isinstance(wrong, errors.EngineError):
            _log.error("no decision", code=wrong.code, route=_route())
        response = answered({"error": wrong.described()}, status=wrong.status)
        response.headers.update(wrong.headers)
        return response

    def theirs(wrong: HTTPException) -> Response:
        kind = _OURS.get(type(wrong), errors.RequestError)
        response = ours(kind())
        if isinstance(wrong, MethodNotAllowed) and wrong.valid_methods:
            response.headers["Allow"] = ", ".join(wrong.valid_methods)
        return response

    def unforeseen(wrong: Exception) -> Response:
        _log.error("unforeseen", exc_info=wrong)
        return ours(errors.InternalError())

    app.register_error_handler(errors.SidecarError, ours)
    app.register_error_handler(HTTPException, theirs)
    app.register_error_handler(Exception, unforeseen)


def _name_requests(app: Flask) -> None:
    """
    Give every response its request's name back (AuthZEN 1.0, section 10.1.4), and log it.
    """
    verbose = logging.getLogger("sidecar").isEnabledFor(logging.INFO)

    @app.before_request
    def begin() -> None:
        if verbose:
            request.environ["sidecar.begin"] = perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        name = request.headers.get("X-Request-ID")
        if name is not None:
            response.headers["X-Request-ID"] = name
        if verbose:
            _log.info(
                "request",
                method=request.method,
                route=_route(),
                status=response.status_code,
                request_id=name,
                decision_id=response.headers.get("X-Decision-ID"),
                seconds=round(perf_counter() - request.environ["sidecar.begin"], 6),
            )
        return response


def _route() -> str | None:
    """
    The rule that a request matched; its path may hold what nobody else may see.
    """
    return request.url_rule.rule if request.url_rule else None
