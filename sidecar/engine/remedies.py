"""
What would have to hold for a refusal to become a permission (contract, section 1).

The policy says which facts may help, as `remedies` of its refusal; here they are put together and
tried. Nothing is offered that was not evaluated.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Final, Self

from sidecar.canonical import canonical
from sidecar.engine.dated import Evaluation
from sidecar.engine.decision import Decision, objects
from sidecar.engine.engine import Engine, Recalled
from sidecar.errors import EngineError
from sidecar.settings import Limits

Facts = dict[str, Any]
Outcome = Decision | EngineError

ANSWER: Final = "remedies"
"""
What `context.answer` says of a caller who asks for remedies.
"""

_AT_ONCE: Final = 100
_MOST_FACTS: Final = 4
_MOST_REMEDIES: Final = 10


@dataclass(slots=True)
class Budget:
    """
    How much may be tried for one request.

    Attributes:
        evaluations: How many evaluations are left.

        until: When it is over, on the monotonic clock.
    """

    evaluations: int
    until: float

    @classmethod
    def of(cls, limits: Limits) -> Self:
        """
        Begin now, with what one request may ask for.
        """
        until = time.monotonic() + limits.remedies_within_s
        return cls(limits.remedy_evaluations, until)

    def take(self, wanted: int) -> int:
        """
        Take as many evaluations as there are left, up to what is wanted.
        """
        if time.monotonic() > self.until:
            self.evaluations = 0
        taken = min(wanted, self.evaluations)
        self.evaluations -= taken
        return taken


@dataclass(slots=True)
class Search:
    """
    The search for one refusal's remedies: breadth first, so that the smallest come first.

    Attributes:
        decide: Asks for many decisions at once.

        refused: The evaluation that was refused.

        budget: How much may be tried.
    """

    decide: Callable[[Sequence[Evaluation]], Sequence[Outcome]]
    refused: Evaluation
    budget: Budget
    _tried: dict[bytes, Outcome] = field(default_factory=dict)

    def remedies(self, refusal: Decision) -> list[dict[str, Facts]]:
        """
        Find the smallest sets of facts that would turn the refusal into a permission.

        Returns:
            Objects of `facts`, in the order in which the policy named them; empty where there are
            none, or none was found within the budget.
        """
        level: list[tuple[Facts, Decision]] = [({}, refusal)]
        for _ in range(_MOST_FACTS):
            wider: dict[bytes, tuple[Facts, bytes]] = {}
            for held, decided in level:
                before = _essence(decided)
                wider |= {canonical(facts): (facts, before) for facts in _wider(held, decided)}
            outcomes = self._try(facts for facts, _ in wider.values())
            if permitted := [facts for facts, outcome in outcomes if _permits(outcome)]:
                return [{"facts": facts} for facts in self._smallest(permitted)]
            # Where the last fact has changed nothing, it leads nowhere.
            level = [
                (facts, outcome)
                for facts, outcome in outcomes
                if isinstance(outcome, Decision) and _essence(outcome) != wider[canonical(facts)][1]
            ]
        return []

    def _try(self, sets: Iterable[Facts]) -> list[tuple[Facts, Outcome]]:
        new = [facts for facts in sets if canonical(facts) not in self._tried]
        new = new[: self.budget.take(len(new))]
        done: list[tuple[Facts, Outcome]] = []
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            if time.monotonic() > self.budget.until:
                break
            try:
                outcomes = self.decide([self._with(facts) for facts in some])
            except EngineError:
                break
            done += zip(some, outcomes, strict=True)
        self._tried |= {canonical(facts): outcome for facts, outcome in done}
        return done

    def _with(self, facts: Facts) -> Evaluation:
        context = self.refused["context"]
        given = context.get("facts", {})
        return {**self.refused, "context": {**context, "facts": {**given, **facts}}}

    def _smallest(self, permitted: Sequence[Facts]) -> list[Facts]:
        """
        Take out what is larger than it needs to be: each smaller part of a set is tried as well.
        """
        parts = _distinct(part for facts in permitted for part in _parts(facts))
        self._try(parts)
        held = [
            facts for facts in (*parts, *permitted) if _permits(self._tried.get(canonical(facts)))
        ]
        least = min(map(len, held))
        return [facts for facts in held if len(facts) == least][:_MOST_REMEDIES]


def wants_help(asked: Evaluation) -> bool:
    """
    Say whether a caller asks for remedies, should it be refused.
    """
    return bool(asked.get("context", {}).get("answer") == ANSWER)


def helped(
    engine: Engine, asked: Evaluation, outcome: Recalled | Decision, budget: Budget
) -> Recalled | Decision:
    """
    Find the remedies of a refusal, where the caller asks for them; else leave it as it is.

    Args:
        engine: Who is asked.

        asked: The evaluation.

        outcome: What was decided on it.

        budget: How much may be tried.
    """
    if not wants_help(asked):
        return outcome
    decision = outcome.decision() if isinstance(outcome, Recalled) else outcome
    return remedied(engine, asked, decision, budget) if _wanting(decision) else decision


def remedied(engine: Engine, asked: Evaluation, decision: Decision, budget: Budget) -> Decision:
    """
    Put remedies that were tried in the place of those that the policy thinks of.

    Args:
        engine: Who is asked.

        asked: The evaluation.

        decision: The refusal, whose remedies are wanted.

        budget: How much may be tried.
    """
    # Nothing can be added to facts that are no object.
    addable = isinstance(asked["context"].get("facts", {}), dict)
    found = Search(engine.decide_all, asked, budget).remedies(decision) if addable else []
    return replace(decision, context={**(decision.context or {}), "remedies": found})


def _wider(held: Facts, decided: Decision) -> Iterator[Facts]:
    for step in objects((decided.context or {}).get("remedies")):
        facts = step.get("facts")
        if isinstance(facts, dict) and not facts.keys() & held.keys():
            yield held | facts


def _parts(facts: Facts) -> Iterator[Facts]:
    for size in range(1, len(facts)):
        for names in combinations(facts, size):
            yield {name: facts[name] for name in names}


def _distinct(sets: Iterable[Facts]) -> list[Facts]:
    return [*{canonical(facts): facts for facts in sets}.values()]


def _permits(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Decision) and outcome.allowed


def _wanting(decision: Decision) -> bool:
    return not decision.allowed and decision.context is not None


def _essence(decision: Decision) -> bytes:
    """
    Take what of a refusal tells it from another one.
    """
    context: Mapping[str, Any] = decision.context or {}
    return canonical([context.get(name) for name in ("denied", "missing_facts", "problems")])
