"""
Who is asked for decisions: for one evaluation, or for many at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from math import inf
from time import monotonic, perf_counter
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeVar

from sidecar.bundle.manifest import DataPath
from sidecar.delivery.failure import CODES
from sidecar.delivery.state import State
from sidecar.engine.bundle_info import BUNDLES, NO_AGREEMENT, BundleInfo
from sidecar.engine.client import Answer, Opa
from sidecar.engine.confirmed import Confirmed
from sidecar.engine.dated import Dated, Evaluation
from sidecar.engine.decision import ABSENT, Decision
from sidecar.engine.flights import Flights
from sidecar.engine.memory import Kept, Memory, Question, paths_of
from sidecar.engine.selection import Revisions, Selection
from sidecar.errors import (
    BundleNotActive,
    BundleRefused,
    DecisionMalformed,
    DecisionUndefined,
    EngineBusy,
    EngineError,
    EngineTimeout,
    EngineUnreachable,
    EvaluationFailed,
    NotFound,
)
from sidecar.observability.spans import Attributes, spanned
from sidecar.registers.ends import Ends
from sidecar.registers.selected import Selected

Stages = dict[str, float]

_Decided_co = TypeVar("_Decided_co", covariant=True)

_TRIES: Final = 3

# How long ago OPA may have said which bundle is active, for a decision to be remembered.
_TRUSTED_FOR_S: Final = 1.0
_BY_IDS_FOR_S: Final = 60.0

FOR_ALL: Final = (
    BundleNotActive,
    BundleRefused,
    EngineBusy,
    EngineTimeout,
    EngineUnreachable,
)
"""
Errors that say nothing of the evaluation that was asked: the next one would only wait as long.
"""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """
    Whether decisions can be made.

    Attributes:
        ready: Whether they can.

        state: The same as a word; degraded where they can, and something else is amiss.

        reason: Why, as a fixed sentence.

        revision: Revision of the active bundle, where there is one.

        age_s: How long ago it was seen to be the newest, in seconds; None where that is not known.

        failing: Why the newest is not active, as a code; None where it is.
    """

    ready: bool
    state: Literal["ready", "degraded", "not ready"]
    reason: str
    revision: str | None
    age_s: float | None = None
    failing: str | None = None


class Guard(Protocol):
    """
    Keeps the engine from deciding by bundles that are not good enough.
    """

    def state(self) -> State:
        """
        How things stand with the bundles.
        """

    def age_s(self) -> float | None:
        """
        How long ago they were seen to be the newest, in seconds; None where that is not known.
        """

    def stale(self) -> bool:
        """
        Whether that is longer ago than it may be.
        """

    def let_decide(self) -> None:
        """
        Raise an EngineError where no decision may be made.
        """

    def judge(self, info: BundleInfo, opa: Opa) -> None:
        """
        Raise an EngineError where a bundle must not decide.
        """


class Recalled(NamedTuple):
    """
    A decision that was made before, on the same question.

    Attributes:
        kept: The decision as it is kept.

        info: The bundle that made it.

        date: The date that the policy would be given now.

        question: What it depends on.

        memory: Where it is kept.
    """

    kept: Kept
    info: BundleInfo
    date: str
    question: Question
    memory: Memory

    @property
    def allowed(self) -> bool:
        """
        The verdict.
        """
        return self.kept.allowed

    def decision(self) -> Decision:
        """
        Read it, as the caller's own.
        """
        return self.kept.decision(self.info.revision, self.date)

    def make(self, made: object, size: int) -> None:
        """
        Keep what was made of it, for the next time.

        Args:
            made: What is to be kept.

            size: How many bytes it takes.
        """
        self.memory.make(self.question, self.kept, made, size)


class Pending(Protocol[_Decided_co]):
    """
    What is left to do for a decision.
    """

    def __call__(self, stages: Stages | None = None, /) -> _Decided_co:
        """
        Ask OPA.

        Args:
            stages: Gets "opa": the seconds that OPA was waited for.

        Raises:
            EngineError: No decision was made; its class says why.
        """


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
    fork: there is no lock, what is remembered is only ever replaced as a whole, and who waits for
    another's answer does so within one process.

    Args:
        client: The door to OPA.

        today: Where the evaluations' date comes from.

        memory: Where decisions are remembered; None where OPA is asked for each.

        clock: Tells seconds that only go up.

        guard: Keeps bundles away that are not good enough; None where any will do.
    """

    def __init__(
        self,
        client: Opa,
        *,
        today: Callable[[], str] = utc_today,
        memory: Memory | None = None,
        clock: Callable[[], float] = monotonic,
        guard: Guard | None = None,
    ) -> None:
        self._client = client
        self._today = today
        self._memory = memory
        self._clock = clock
        self._guard = guard
        self._confirmed = Confirmed({}, -inf)
        # The active bundle, and the one before it: answers on their way may still need that.
        self._known: tuple[BundleInfo, ...] = ()
        self._ends: Ends | None = None
        self._selection = Selection(client, clock)
        self._flights = Flights()
        # Under which revisions something was kept by ids, for want of entries, and until when it
        # is looked for: after that it is decided anew rather.
        self._by_ids: Revisions = ()
        self._by_ids_until = -inf

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
        self._let_decide()
        return self._alone(self._dated(evaluation), stages)

    def recall(self, evaluation: Evaluation) -> Recalled | Pending[Recalled | Decision]:
        """
        Look up what was decided before, by what was active within the last second. OPA is not
        waited for.

        Args:
            evaluation: What `decide` takes.

        Returns:
            The decision, or what has one made.

        Raises:
            EngineError: No decision may be made; its class says why.
        """
        self._let_decide()
        dated = self._dated(evaluation)
        return self._recalled(dated) or partial(self._fresh, dated)

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
        known = self.recall_all(evaluations)
        return [
            outcome.decision() if isinstance(outcome, Recalled) else outcome
            for outcome in (known if isinstance(known, list) else known(stages))
        ]

    def recall_all(
        self, evaluations: Sequence[Evaluation]
    ) -> list[Recalled] | Pending[list[Recalled | Decision | EngineError]]:
        """
        Look up what `decide_all` would ask for, as `recall` does.

        Returns:
            The decisions, where all were made before, or what has the others made.

        Raises:
            EngineError: No decision may be made; its class says why.
        """
        self._let_decide()
        # One date for all of them, also at midnight.
        today = self._today()
        dated = [_on(today, evaluation) for evaluation in evaluations]
        found = self._recalled_all(dated)
        known = [each for each in found if each is not None]
        return known if len(known) == len(found) else partial(self._completed, dated, found)

    def _completed(
        self,
        dated: Sequence[Dated],
        found: Sequence[Recalled | None],
        stages: Stages | None = None,
    ) -> list[Recalled | Decision | EngineError]:
        """
        Ask for what was not found.

        Raises:
            EngineError: Not one decision was made.
        """
        if any(
            known is None and self._lapsed(each) for each, known in zip(dated, found, strict=True)
        ):
            self._confirm(stages)
            found = [self._found(each, or_by_ids=True) for each in dated]
        missing = [each for each, known in zip(dated, found, strict=True) if known is None]
        asked = iter(self._asked(missing, stages) if missing else ())
        outcomes = [next(asked) if known is None else known for known in found]
        failed = [item for item in outcomes if isinstance(item, EngineError)]
        if failed and len(failed) == len(outcomes):
            raise failed[0]
        return outcomes

    def decide_as_of(self, dated: Sequence[Evaluation]) -> list[Decision | EngineError]:
        """
        Ask for many decisions again, each on the date that it has.

        Args:
            dated: What `decide` takes, each with its `environment.date`.

        Returns:
            For each, in order, its decision, or why none was made.
        """
        return self._asked([Dated(each) for each in dated], None)

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

        self._let_decide()
        if kind not in self.bundle().search:
            # A newer bundle may have it.
            self._refreshed()
        info, _, found = self._ask(rule, self._dated(question).evaluation, stages)
        if found is ABSENT:
            raise DecisionUndefined()
        if not isinstance(found, list):
            raise DecisionMalformed()
        return info, found

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

    def register_ends(self) -> dict[tuple[str, str], int]:
        """
        Count the entries of the active bundles' registers, by kind and how soon they end; none
        where the bundle that decides looks none up.

        Raises:
            EngineError: OPA does not answer.
        """
        source = (self.bundle().agreement or NO_AGREEMENT).registers
        if source is None:
            return {}
        known = self._ends
        # Registers may be large: they are read again only where a bundle was replaced.
        if known is None or not known.holds_for(source, self._client.ask(BUNDLES, {}).revisions):
            answer = self._client.ask(source.at, {})
            known = self._ends = Ends.of(source, answer.revisions, answer.result)
        return known.counted(date.fromisoformat(self._today()))

    def delivered(self) -> State | None:
        """
        How things stand with the bundles, where somebody looks.
        """
        return self._guard.state() if self._guard else None

    def status(self) -> EngineStatus:
        """
        Ask OPA whether decisions can be made.
        """
        known = self._guard
        state = known.state() if known else State()
        failing = state.failing.code if state.failing else None
        age = known.age_s() if known else None
        try:
            self._let_decide()
            info = self._refreshed()
        except EngineError as wrong:
            reason = wrong.message + _of_the_newest(state)
            return EngineStatus(False, "not ready", reason, None, age, failing)
        if not self._client.check_health({"bundles": "true"}):
            reason = "The policy engine says that not all of its bundles are active."
            return EngineStatus(False, "not ready", reason, info.revision, age, failing)
        amiss = _amiss(info, state, stale=known is not None and known.stale())
        reason = "Decisions are made" + (f", but {amiss}." if amiss else ".")
        word: Literal["ready", "degraded"] = "degraded" if amiss else "ready"
        return EngineStatus(True, word, reason, info.revision, age, failing)

    def _let_decide(self) -> None:
        if self._guard:
            self._guard.let_decide()

    def opa_metrics(self) -> str:
        """
        Return what OPA tells of itself, in Prometheus' text format.

        Raises:
            EngineError: It tells nothing.
        """
        return str(self._client.get_metrics())

    def _fresh(self, dated: Dated, stages: Stages | None = None) -> Recalled | Decision:
        """
        Ask OPA, or wait for somebody who asks the same.
        """
        if self._lapsed(dated):
            self._confirm(stages)
            if (found := self._found(dated, or_by_ids=True)) is not None:
                return found
        key = self._key(dated)
        if key is None:
            return self._put(dated, stages)
        flight, ours = self._flights.begin(key)
        if not ours:
            with _Timed(stages):
                flight.wait()
            if isinstance(flight.failed, FOR_ALL):
                raise type(flight.failed)()
            # What the other one has kept, as far as it is not too old for this question.
            return self._found(dated) or self._put(dated, stages)
        try:
            # Whoever asked the same may have got done just before.
            return self._found(dated) or self._put(dated, stages)
        except EngineError as wrong:
            flight.failed = wrong
            raise
        finally:
            self._flights.end(key, flight)

    def _key(self, dated: Dated) -> tuple[object, ...] | None:
        """
        Say what is the same for questions that have the same answer; None where nothing says so.
        """
        if self._memory is None:
            return None
        info = self.bundle()
        values = dated.values(info.reads, self._selected(info)) if info.deterministic else None
        return None if values is None else (info.identity, values)

    def _put(self, dated: Dated, stages: Stages | None) -> Decision:
        info, active, result = self._ask(_decision_rule, dated.evaluation, stages)
        decision = Decision.from_result(result, info.revision, dated.date)
        return self._kept(dated, decision, info, active)

    def _asked(self, dated: Sequence[Dated], stages: Stages | None) -> list[Decision | EngineError]:
        """
        Ask for decisions, for each different question once.
        """
        try:
            info = self.bundle()
            selected = self._selected(info)
            places = self._different(info, dated, selected)
            first = [dated[indices[0]] for indices in places]
            answered, active, outcomes = self._together(first, stages)
            if answered is not info or not (selected is None or selected.revisions == active.all):
                # What the next bundle reads, and the next registers hold, may tell apart what the
                # last ones could not.
                return self._together(dated, stages)[-1]
        except (_NoBatchRule, EvaluationFailed):
            # One evaluation that fails has failed them all: asked alone, it is the only one.
            return self._one_by_one(dated, stages)
        spread = {
            index: outcome
            for indices, outcome in zip(places, outcomes, strict=True)
            for index in indices
        }
        return [spread[index] for index in range(len(dated))]

    def _different(
        self, info: BundleInfo, dated: Sequence[Dated], selected: Selected | None
    ) -> list[list[int]]:
        """
        Put evaluations together that a bundle cannot tell apart: lists of their indices.
        """
        if self._memory is None or not info.deterministic:
            return [[index] for index in range(len(dated))]
        places: dict[object, list[int]] = {}
        for index, each in enumerate(dated):
            places.setdefault(each.values(info.reads, selected) or index, []).append(index)
        return list(places.values())

    def _selected(self, info: BundleInfo) -> Selected | None:
        """
        Return the entries that ids select by what was active last, where they are at hand.
        """
        active = self._confirmed
        remembers = self._memory is not None and active.covers(info)
        return self._selection.of(info, active.all) if remembers else None

    def _together(
        self, dated: Sequence[Dated], stages: Stages | None
    ) -> tuple[BundleInfo, Confirmed, list[Decision | EngineError]]:
        """
        Ask the rule that decides many at once.

        Returns:
            The bundle that answered, all that was active then, and what it decided.
        """
        question = {"items": [each.evaluation for each in dated]}
        info, active, result = self._ask(_batch_rule, question, stages, len(dated))
        if not isinstance(result, dict):
            raise _NoBatchRule()
        outcomes = []
        for index, each in enumerate(dated):
            one = result.get(str(index), ABSENT)
            outcome = _attempt(Decision.from_result, one, info.revision, each.date)
            if isinstance(outcome, Decision):
                outcome = self._kept(each, outcome, info, active)
            outcomes.append(outcome)
        return info, active, outcomes

    def _one_by_one(
        self, dated: Sequence[Dated], stages: Stages | None
    ) -> list[Decision | EngineError]:
        decided: list[Decision | EngineError] = []
        for each in dated:
            decided.append(_attempt(self._alone, each, stages))
            if isinstance(decided[-1], FOR_ALL):
                return decided + decided[-1:] * (len(dated) - len(decided))
        return decided

    def _alone(self, dated: Dated, stages: Stages | None) -> Decision:
        outcome = self._recalled(dated) or self._fresh(dated, stages)
        return outcome.decision() if isinstance(outcome, Recalled) else outcome

    @spanned("memory", lambda found: _hits([found]))
    def _recalled(self, dated: Dated) -> Recalled | None:
        """
        Look up a decision that was made before, by what was active within the last second.
        """
        return self._found(dated, or_by_ids=True)

    @spanned("memory", lambda found: _hits(found))
    def _recalled_all(self, dated: Sequence[Dated]) -> list[Recalled | None]:
        return [self._found(each, or_by_ids=True) for each in dated]

    def _found(
        self, dated: Dated, *, or_by_ids: bool = False, within_s: float = _TRUSTED_FOR_S
    ) -> Recalled | None:
        confirmed = self._confirmed
        if self._memory is None or not self._known:
            return None
        info = self._known[0]
        if self._clock() - confirmed.at > within_s or not confirmed.covers(info):
            return None
        question = self._question(info, confirmed, dated)
        if question is None:
            return None
        kept = self._memory.find(question)
        if kept is None and or_by_ids and dated.by_entries and self._by_ids_at(confirmed):
            kept = _kept_by_ids(self._memory, question, dated.evaluation, info)
        return None if kept is None else Recalled(kept, info, dated.date, question, self._memory)

    def _by_ids_at(self, active: Confirmed) -> bool:
        return self._by_ids == active.all and self._clock() < self._by_ids_until

    def _lapsed(self, dated: Dated) -> bool:
        """
        Say whether a decision is remembered, and may only have been made too long ago.
        """
        if self._clock() - self._confirmed.at <= _TRUSTED_FOR_S:
            return False
        return self._found(dated, or_by_ids=True, within_s=inf) is not None

    def _confirm(self, stages: Stages | None) -> None:
        """
        Ask OPA what is active, or wait for somebody who does: that takes it less than to decide
        anew all that is remembered.
        """
        flight, ours = self._flights.begin(BUNDLES)
        with _Timed(stages):
            if not ours:
                flight.wait()
                return
            began = self._clock()
            try:
                self._confirmed = self._confirmed.again(
                    self._client.ask(BUNDLES, {}).revisions, began
                )
            except EngineError:
                # The decision that is asked for next finds out what is wrong.
                pass
            finally:
                self._flights.end(BUNDLES, flight)

    def _question(self, info: BundleInfo, active: Confirmed, dated: Dated) -> Question | None:
        """
        Say what a decision depends on, of a bundle that is covered; None where it cannot be said.
        """
        values = dated.values(info.reads, self._selection.of(info, active.all))
        return None if values is None else Question(active.all, values)

    def _kept(
        self, dated: Dated, decision: Decision, info: BundleInfo, active: Confirmed
    ) -> Decision:
        """
        Remember a decision, where that may be.
        """
        if self._memory is None or not active.covers(info):
            return decision
        question = self._question(info, active, dated)
        if question is None:
            return decision
        self._memory.keep(question, decision)
        if not dated.by_entries:
            self._by_ids, self._by_ids_until = active.all, self._clock() + _BY_IDS_FOR_S
        return decision.fresh()

    def _ask(
        self,
        rule: Callable[[BundleInfo], DataPath],
        question: Mapping[str, Any],
        stages: Stages | None,
        items: int = 1,
    ) -> tuple[BundleInfo, Confirmed, Any]:
        """
        Ask a rule of the active bundle, and see that it was this bundle that answered.

        Returns:
            The bundle, all that was active then, and the rule's value.
        """
        info = self.bundle()
        for _ in range(_TRIES):
            asked = rule(info)
            began = self._clock()
            with _Timed(stages):
                answer = self._client.ask(asked, question, items)
            # What was active then, or later: from then on its age counts.
            active = self._confirmed = self._confirmed.again(answer.revisions, began)
            if not _is_from(answer, info):
                info = self._answering(answer)
            if _is_from(answer, info) and rule(info) == asked:
                return info, active, answer.result
        raise BundleNotActive()

    def _answering(self, answer: Answer) -> BundleInfo:
        for info in self._known:
            if _is_from(answer, info):
                # The active one stands first, also after a step back.
                self._known = (info, *(other for other in self._known if other is not info))
                return info
        return self._refreshed()

    def _refreshed(self) -> BundleInfo:
        known = self._known[:1]
        info = BundleInfo.read(self._client, *known)
        if self._guard:
            self._guard.judge(info, self._client)
        if info not in known:
            self._known = (info, *known)
        return info

    def _dated(self, evaluation: Evaluation) -> Dated:
        return _on(self._today(), evaluation)


