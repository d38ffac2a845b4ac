"""
`POST /access/v1/evaluations`: many decisions at once, with one question to OPA.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final

from sidecar.api import parse, paths
from sidecar.api.evaluation import EvaluationEndpoint
from sidecar.api.request import Environ, Reply, Rest, header, read, told
from sidecar.api.telling import Telling, Told
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
        telling: Telling,
        alone: EvaluationEndpoint,
        recorder: Recorder | None = None,
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._limits = limits
        self._telling = telling
        self._alone = alone
        self._recorder = recorder
        self._waits = recorder is not None and recorder.waits

    def __call__(self, environ: Environ) -> Reply | Rest:
        """
        Parse, decide, answer. Without evaluations this is the single evaluation.
        """
        start = perf_counter()
        body = read(environ, self._limits, parse.batch)
        given = _evaluations(body, self._limits.evaluations)
        ends = _semantic(body)
        if not given:
            return self._alone.decide(environ, body, start, endpoint=paths.EVALUATIONS)
        items, order = _items(body, given)
        stages = {"parse": perf_counter() - start}
        whole = [item for item in items if not isinstance(item, RequestError)]
        known = self._engine.recall_all(whole) if whole else []

        def rest() -> Reply:
            decided = iter(known if isinstance(known, list) else known(stages))
            outcomes = [item if isinstance(item, RequestError) else next(decided) for item in items]
            taken = _until(ends, order, outcomes)
            helped = self._helped(items, outcomes, taken)
            began = perf_counter()
            decision_id = new_id()
            said = {at: self._told(items[at], outcome) for at, outcome in helped.items()}
            answers = [said[at] for at in taken]
            batch = decision_id.encode()
            names = [b"%s-%d" % (batch, index) for index in range(len(answers))]
            written = [each.answer(name) for each, name in zip(answers, names, strict=True)]
            # Not around all of them: that would be written once more.
            written[0] = b'{"evaluations":[' + written[0]
            written[-1] += b"]}"
            response = told(b",".join(written), decision_id)
            if self._recorder:
                kept = [
                    (name, masked)
                    for (_, _, masked), name in zip(answers, names, strict=True)
                    if masked
                ]
                about = About.of(environ, paths.EVALUATIONS, 200, stages, decision_id)
                self._recorder.keep(kept, about)
            for at, times in Counter(taken).items():
                count(said[at].counters, times)
            now = perf_counter()
            stages.update(answer=now - began, total=now - start)
            self._metrics.took(stages, header(environ, "TRACEPARENT"))
            return response

        waits = self._waits or any(map(wants_help, whole))
        return rest() if isinstance(known, list) and not waits else rest

    def _helped(
        self, items: Sequence[Item], outcomes: Sequence[Outcome], taken: Sequence[int]
    ) -> dict[int, Outcome]:
        """
        Find the remedies that items ask for, all within the budget of one request.

        Returns:
            What is to be told of those that are answered, by their places.
        """
        budget = Budget.of(self._limits)
        found: dict[int, Outcome] = {}
        for at in dict.fromkeys(taken):
            item, outcome = items[at], outcomes[at]
            if isinstance(item, dict) and isinstance(outcome, Recalled | Decision):
                outcome = helped(self._engine, item, outcome, budget)
            found[at] = outcome
        return found

    def _told(self, item: Item, outcome: Outcome) -> Told:
        if isinstance(outcome, Recalled | Decision):
            # What could not be read has its error as its outcome.
            assert isinstance(item, dict)
            return self._telling.tell(item, outcome)
        return self._telling.failed(outcome)


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


def _items(body: Mapping[str, Any], given: Sequence[Any]) -> tuple[list[Item], list[int]]:
    """
    Complete items, those that are one object once.

    Returns:
        The items, and for each that was given, which of them it is.
    """
    first: dict[int, int] = {}
    for index, which in enumerate(map(id, given)):
        first.setdefault(which, index)
    items = [_item(body, given[index], index) for index in first.values()]
    if any(isinstance(item, RequestError) for item in items):
        # What is wrong is told with its place, which no other one has.
        return [_item(body, item, index) for index, item in enumerate(given)], [*range(len(given))]
    places = {which: place for place, which in enumerate(first)}
    return items, [places[which] for which in map(id, given)]


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
    ends: Callable[[bool], bool], order: Sequence[int], outcomes: Sequence[Outcome]
) -> Sequence[int]:
    """
    Take the items up to the one that decides the rest; what is no decision counts as a refusal.
    """
    last = [
        ends(isinstance(outcome, Recalled | Decision) and outcome.allowed) for outcome in outcomes
    ]
    for number, at in enumerate(order, 1):
        if last[at]:
            return order[:number]
    return order
