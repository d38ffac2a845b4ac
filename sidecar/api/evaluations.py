"""
`POST /access/v1/evaluations`: many decisions at once, with one question to OPA.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final

import msgspec

from sidecar.api import answer, parse, paths
from sidecar.api.evaluation import EvaluationEndpoint
from sidecar.api.lifetime import Lifetime
from sidecar.api.request import Environ, Reply, Rest, header, read, reply
from sidecar.api.telling import Told, tell
from sidecar.engine.decision import Decision
from sidecar.engine.engine import Engine, Recalled
from sidecar.engine.remedies import Budget, helped, wants_help
from sidecar.errors import (
    EngineError,
    RequestError,
    TooManyEvaluations,
    UnknownSemantic,
    WrongType,
)
from sidecar.names import new_id
from sidecar.observability.metrics import Metrics, count
from sidecar.records.record import About
from sidecar.records.recorder import Recorder
from sidecar.settings import Limits

_KEYS: Final = (*parse.ENTITIES, "context")

Item = dict[str, Any] | RequestError
Outcome = Recalled | Decision | EngineError | RequestError

# After which outcome no further one is answered (AuthZEN 1.0, section 7.1.2).
_ENDS: Final[Mapping[str, Callable[[bool], bool]]] = {
    "execute_all": lambda allowed: False,
    "deny_on_first_deny": lambda allowed: not allowed,
    "permit_on_first_permit": lambda allowed: allowed,
}


class EvaluationsEndpoint:
    """
    Answers many evaluations.
    """

    def __init__(
        self,
        engine: Engine,
        metrics: Metrics,
        limits: Limits,
        lifetime: Lifetime,
        alone: EvaluationEndpoint,
        recorder: Recorder | None = None,
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._limits = limits
        self._lifetime = lifetime
        self._alone = alone
        self._recorder = recorder

    def __call__(self, environ: Environ) -> Reply | Rest:
        """
        Parse, decide, answer. Without evaluations this is the single evaluation.
        """
        start = perf_counter()
        body = read(environ, self._limits)
        given = _evaluations(body, self._limits.evaluations)
        ends = _semantic(body)
        if not given:
            return self._alone.decide(environ, body, start, endpoint=paths.EVALUATIONS)
        items = [_item(body, item, index) for index, item in enumerate(given)]
        stages = {"parse": perf_counter() - start}
        whole = [item for item in items if not isinstance(item, RequestError)]
        known = self._engine.recall_all(whole) if whole else []

        def rest() -> Reply:
            outcomes = iter(known if isinstance(known, list) else known(stages))
            every = [item if isinstance(item, RequestError) else next(outcomes) for item in items]
            pairs = self._remedied(_until(ends, items, every))
            decided = perf_counter()
            decision_id = new_id()
            told = [self._told(*pair, f"{decision_id}-{index}") for index, pair in enumerate(pairs)]
            response = reply({"evaluations": [_answer(each) for each in told]}, decision_id)
            if self._recorder:
                kept = [each.answered for each in told if isinstance(each, Told)]
                about = About.of(environ, paths.EVALUATIONS, 200, stages, decision_id)
                self._recorder.keep(kept, about)
            self._count(told)
            now = perf_counter()
            stages.update(answer=now - decided, total=now - start)
            self._metrics.took(stages, header(environ, "TRACEPARENT"))
            return response

        waits = any(map(wants_help, whole)) or (self._recorder is not None and self._recorder.waits)
        return rest() if isinstance(known, list) and not waits else rest

    def _remedied(self, pairs: Sequence[tuple[Item, Outcome]]) -> list[tuple[Item, Outcome]]:
        """
        Find the remedies that items ask for, all within the budget of one request.
        """
        budget = Budget.of(self._limits)
        return [
            (item, helped(self._engine, item, outcome, budget))
            if isinstance(item, dict) and isinstance(outcome, Recalled | Decision)
            else (item, outcome)
            for item, outcome in pairs
        ]

    def _told(
        self, item: Item, outcome: Outcome, decision_id: str
    ) -> Told | EngineError | RequestError:
        if isinstance(outcome, Recalled | Decision):
            # What could not be read has its error as its outcome.
            assert isinstance(item, dict)
            return tell(item, outcome, decision_id, self._engine, self._lifetime, self._metrics)
        return outcome

    def _count(self, told: Sequence[Told | EngineError | RequestError]) -> None:
        # Many have the same counters: those that were told from memory.
        times = Counter(each.counters for each in told if isinstance(each, Told))
        for counters, number in times.items():
            count(counters, number)
        for each in told:
            if not isinstance(each, Told):
                self._metrics.failed(each.code)


def _answer(told: Told | EngineError | RequestError) -> Any:
    return msgspec.Raw(told.answer) if isinstance(told, Told) else answer.failed(told)


def _evaluations(body: Mapping[str, Any], limit: int) -> list[Any]:
    given: list[Any] = parse.optional(body, "evaluations", [])
    if len(given) > limit:
        raise TooManyEvaluations()
    for index, item in enumerate(given):
        if type(item) is not dict:
            raise WrongType(f"/evaluations/{index}")
    return given


def _semantic(body: Mapping[str, Any]) -> Callable[[bool], bool]:
    options: parse.Object = parse.optional(body, "options", {})
    name = parse.optional(options, "evaluations_semantic", "execute_all", "/options")
    if name not in _ENDS:
        raise UnknownSemantic("/options/evaluations_semantic")
    return _ENDS[name]


def _item(defaults: Mapping[str, Any], item: Mapping[str, Any], index: int) -> Item:
    """
    Complete an item with the defaults, each entity as a whole (AuthZEN 1.0, section 7.1.1).
    """
    merged = {key: holder[key] for key in _KEYS for holder in (defaults, item) if key in holder}
    try:
        return parse.evaluation(merged, f"/evaluations/{index}")
    except RequestError as wrong:
        return _placed(wrong, defaults, item, index)


def _placed(
    wrong: RequestError, defaults: Mapping[str, Any], item: Mapping[str, Any], index: int
) -> RequestError:
    """
    Name the place where it stands: what an item took over is a default.
    """
    place = f"/evaluations/{index}"
    below = (wrong.path or "").removeprefix(place)
    key = below.split("/")[1]
    return type(wrong)(below) if key in defaults and key not in item else wrong


def _until(
    ends: Callable[[bool], bool], items: Sequence[Item], outcomes: Sequence[Outcome]
) -> list[tuple[Item, Outcome]]:
    """
    Take the pairs up to the one that decides the rest; what is no decision counts as a refusal.
    """
    taken = []
    for item, outcome in zip(items, outcomes, strict=True):
        taken.append((item, outcome))
        if ends(isinstance(outcome, Recalled | Decision) and outcome.allowed):
            break
    return taken
