"""
Records that ask the same: they are evaluated once, however many they are.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sidecar.engine.memory import Paths
from sidecar.replay.reading import Recorded


@dataclass(slots=True)
class Group:
    """
    Records that no bundle can tell apart, and that were answered alike.

    Attributes:
        example: The first of them.

        question: What they ask, on the date that it has.

        count: How many there are.

        applications: Who asked, and how often.
    """

    example: Recorded
    question: dict[str, Any]
    count: int = 0
    applications: Counter[str] = field(default_factory=Counter)


def grouped(records: Iterable[Recorded], reads: Sequence[str]) -> list[Group]:
    """
    Group records.

    Args:
        records: The records; they are gone through once, and are not kept.

        reads: The paths that any of the bundles reads (contract, section 3).
    """
    paths = Paths(reads)
    groups: dict[Any, Group] = {}
    for record in records:
        asked = _question(record.asked)
        key = (paths.values(asked), record.allowed, permitted(record.context))
        group = groups.setdefault(key, Group(record, asked))
        group.count += 1
        group.applications[record.application] += 1
    return list(groups.values())


def permitted(context: dict[str, Any]) -> tuple[str, ...] | None:
    """
    Say which categories a context permits; None where it does not say.
    """
    categories = context.get("permitted")
    return tuple(map(str, categories)) if isinstance(categories, list) else None


def _question(asked: dict[str, Any]) -> dict[str, Any]:
    """
    Take out of an evaluation how much was to be answered: that decides nothing.
    """
    context = asked.get("context")
    if not isinstance(context, dict) or "answer" not in context:
        return asked
    return {**asked, "context": {key: context[key] for key in context if key != "answer"}}
