"""
Decisions that are remembered, exactly: under all that they depend on, and for no longer than that
holds.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from sidecar.bundle.manifest import EVERYTHING
from sidecar.canonical import canonical
from sidecar.engine.decision import Decision

# What Python keeps beside the bytes of an entry, and then some.
_BESIDE: Final = 400


@dataclass(frozen=True, slots=True)
class Question:
    """
    What a decision depends on: whoever asks the same, is answered the same.

    Attributes:
        revisions: The bundles that were active, by name and revision.

        values: The values at the paths that the decision reads, in their order, as bytes.
    """

    revisions: tuple[tuple[str, str], ...]
    values: bytes


class Paths:
    """
    The paths that a decision reads (contract, section 3).

    Args:
        reads: Paths such as `subject.type`; `*` for all of the input.
    """

    def __init__(self, reads: Sequence[str]) -> None:
        self._all = not set(reads).isdisjoint(EVERYTHING)
        self._paths = tuple(tuple(path.split(".")) for path in reads)

    def values(self, evaluation: Mapping[str, Any]) -> bytes | None:
        """
        Write the values that an evaluation has there; None where they cannot be written.

        Values that a policy could tell apart are written differently: null is not an absent value,
        and 1 is not 1.0. The order of an object's members is none.
        """
        try:
            return canonical(evaluation if self._all else [_at(evaluation, p) for p in self._paths])
        except (TypeError, ValueError, OverflowError, RecursionError):
            return None


paths_of: Final = lru_cache(maxsize=16)(Paths)
"""
The paths of a bundle, made once for each.
"""


def _at(value: Any, path: tuple[str, ...]) -> list[Any]:
    """
    Find the value at a path: in a list, which is empty where there is none.
    """
    for step in path:
        # In anything else a policy finds nothing by a name.
        if not isinstance(value, dict) or step not in value:
            return []
        value = value[step]
    return [value]


class Memory:
    """
    Decisions by their questions; those that were not asked for the longest time are forgotten
    first. Safe to share between threads.

    Args:
        entries: How many decisions are kept at most.

        size: How many bytes they take at most, all together.
    """

    def __init__(self, entries: int, size: int) -> None:
        self._entries = entries
        self._size = size
        self._kept: OrderedDict[Question, bytes] = OrderedDict()
        self._taken = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """
        Say how many decisions are kept.
        """
        return len(self._kept)

    @property
    def taken(self) -> int:
        """
        How many bytes they take, by count.
        """
        return self._taken

    def find(self, question: Question, revision: str, date: str = "") -> Decision | None:
        """
        Find the decision on a question.

        Args:
            question: The question.

            revision: Revision of the bundle that decides.

            date: The date that the policy would be given now.

        Returns:
            The decision, the caller's own; None where it is not known.
        """
        with self._lock:
            kept = self._kept.get(question)
            if kept is None:
                return None
            self._kept.move_to_end(question)
        allowed, context = msgspec.json.decode(kept)
        return Decision(allowed, context, revision, date, remembered=True)

    def keep(self, question: Question, decision: Decision) -> None:
        """
        Keep a decision.
        """
        # As bytes: their size is known, and nobody can change them.
        content = msgspec.json.encode((decision.allowed, decision.context))
        with self._lock:
            self._forget(question)
            self._kept[question] = content
            self._taken += _cost(question, content)
            while len(self._kept) > self._entries or self._taken > self._size:
                self._forget(next(iter(self._kept)))

    def _forget(self, question: Question) -> None:
        content = self._kept.pop(question, None)
        if content is not None:
            self._taken -= _cost(question, content)


def _cost(question: Question, content: bytes) -> int:
    return len(question.values) + len(content) + _BESIDE
