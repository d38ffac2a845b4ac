"""
Who is asked for decisions: for one evaluation, or for many at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final, Literal

from sidecar.bundle.manifest import DataPath
from sidecar.engine.bundle_info import BundleInfo
from sidecar.engine.client import Answer, Opa
from sidecar.engine.decision import ABSENT, Decision
from sidecar.errors import (
    BundleNotActive,
    DecisionMalformed,
    DecisionUndefined,
    EngineBusy,
    EngineError,
    EngineTimeout,
    EngineUnreachable,
    EvaluationFailed,
    NotFound,
)

Evaluation = Mapping[str, Any]
Stages = dict[str, float]

_TRIES: Final = 3

# These say nothing of the evaluation that was asked: the next one would only wait as long.
_FOR_ALL: Final = (BundleNotActive, EngineBusy, EngineTimeout, EngineUnreachable)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """
    Whether decisions can be made.

    Attributes:
        ready: Whether they can.

        state: The same as a word; degraded where they can, and something else is amiss.

        reason: Why, as a fixed sentence.

        revision: Revision of the active bundle, where there is one.
    """

    ready: bool
    state: Literal["ready", "degraded", "not ready"]
    reason: str
    revision: str | None


class _NoBatchRule(Exception):
    """
    The bundle has no rule that decides many at once.
    """


def utc_today() -> str:
    """
    Return today's date in UTC: the only clock that a policy gets (contract, section 3).
    """
    return datetime.now(UTC).date().isoformat()


class Engine:
    """
    Asks OPA, and takes nothing for a decision that is none. Safe to share between threads, and to
    fork: there is no lock, and what is remembered is only ever replaced as a whole.

    Args:
        client: The door to OPA.

        today: Where the evaluations' date comes from.
    """

    def __init__(self, client: Opa, *, today: Callable[[], str] = utc_today) -> None:
        self._client = client
        self._today = today
        # The active bundle, and the one before it: answers on their way may still need that.
        self._known: tuple[BundleInfo, ...] = ()

    def decide(self, evaluation: Evaluation, stages: Stages | None = None) -> Decision:
        """
        Ask for one decision.

        Args:
            evaluation: Subject, action, resource and context, as the caller sent them. The date is
                added.

            stages: Gets "opa": the seconds that OPA was waited for.

        Raises:
            EngineError: No decision was made; its class says why.
        """
        info, answer = self._ask(_decision_rule, self._dated(evaluation), stages)
        return Decision.from_result(answer.result, info.revision)

    def decide_all(
        self, evaluations: Sequence[Evaluation], stages: Stages | None = None
    ) -> list[Decision | EngineError]:
        """
        Ask for many decisions in one question, where the bundle has a rule for it.

        Args:
            evaluations: What `decide` takes.

            stages: Gets "opa": the seconds that OPA was waited for.

        Returns:
            For each evaluation, in order, its decision, or why none was made.

        Raises:
            EngineError: Not one decision was made.
        """
        try:
            decided = self._together(evaluations, stages)
        except (_NoBatchRule, EvaluationFailed):
            # One evaluation that fails has failed them all: asked alone, it is the only one.
            decided = self._one_by_one(evaluations, stages)
        failed = [item for item in decided if isinstance(item, EngineError)]
        if failed and len(failed) == len(decided):
            raise failed[0]
        return decided

    def search(
        self, kind: str, question: Mapping[str, Any], stages: Stages | None = None
    ) -> tuple[BundleInfo, list[Any]]:
        """
        Ask for all entities of a kind that something is permitted with.

        Args:
            kind: subject, resource or action.

            question: The search, without what the standard says to ignore. The date is added.

            stages: Gets "opa": the seconds that OPA was waited for.

        Returns:
            The bundle that was asked, and what its rule has found.

        Raises:
            NotFound: The bundle has no rule for it.
            EngineError: There is no answer, or none that makes sense.
        """

        def rule(info: BundleInfo) -> DataPath:
            if kind not in info.search:
                raise NotFound()
            return info.search[kind]

        if kind not in self.bundle().search:
            # A newer bundle may have it.
            self._refreshed()
        info, answer = self._ask(rule, self._dated(question), stages)
        if answer.result is ABSENT:
            raise DecisionUndefined()
        if not isinstance(answer.result, list):
            raise DecisionMalformed()
        return info, answer.result

    def bundle(self, revision: str | None = None) -> BundleInfo:
        """
        Return what the active bundle says of itself.

        Args:
            revision: Revision of a decision: where a newer bundle has become active since, the one
                before it is returned.

        Raises:
            EngineError: It is not known yet, and cannot be read.
        """
        known = self._known or (self._refreshed(),)
        return next((info for info in known if info.revision == revision), known[0])

    def status(self) -> EngineStatus:
        """
        Ask OPA whether decisions can be made.
        """
        try:
            info = self._refreshed()
        except EngineError as wrong:
            return EngineStatus(False, "not ready", wrong.message, None)
        if not self._client.check_health({"bundles": "true"}):
            reason = "The policy engine says that not all of its bundles are active."
            return EngineStatus(False, "not ready", reason, info.revision)
        if not info.revision:
            reason = "Decisions are made, but the bundle has no revision."
            return EngineStatus(True, "degraded", reason, info.revision)
        if info.agreement and info.agreement.gaps:
            reason = "Decisions are made, but the bundle lacks documents to explain them with."
            return EngineStatus(True, "degraded", reason, info.revision)
        return EngineStatus(True, "ready", "Decisions are made.", info.revision)

    def _together(
        self, evaluations: Sequence[Evaluation], stages: Stages | None
    ) -> list[Decision | EngineError]:
        question = {"items": [self._dated(evaluation) for evaluation in evaluations]}
        info, answer = self._ask(_batch_rule, question, stages, len(evaluations))
        if not isinstance(answer.result, dict):
            raise _NoBatchRule()
        results = (answer.result.get(str(index), ABSENT) for index in range(len(evaluations)))
        return [_attempt(Decision.from_result, result, info.revision) for result in results]

    def _one_by_one(
        self, evaluations: Sequence[Evaluation], stages: Stages | None
    ) -> list[Decision | EngineError]:
        decided: list[Decision | EngineError] = []
        for evaluation in evaluations:
            decided.append(_attempt(self.decide, evaluation, stages))
            if isinstance(decided[-1], _FOR_ALL):
                return decided + decided[-1:] * (len(evaluations) - len(decided))
        return decided

    def _ask(
        self,
        rule: Callable[[BundleInfo], DataPath],
        question: Mapping[str, Any],
        stages: Stages | None,
        items: int = 1,
    ) -> tuple[BundleInfo, Answer]:
        """
        Ask a rule of the active bundle, and see that it was this bundle that answered.
        """
        info = self.bundle()
        for _ in range(_TRIES):
            asked = rule(info)
            with _timed(stages):
                answer = self._client.ask(asked, question, items)
            if not _is_from(answer, info):
                info = self._answering(answer)
            if _is_from(answer, info) and rule(info) == asked:
                return info, answer
        raise BundleNotActive()

    def _answering(self, answer: Answer) -> BundleInfo:
        known = (info for info in self._known if _is_from(answer, info))
        return next(known, None) or self._refreshed()

    def _refreshed(self) -> BundleInfo:
        known = self._known[:1]
        info = BundleInfo.read(self._client, *known)
        if info not in known:
            self._known = (info, *known)
        return info

    def _dated(self, evaluation: Evaluation) -> dict[str, Any]:
        return {**evaluation, "environment": {"date": self._today()}}


def _decision_rule(info: BundleInfo) -> DataPath:
    return info.decision


def _batch_rule(info: BundleInfo) -> DataPath:
    if info.batch is None:
        raise _NoBatchRule()
    return info.batch


def _is_from(answer: Answer, info: BundleInfo) -> bool:
    return answer.revisions.get(info.name) == info.revision


@contextmanager
def _timed(stages: Stages | None) -> Iterator[None]:
    start = perf_counter()
    try:
        yield
    finally:
        if stages is not None:
            stages["opa"] = stages.get("opa", 0.0) + perf_counter() - start


def _attempt(decide: Callable[..., Decision], *arguments: Any) -> Decision | EngineError:
    try:
        return decide(*arguments)
    except EngineError as wrong:
        return wrong
