"""
What decisions that are alike have in common, whatever they were asked about: few are answered in
more than some hundred ways.
"""

from typing import Final, NamedTuple

from prometheus_client import Counter

from sidecar.engine.bundle_info import BundleInfo

_LONGEST: Final = 4096

Key = tuple[bytes, bool, bool | None, str, int, bytes]
"""
A decision's context, as it is written, and whatever else what is made of it depends on.
"""


class Shared(NamedTuple):
    """
    What was made of a decision.

    Attributes:
        parts: The answer, as it is written: the decision's name stands between them.

        counters: What counts it.

        result: What a record says of the decision; None where that depends on what was asked, or
            none are kept.
    """

    parts: tuple[bytes, ...]
    counters: tuple[Counter, ...]
    result: bytes | None


class Alike:
    """
    Keeps what was made, for one bundle at a time. Safe to share between threads.

    Args:
        most: For how many decisions at most; of those that are long, for none.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: tuple[BundleInfo | None, dict[Key, Shared]] = (None, {})

    def find(self, info: BundleInfo, key: Key) -> Shared | None:
        """
        Find what was made of a decision.

        Args:
            info: The bundle that decided.

            key: The decision.
        """
        of, kept = self._kept
        return kept.get(key) if of is info else None

    def keep(self, info: BundleInfo, key: Key, shared: Shared) -> None:
        """
        Keep what was made.
        """
        of, kept = self._kept
        if of is not info or len(kept) >= self._most:
            # All anew: what is asked often is soon there again.
            kept = {}
            self._kept = (info, kept)
        if len(key[0]) <= _LONGEST:
            kept[key] = shared
