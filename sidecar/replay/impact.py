"""
What would be decided otherwise, and how often.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final

from sidecar.engine.decision import Decision, objects
from sidecar.errors import EngineError
from sidecar.replay.grouping import Group, permitted

OPENED: Final = "opened"
CLOSED: Final = "closed"
UNDECIDED: Final = "undecided"
"""
What a change does to a record: something that was refused is permitted; something that was
permitted is refused; nothing is decided any more.
"""

BY: Final = ("clause", "action", "purpose", "application")

Outcome = Decision | EngineError


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    A decision, as far as it is compared.

    Attributes:
        allowed: The verdict.

        permitted: The categories that are permitted; None where that is not told.

        reason: Why.

        clauses: The ids of the clauses that are cited.
    """

    allowed: bool
    permitted: tuple[str, ...] | None
    reason: str
    clauses: tuple[str, ...]

    @classmethod
    def of(cls, allowed: bool, context: Mapping[str, Any] | None) -> "Verdict":
        """
        Read a decision's context.
        """
        said = dict(context or {})
        clauses = tuple(str(clause.get("id")) for clause in objects(said.get("clauses")))
        return cls(allowed, permitted(said), str(said.get("reason", "")), clauses)

    def said(self) -> dict[str, Any]:
        """
        Write it as JSON has it.
        """
        return {
            "decision": self.allowed,
            "permitted": None if self.permitted is None else list(self.permitted),
            "reason": self.reason,
            "clauses": list(self.clauses),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Flip:
    """
    A group of records that would be decided otherwise.

    Attributes:
        kind: opened, closed or undecided. What is both, is opened.

        group: The records.

        before: What was decided.

        after: What would be; None where nothing is.
    """

    kind: str
    group: Group
    before: Verdict
    after: Verdict | None

    def named(self, by: str) -> set[str]:
        """
        Say what it counts for, such as its action.
        """
        asked = self.group.example.asked
        match by:
            case "clause":
                after = self.after.clauses if self.after else ()
                # Those that were not cited before say why, or those that are not any more.
                return set(self.before.clauses) ^ set(after) or set(after)
            case "action":
                return {str(_at(asked, "action", "name"))}
            case "purpose":
                purpose = _at(asked, "context", "purpose")
                return set(map(str, purpose if isinstance(purpose, list) else [purpose]))
        return set(self.group.applications)


@dataclass(slots=True)
class Tally:
    """
    Flips that count for one clause, action, purpose or application.

    Attributes:
        example: One of them.

        counts: How many records there are, by the kind of flip.
    """

    example: Flip
    counts: Counter[str] = field(default_factory=Counter)

    def said(self) -> dict[str, Any]:
        """
        Write it as JSON has it.
        """
        return {**self.counts, "example": self.example.group.example.decision_id}


@dataclass(slots=True)
class Impact:
    """
    What a change would have decided otherwise.

    Attributes:
        records: How many records were looked at.

        evaluations: How many different questions they asked.

        flips: The groups that would be decided otherwise.
    """

    records: int = 0
    evaluations: int = 0
    flips: list[Flip] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        groups: Iterable[Group],
        before: Iterable[Outcome] | None,
        after: Iterable[Outcome],
    ) -> "Impact":
        """
        Compare. Of what is decided nothing but the flips is kept.

        Args:
            groups: The records.

            before: What the policy before decides on each group; None for what was recorded.

            after: What the new one decides.
        """
        impact = cls()
        olds: Iterator[Outcome | None] = iter(before) if before else repeat(None)
        for group, new in zip(groups, after, strict=True):
            impact.records += group.count
            impact.evaluations += 1
            flip = _flip(group, _before(group, next(olds)), new)
            if flip:
                impact.flips.append(flip)
        impact.flips.sort(key=lambda flip: (flip.kind != OPENED, -flip.group.count))
        return impact

    def count(self, kind: str) -> int:
        """
        Count the records of a kind of flip.
        """
        return sum(flip.group.count for flip in self.flips if flip.kind == kind)

    def by(self, what: str) -> dict[str, Tally]:
        """
        Count the records of each kind of flip by what they count for, with one of them.
        """
        tallies: dict[str, Tally] = {}
        for flip in self.flips:
            for name in flip.named(what):
                # The flips that matter most come first.
                tally = tallies.setdefault(name, Tally(flip))
                tally.counts[flip.kind] += flip.group.count
        return {name: tallies[name] for name in sorted(tallies)}

    def said(self) -> dict[str, Any]:
        """
        Write it as JSON has it.
        """
        return {
            "records": self.records,
            "evaluations": self.evaluations,
            **{kind: self.count(kind) for kind in (OPENED, CLOSED, UNDECIDED)},
            **{
                f"by_{what}": {name: tally.said() for name, tally in self.by(what).items()}
                for what in BY
            },
            "flips": [_said(flip) for flip in self.flips],
        }


def unacknowledged(flips: Iterable[Flip], acknowledged: Sequence[Mapping[str, str]]) -> list[Flip]:
    """
    Find the flips that open something, and that nobody acknowledged.

    Args:
        flips: All flips.

        acknowledged: What is acknowledged: each entry names a clause, an action, a purpose or
            several of them, and covers the flips that count for all that it names.
    """
    return [
        flip
        for flip in flips
        if flip.kind == OPENED
        and not any(
            all(value in flip.named(by) for by, value in entry.items()) for entry in acknowledged
        )
    ]


def _before(group: Group, old: Outcome | None) -> Verdict:
    if old is None:
        return Verdict.of(group.example.allowed, group.example.context)
    if isinstance(old, EngineError):
        # Nothing was permitted then.
        return Verdict(False, (), old.code, ())
    return Verdict.of(old.allowed, old.context)


def _flip(group: Group, before: Verdict, outcome: Outcome) -> Flip | None:
    if isinstance(outcome, EngineError):
        return Flip(UNDECIDED, group, before, None)
    after = Verdict.of(outcome.allowed, outcome.context)
    if before.permitted is None or after.permitted is None:
        opened, closed = after.allowed > before.allowed, after.allowed < before.allowed
    else:
        old, new = set(before.permitted), set(after.permitted)
        # An act without categories is told by its verdict alone.
        opened = bool(new - old) or after.allowed > before.allowed
        closed = bool(old - new) or after.allowed < before.allowed
    if opened:
        return Flip(OPENED, group, before, after)
    return Flip(CLOSED, group, before, after) if closed else None


def _said(flip: Flip) -> dict[str, Any]:
    return {
        "kind": flip.kind,
        "records": flip.group.count,
        "applications": dict(flip.group.applications),
        "example": flip.group.example.decision_id,
        "input": flip.group.example.asked,
        "before": flip.before.said(),
        "after": flip.after.said() if flip.after else None,
    }


def _at(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
