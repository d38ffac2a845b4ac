"""
`POST /access/v1/evaluation`: one decision.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from flask import Response, request

from sidecar.api import answer, parse
from sidecar.api.request import answered, new_id, read
from sidecar.engine.engine import Engine
from sidecar.engine.remedies import Budget, remedied, wanted
from sidecar.observability.metrics import Metrics
from sidecar.settings import Limits


class EvaluationEndpoint:
    """
    Answers one evaluation.
    """

    def __init__(self, engine: Engine, metrics: Metrics, limits: Limits) -> None:
        self._engine = engine
        self._metrics = metrics
        self._limits = limits

    def __call__(self) -> Response:
        """
        Parse, decide, answer.
        """
        start = perf_counter()
        body = read(request, self._limits)
        return self.decide(body, start)

    def decide(
        self,
        body: dict[str, Any],
        start: float,
        respond: Callable[[dict[str, Any], str], Response] = answered,
    ) -> Response:
        """
        Decide on a body that was read.

        Args:
            body: The evaluation.

            start: When it came in.

            respond: Makes a response of the answer and the decision's name.
        """
        asked = parse.evaluation(body)
        stages = {"parse": perf_counter() - start}
        decision = self._engine.decide(asked, stages)
        if wanted(asked, decision):
            decision = remedied(self._engine, asked, decision, Budget.of(self._limits))
        info = self._engine.bundle(decision.revision)
        decided = perf_counter()
        decision_id = new_id()
        response = respond(answer.complete(decision, asked, info, decision_id), decision_id)
        self._metrics.decided(asked, decision, info)
        now = perf_counter()
        stages |= {"answer": now - decided, "total": now - start}
        self._metrics.took(stages)
        return response