def _on(date: str, evaluation: Evaluation) -> Dated:
    return Dated({**evaluation, "environment": {"date": date}})


def _amiss(info: BundleInfo, state: State, *, stale: bool) -> str | None:
    """
    Say what is amiss where decisions are made.
    """
    if not info.revision:
        return "the bundle has no revision"
    if info.agreement and info.agreement.gaps:
        return "the bundle lacks documents to explain them with"
    said = []
    if stale:
        said.append("the bundle has not been confirmed for longer than it may be")
    if state.failing:
        said.append(f"the newest bundle is not used: {CODES[state.failing.code]}")
    return ", and ".join(said) or None


def _of_the_newest(state: State) -> str:
    if state.failing is None:
        return ""
    return f" The newest bundle is not used: {CODES[state.failing.code]}."


def _kept_by_ids(
    memory: Memory, question: Question, evaluation: Evaluation, info: BundleInfo
) -> Kept | None:
    """
    Find what was remembered while the entries were not there, and keep it by them from now on.
    """
    values = paths_of(info.reads).values(evaluation)
    kept = None if values is None else memory.find(Question(question.revisions, values))
    return None if kept is None else memory.share(question, kept)


def _hits(found: Sequence[Recalled | None]) -> Attributes:
    return {
        "sidecar.memory.asked": len(found),
        "sidecar.memory.hits": sum(each is not None for each in found),
    }


def _decision_rule(info: BundleInfo) -> DataPath:
    return info.decision


def _batch_rule(info: BundleInfo) -> DataPath:
    if info.batch is None:
        raise _NoBatchRule()
    return info.batch


def _is_from(answer: Answer, info: BundleInfo) -> bool:
    return answer.revisions.get(info.name) == info.revision


class _Timed:
    """
    Adds the seconds that something takes to what OPA was waited for.
    """

    __slots__ = ("_began", "_stages")

    def __init__(self, stages: Stages | None) -> None:
        self._stages = stages

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        if self._stages is not None:
            took = perf_counter() - self._began
            self._stages["opa"] = self._stages.get("opa", 0.0) + took


def _attempt(decide: Callable[..., Decision], *arguments: Any) -> Decision | EngineError:
    try:
        return decide(*arguments)
    except EngineError as wrong:
        return wrong
