"""
The route table that is in force: the file's, as long as that is in order.
"""

import structlog

from sidecar.engine.engine import Engine
from sidecar.errors import RoutesNotUsable, SettingsError
from sidecar.gateway import table
from sidecar.gateway.routes import Route, Routes
from sidecar.gateway.settings import ForwardAuth
from sidecar.observability.metrics import Metrics
from sidecar.watched import Watched

_log = structlog.stdlib.get_logger("sidecar")


class RouteFile:
    """
    Reads the route table anew once its file has changed. A table that is wrong changes nothing:
    the one before stays in force, and that is logged and counted. Safe to share between threads.

    Args:
        settings: Where the table is.

        engine: Who knows the terms of the active bundle.

        metrics: Where changes are counted.

        first: The table as it was when the sidecar started.
    """

    def __init__(
        self, settings: ForwardAuth, engine: Engine, metrics: Metrics, first: Routes
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._metrics = metrics
        self._first = first
        self._routes = Watched((settings.routes,), self._load)

    def route(self, method: str, segments: tuple[str, ...]) -> Route:
        """
        Find the route of a request.

        Args:
            method: The request's method.

            segments: The segments of its path.

        Raises:
            RouteUnknown: There is none.
            RoutesNotUsable: The active bundle lacks a term of it.
            EngineError: The active bundle is not known yet.
        """
        route = self._routes.current().route(method, segments)
        try:
            route.check(table.terms(self._engine))
        except SettingsError as wrong:
            _log.error("a route does not fit the bundle", wrong=wrong.message)
            raise RoutesNotUsable() from wrong
        return route

    def _load(self, before: Routes | None) -> Routes:
        in_force = before or self._first
        try:
            routes = table.read(self._settings, self._engine)
        except SettingsError as wrong:
            _log.error("the route table is not taken over", wrong=wrong.message)
            self._metrics.routes_read(taken=False)
            return in_force
        if routes != in_force:
            _log.warning("the route table was taken over")
            self._metrics.routes_read(taken=True)
        return routes
