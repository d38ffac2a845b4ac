"""
What would be decided otherwise, and how often.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final

from sidecar.engine.decision import Decision
from sidecar.errors import EngineError
from sidecar.replay.grouping import Group, Question, Share
from sidecar.replay.verdict import Verdict

OPENED: Final = "opened"
CLOSED: Final = "closed"
UNDECIDED: Final = "undecided"
"""
What a change does to a record: something that was refused is permitted; something that was
permitted is refused; nothing is decided any more.
"""

BY: Final = ("clause", "action", "purpose", "application")

Outcome = Decision | EngineError


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

    def shares(self, by: str) -> dict[str, Share]:
        """
        Say for how many records it counts there.
        """
        if by == "application":
            return self.group.applications
        whole = Share(self.group.count, self.group.example.decision_id)
        return dict.fromkeys(self.named(by), whole)


@dataclass(slots=True)
class Tally:
    """
    Flips that count for one clause, action, purpose or application.

    Attributes:
        flip: One of them.

        example: The name of a decision of it that counts.

        counts: How many records there are, by the kind of flip.
    """

    flip: Flip
    example: str
    counts: Counter[str] = field(default_factory=Counter)

    def said(self) -> dict[str, Any]:
        """
        Write it as JSON has it.
        """
        return {**self.counts, "example": self.example}


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
        questions: Iterable[Question],
        before: Iterable[Outcome] | None,
        after: Iterable[Outcome],
    ) -> "Impact":
        """
        Compare. Of what is decided nothing but the flips is kept.

        Args:
            questions: The records, by what they ask.

            before: What the policy before decides on each question; None for what was recorded.

            after: What the new one decides.
        """
        impact = cls()
        olds: Iterator[Outcome | None] = iter(before) if before else repeat(None)
        for question, new in zip(questions, after, strict=True):
            impact.evaluations += 1
            old = next(olds)
            for group in question.groups:
                impact.records += group.count
                flip = _flip(group, _before(group, old), new)
                if flip:
                    impact.flips.append(flip)
        impact.flips.sort(key=_weight)
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
            for name, share in flip.shares(what).items():
                # The flips that matter most come first.
                tally = tallies.setdefault(name, Tally(flip, share.example))
                tally.counts[flip.kind] += share.count
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


def unacknowledged(
    flips: Iterable[Flip], acknowledged: Sequence[Mapping[str, str]]
) -> dict[Flip, int]:
    """
    Find the flips that open something, and that nobody acknowledged.

    Args:
        flips: All flips.

        acknowledged: What is acknowledged: each entry names a clause, an action, a purpose, an
            application or several of them, and covers the records that count for all that it names.

    Returns:
        How many records of a flip are left, where some are.
    """
    left = {}
    for flip in flips:
        if flip.kind == OPENED:
            shares = flip.group.applications.items()
            count = sum(
                share.count
                for application, share in shares
                if not any(_covers(entry, flip, application) for entry in acknowledged)
            )
            if count:
                left[flip] = count
    return left


def _covers(entry: Mapping[str, str], flip: Flip, application: str) -> bool:
    return all(
        value == application if by == "application" else value in flip.named(by)
        for by, value in entry.items()
    )


def _weight(flip: Flip) -> tuple[bool, int, str]:
    """
    Say where a flip stands: first what opens, and what is of many records.
    """
    return flip.kind != OPENED, -flip.group.count, flip.group.example.decision_id


def _before(group: Group, old: Outcome | None) -> Verdict:
    if old is None:
        return group.verdict
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
        "applications": {
            name: share.count for name, share in sorted(flip.group.applications.items())
        },
        "example": flip.group.example.decision_id,
        "input": flip.group.example.asked,
        "before": flip.before.said(),
        "after": flip.after.said() if flip.after else None,
    }


def _at(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
