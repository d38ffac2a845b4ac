"""
What OPA said that was active.
"""

from collections.abc import Mapping
from math import inf

from sidecar.engine.bundle_info import BundleInfo


class Confirmed:
    """
    What OPA said that was active. Never changed.

    Args:
        revisions: Revision of each bundle, by its name.

        at: When that was, by the engine's clock.

    Attributes:
        revisions: Revision of each bundle, by its name.

        at: When that was.

        all: The revisions, always in the same order.
    """

    __slots__ = ("_told", "all", "at", "revisions")

    def __init__(self, revisions: Mapping[str, str], at: float = -inf) -> None:
        self.revisions = revisions
        self.at = at
        self.all = tuple(sorted(revisions.items()))
        # What has no revision may change, and nothing tells of it.
        self._told = all(revisions.values())

    def again(self, revisions: Mapping[str, str], at: float) -> "Confirmed":
        """
        Say what OPA said later: the same, as a rule.
        """
        if revisions != self.revisions:
            return Confirmed(revisions, at)
        later = Confirmed.__new__(Confirmed)
        later.revisions, later.at, later.all, later._told = self.revisions, at, self.all, self._told
        return later

    def covers(self, info: BundleInfo) -> bool:
        """
        Say whether a decision of a bundle depends on nothing but its question.
        """
        return self._told and info.deterministic and self.revisions.get(info.name) == info.revision
