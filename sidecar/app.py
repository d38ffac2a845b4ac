"""
The Flask application: which endpoint is where.
"""

import os
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.routing import Rule

from sidecar.api import health, paths
from sidecar.api.discovery import DiscoveryEndpoint
from sidecar.api.evaluation import EvaluationEndpoint
from sidecar.api.evaluations import EvaluationsEndpoint
from sidecar.api.front import Front
from sidecar.api.lifetime import Lifetime
from sidecar.api.metrics import MetricsEndpoint, OpaMetricsEndpoint
from sidecar.api.openapi import OpenApiEndpoint
from sidecar.api.pages import Pages
from sidecar.api.request import Endpoint, finished
from sidecar.api.search import searches
from sidecar.api.telling import Telling
from sidecar.callers.gate import Gate
from sidecar.engine.engine import Engine
from sidecar.gateway.forward_auth import ForwardAuthEndpoint, Rest
from sidecar.gateway.proxies import ENDPOINT
from sidecar.gateway.route_file import RouteFile
from sidecar.gateway.routes import Routes
from sidecar.observability.current import SOON
from sidecar.observability.metrics import Metrics
from sidecar.records.recorder import recorder
from sidecar.settings import Settings


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
    lifetime = Lifetime(settings.memory.callers_s)
    telling = Telling(engine, lifetime, metrics, kept.masking if kept else None)
    alone = EvaluationEndpoint(engine, metrics, settings.limits, telling, kept)
    many = EvaluationsEndpoint(engine, metrics, settings.limits, telling, alone, kept)
    pages = Pages(page_key or os.urandom(32), settings.limits.results)
    routes: list[tuple[str, str, Callable[[], Response]]] = [
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
    hot: dict[str, Endpoint] = {paths.EVALUATION: alone, paths.EVALUATIONS: many}
    routes.extend(("POST", path, _view(endpoint)) for path, endpoint in hot.items())
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
    gate = Gate(settings.callers, certificates=settings.tls.client_ca is not None)
    front = Front(gate, metrics.failed)
    front.stand_before(app)
    app.extensions[SOON] = soon = front.soon(hot)
    app.wsgi_app = front.hot(app.wsgi_app, soon)  # type: ignore[assignment, method-assign]
    return app


def _view(endpoint: Endpoint) -> Callable[[], Response]:
    """
    Make a view of Flask's of an endpoint.
    """
    return lambda: finished(endpoint(request.environ)).response()
