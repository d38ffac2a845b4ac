"""
`POST /access/v1/evaluation`: one decision.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from sidecar.api import parse, paths
from sidecar.api.request import Environ, Reply, Rest, header, read, told
from sidecar.api.telling import Telling
from sidecar.engine.engine import Engine, Recalled
from sidecar.engine.remedies import Budget, helped, wants_help
from sidecar.names import new_id
from sidecar.observability.metrics import Metrics, count
from sidecar.records.record import About
from sidecar.records.recorder import Recorder
from sidecar.settings import Limits


class EvaluationEndpoint:
    """
    Answers one evaluation.
    """

    def __init__(
        self,
        engine: Engine,
        metrics: Metrics,
        limits: Limits,
        telling: Telling,
        recorder: Recorder | None = None,
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._limits = limits
        self._telling = telling
        self._recorder = recorder
        self._waits = recorder is not None and recorder.waits

    def __call__(self, environ: Environ) -> Reply | Rest:
        """
        Parse, decide, answer.
        """
        start = perf_counter()
        body = read(environ, self._limits)
        return self.decide(environ, body, start)

    def decide(
        self,
        environ: Environ,
        body: dict[str, Any],
        start: float,
        respond: Callable[[bytes, str], Reply] = told,
        endpoint: str = paths.EVALUATION,
    ) -> Reply | Rest:
        """
        Decide on a body that was read: at once where that was decided before.

        Args:
            environ: The request that it came in with.

            body: The evaluation.

            start: When it came in.

            respond: Makes a reply of the answer and the decision's name.

            endpoint: Where it came in.
        """
        asked = parse.evaluation(body)
        stages = {"parse": perf_counter() - start}
        known = self._engine.recall(asked)

        def rest() -> Reply:
            outcome = known if isinstance(known, Recalled) else known(stages)
            outcome = helped(self._engine, asked, outcome, Budget.of(self._limits))
            decided = perf_counter()
            decision_id = new_id()
            one = self._telling.tell(asked, outcome)
            got = respond(one.answer(decision_id.encode()), decision_id)
            if self._recorder and one.masked:
                about = About.of(environ, endpoint, got.status, stages)
                self._recorder.keep([(decision_id.encode(), one.masked)], about)
            count(one.counters)
            now = perf_counter()
            stages.update(answer=now - decided, total=now - start)
            self._metrics.took(stages, header(environ, "TRACEPARENT"))
            return got

        waits = self._waits or wants_help(asked)
        return rest() if isinstance(known, Recalled) and not waits else rest
