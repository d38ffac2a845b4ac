"""
Decisions that are remembered, exactly: under all that they depend on, and for no longer than that
holds.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from sidecar.bundle.manifest import EVERYTHING
from sidecar.canonical import canonical
from sidecar.engine.decision import Decision
from sidecar.registers.selected import Selected

# What Python keeps beside the bytes of an entry, and what lies idle between them: one that was
# forgotten leaves a gap that the next one need not fit into. `make bench-bound` says whether that
# is enough.
_BESIDE: Final = 920
_IDLE: Final = 4


class Question(NamedTuple):
    """
    What a decision depends on: whoever asks the same, is answered the same.

    Attributes:
        revisions: The bundles that were active, by name and revision.

        values: The values at the paths that the decision reads, in their order, as bytes; where
            ids count by entries alone, with these in their places.
    """

    revisions: tuple[tuple[str, str], ...]
    values: bytes


class Paths:
    """
    The paths that a decision reads (contract, section 3).

    Args:
        reads: Paths such as `subject.type`; `*` for all of the input.

    Attributes:
        order: The paths in the order in which their values are written; none where all of the input
            is.
    """

    def __init__(self, reads: Sequence[str]) -> None:
        self._all = not set(reads).isdisjoint(EVERYTHING)
        # Those with a common holder together: it is looked up once for all of them.
        holders: dict[tuple[str, ...], list[str]] = {}
        for path in reads:
            *holder, name = path.split(".")
            holders.setdefault(tuple(holder), []).append(name)
        self._holders = tuple(holders.items())
        self.order: tuple[str, ...] = (
            ()
            if self._all
            else tuple(
                ".".join((*holder, name)) for holder, names in self._holders for name in names
            )
        )

    def values(
        self, evaluation: Mapping[str, Any], selected: Selected | None = None
    ) -> bytes | None:
        """
        Write the values that an evaluation has there; None where they cannot be written.

        Values that a policy could tell apart are written differently: null is not an absent value,
        and 1 is not 1.0. The order of an object's members is none.

        Args:
            evaluation: What the policy is given.

            selected: The entries that ids count by, made for the paths in this order; None where
                ids count by themselves.
        """
        try:
            if self._all:
                return canonical(evaluation)
            found = self._found(evaluation)
            if selected is not None:
                selected.put(found)
            return canonical(found)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return None

    def _found(self, evaluation: Mapping[str, Any]) -> list[list[Any]]:
        """
        Find the value at each path: in a list, which is empty where there is none.
        """
        found: list[list[Any]] = []
        for holder, names in self._holders:
            held: Any = evaluation
            for step in holder:
                # In anything else a policy finds nothing by a name.
                held = held.get(step) if isinstance(held, dict) else None
            within = held if isinstance(held, dict) else {}
            found += [[within[name]] if name in within else [] for name in names]
        return found


paths_of: Final = lru_cache(maxsize=16)(Paths)
"""
The paths of a bundle, made once for each.
"""


class Kept:
    """
    A decision that is kept, as bytes: their size is known, and nobody can change them.

    Args:
        allowed: The verdict.

        context: What the policy says beside it, written.

        size: How many bytes it takes, with its question.

    Attributes:
        made: What somebody made of it, to be used again; None where nobody did.

        made_size: How many bytes that takes.
    """

    __slots__ = ("allowed", "context", "made", "made_size", "size")

    def __init__(self, allowed: bool, context: bytes, size: int) -> None:
        self.allowed = allowed
        self.context = context
        self.size = size
        self.made: object = None
        self.made_size = 0

    def decision(self, revision: str, date: str) -> Decision:
        """
        Read the decision, which is the caller's own.

        Args:
            revision: Revision of the bundle that decides.

            date: The date that the policy would be given now.
        """
        context = msgspec.json.decode(self.context)
        return Decision(self.allowed, context, revision, date, remembered=True)


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
        self._kept: OrderedDict[Question, Kept] = OrderedDict()
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

    def find(self, question: Question) -> Kept | None:
        """
        Find the decision on a question; None where it is not known.
        """
        with self._lock:
            kept = self._kept.get(question)
            if kept is not None:
                self._kept.move_to_end(question)
            return kept

    def keep(self, question: Question, decision: Decision) -> None:
        """
        Keep a decision.
        """
        self._put(question, decision.allowed, msgspec.json.encode(decision.context))

    def share(self, question: Question, kept: Kept) -> Kept:
        """
        Keep a decision that was found on one question also on another one.

        Returns:
            The decision as it is kept there.
        """
        return self._put(question, kept.allowed, kept.context)

    def make(self, question: Question, kept: Kept, made: object, size: int) -> None:
        """
        Keep what was made of a decision with it, in the place of what was made before.

        Args:
            question: The question.

            kept: The decision on it, as it was found.

            made: What is to be kept.

            size: How many bytes it takes.
        """
        with self._lock:
            # It may have been forgotten meanwhile: then nothing of it is counted any more.
            if self._kept.get(question) is not kept:
                return
            room = _room(size)
            more = room - kept.made_size
            kept.made, kept.made_size = made, room
            self._take(more)

    def _put(self, question: Question, allowed: bool, context: bytes) -> Kept:
        kept = Kept(allowed, context, _room(len(question.values) + len(context)) + _BESIDE)
        with self._lock:
            self._forget(question)
            self._kept[question] = kept
            self._take(kept.size)
        return kept

    def _take(self, more: int) -> None:
        self._taken += more
        while len(self._kept) > self._entries or self._taken > self._size:
            self._forget(next(iter(self._kept)))

    def _forget(self, question: Question) -> None:
        kept = self._kept.pop(question, None)
        if kept is not None:
            self._taken -= kept.size + kept.made_size


def _room(size: int) -> int:
    return size + size // _IDLE
