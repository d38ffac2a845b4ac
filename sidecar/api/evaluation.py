"""
`POST /access/v1/evaluation`: one decision.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from flask import Response, request

from sidecar.api import answer, parse, paths
from sidecar.api.request import answered, read
from sidecar.engine.engine import Engine
from sidecar.engine.remedies import Budget, remedied, wanted
from sidecar.names import new_id
from sidecar.observability.metrics import Metrics
from sidecar.records.record import About, Answered
from sidecar.records.recorder import Recorder
from sidecar.settings import Limits


class EvaluationEndpoint:
    """
    Answers one evaluation.
    """

    def __init__(
        self, engine: Engine, metrics: Metrics, limits: Limits, recorder: Recorder | None = None
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._limits = limits
        self._recorder = recorder

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
        endpoint: str = paths.EVALUATION,
    ) -> Response:
        """
        Decide on a body that was read.

        Args:
            body: The evaluation.

            start: When it came in.

            respond: Makes a response of the answer and the decision's name.

            endpoint: Where it came in.
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
        if self._recorder:
            about = About.of(request, endpoint, response.status_code, stages)
            self._recorder.keep([Answered(asked, decision, info, decision_id)], about)
        self._metrics.decided(asked, decision, info)
        now = perf_counter()
        stages |= {"answer": now - decided, "total": now - start}
        self._metrics.took(stages, request.headers.get("traceparent"))
        return response
