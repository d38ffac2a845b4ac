"""
`/forward-auth`: may a proxy let the request through that it holds (contract, section 2)?
"""

from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import Any
from urllib.parse import quote

from flask import Response, request
from werkzeug.routing import BaseConverter

from sidecar.api.evaluation import EvaluationEndpoint
from sidecar.api.request import Reply, decode, finished, reply
from sidecar.callers import bearer
from sidecar.callers.verifier import verifier
from sidecar.engine.decision import objects
from sidecar.errors import Forbidden, ObligationNotCarriedOut, Unauthenticated
from sidecar.gateway import paths
from sidecar.gateway.proxies import ENDPOINT, original
from sidecar.gateway.route_file import RouteFile
from sidecar.gateway.routes import Route
from sidecar.gateway.settings import ForwardAuth
from sidecar.observability.metrics import Metrics


class Rest(BaseConverter):
    """
    Whatever stands behind the endpoint's own path: Envoy puts the original path there.
    """

    part_isolating = False
    regex = r"(?:/[\s\S]*)?"


class ForwardAuthEndpoint:
    """
    Answers proxies.

    Args:
        settings: Who asks.

        routes: What requests mean.

        alone: Who decides.

        metrics: Where obligations that stop a permission are counted.
    """

    def __init__(
        self,
        settings: ForwardAuth,
        routes: RouteFile,
        alone: EvaluationEndpoint,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._routes = routes
        self._alone = alone
        self._metrics = metrics
        self._verifier = verifier(settings.jwt)

    def __call__(self, rest: str) -> Response:
        """
        Find the route, decide, answer.

        Args:
            rest: What stands behind the endpoint's path, decoded; so it is not what is looked at.
        """
        start = perf_counter()
        if not self._settings.trusts(request.remote_addr):
            raise Forbidden()
        told = original(request, self._settings.proxy)
        segments = paths.segments(told.target)
        route = self._routes.route(told.method, segments)
        claims = self._claims() if route.ask.takes_claims else {}
        asked = route.asked(segments, claims, request.headers)
        respond = partial(self._respond, route)
        got = self._alone.decide(request.environ, asked, start, respond, ENDPOINT)
        return finished(got).response()

    def _claims(self) -> Mapping[str, Any]:
        authorization = request.headers.get("Authorization")
        if authorization is None or self._verifier is None:
            raise Unauthenticated()
        return self._verifier.claims(bearer.token(authorization))

    def _respond(self, route: Route, told: bytes, decision_id: str) -> Reply:
        """
        Make the answer one that a proxy understands: it lets through, or does not.
        """
        answer = decode(told)
        context = answer.get("context", {})
        obligations = _ids(context.get("obligations"))
        if answer["decision"] and not route.carries_out.issuperset(obligations):
            # Nobody would do it, and what is not done makes it a refusal (AuthZEN Obligations).
            wrong = ObligationNotCarriedOut()
            self._metrics.failed(wrong.code)
            answer = {"decision": False, "context": {**context, "error": wrong.described()}}
        permitted = answer["decision"]
        got = reply(answer, decision_id, 200 if permitted else 403)
        got.headers["X-Privacy-Decision"] = "permitted" if permitted else "refused"
        for name, ids in {
            "X-Privacy-Clauses": _ids(context.get("clauses")),
            "X-Privacy-Obligations": obligations,
        }.items():
            if ids:
                got.headers[name] = ",".join(quote(id_, safe=":") for id_ in ids)
        return got


def _ids(entries: Any) -> list[str]:
    return [str(entry.get("id")) for entry in objects(entries)]
