"""
The registers' entries at hand, so that evaluations are told apart by the entries that their ids
select.
"""

import os
import threading
from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from sidecar.engine.bundle_info import NO_AGREEMENT, BundleInfo
from sidecar.engine.client import Opa
from sidecar.engine.memory import paths_of
from sidecar.errors import EngineError
from sidecar.registers.selected import Selected
from sidecar.registers.source import RegisterSource

Revisions = tuple[tuple[str, str], ...]

# When the same entries are asked for again that could not be had.
_AGAIN_S: Final = 60.0
# How far apart questions are at least, and which share of a worker's time they take at most: OPAs
# that take turns may have different revisions all the time.
_APART_S: Final = 1.0
_SHARE: Final = 1 / 20


class _Tried(NamedTuple):
    """
    When entries were asked for last.

    Attributes:
        process: By whom.

        revisions: Of which revisions.

        again: When these may be asked for again.

        others: When those of others may be.
    """

    process: int = 0
    revisions: Revisions = ()
    again: float = -inf
    others: float = -inf

    def due(self, process: int, revisions: Revisions, now: float) -> bool:
        """
        Whether entries may be asked for.
        """
        at = self.again if revisions == self.revisions else self.others
        return process != self.process or now >= at


class Selection:
    """
    Has the entries of what is active. They are asked for beside the requests: until they are there,
    and where they cannot be had, evaluations are told apart by their ids. Safe to share between
    threads, and to fork.

    Args:
        client: The door to OPA.

        clock: Tells seconds that only go up.
    """

    def __init__(self, client: Opa, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._held: Selected | None = None
        self._tried = _Tried()
        # By process: a fork has none of its parent's threads.
        self._asking: dict[int, object] = {}

    def of(self, info: BundleInfo, revisions: Revisions) -> Selected | None:
        """
        Return the entries; None where ids count by themselves, or entries are not there yet.

        Args:
            info: The bundle that decides.

            revisions: Revision of each active bundle, by its name and in their order: none is
                empty, and this bundle's is among them.
        """
        source = (info.agreement or NO_AGREEMENT).registers
        if source is None or not source.by_entry_alone:
            return None
        held = self._held
        if held is not None and held.revisions == revisions:
            return held
        self._have_asked(source, info, revisions)
        return None

    def _have_asked(self, source: RegisterSource, info: BundleInfo, revisions: Revisions) -> None:
        process, ours = os.getpid(), object()
        if not self._tried.due(process, revisions, self._clock()):
            return
        if self._asking.setdefault(process, ours) is not ours:
            return
        thread = threading.Thread(
            target=self._ask, args=(source, info, revisions), name="registers", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            # There are too many threads: the next question tries again.
            del self._asking[process]

    def _ask(self, source: RegisterSource, info: BundleInfo, revisions: Revisions) -> None:
        process, began, failed = os.getpid(), self._clock(), True
        try:
            answer = self._client.ask(source.at, {})
            # A policy of another revision may find entries by other paths; what has no revision may
            # change, and nothing tells of it.
            if answer.revisions.get(info.name) == info.revision and all(answer.revisions.values()):
                order = paths_of(info.reads).order
                self._held = Selected(source, order, answer.revisions, answer.result)
            failed = False
        except (EngineError, RecursionError):
            # Ids count by themselves.
            pass
        finally:
            now = self._clock()
            others = now + max(_APART_S, (now - began) / _SHARE)
            again = now + _AGAIN_S if failed else others
            self._tried = _Tried(process, revisions, again, others)
            del self._asking[process]
