"""
How long a caller may use an answer again (`context.policy.max_age_s`).
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from sidecar.engine.bundle_info import BundleInfo

# Any of these, and the next day may be answered otherwise.
_DATE: Final = frozenset({"*", "environment", "environment.date"})


class Lifetime:
    """
    Says how long an answer holds for the same question, as far as that can be foreseen.

    Nobody can foresee the next revision: the operator says how long callers may go without it.

    Args:
        callers_s: That many seconds, at most.

        clock: Tells seconds since 1970.
    """

    def __init__(self, callers_s: int, clock: Callable[[], float] = time.time) -> None:
        self._callers_s = callers_s
        self._clock = clock

    def seconds(self, info: BundleInfo, date: str) -> int:
        """
        Say for how many whole seconds from now.

        Args:
            info: The bundle that decided.

            date: The date that it was given.

        Returns:
            0 where each question is to be asked: where something else than the question counts,
            or no revision tells of a change, or the day is over on which the decision was made.
        """
        if not self._callers_s or not info.deterministic or not info.revision:
            return 0
        if _DATE.isdisjoint(info.reads):
            return self._callers_s
        return max(0, min(self._callers_s, int(_end_of(date) - self._clock())))


@lru_cache(maxsize=4)
def _end_of(date: str) -> float:
    """
    Say when a day in UTC is over; one that is none, is.
    """
    try:
        day = datetime.fromisoformat(date).replace(tzinfo=UTC)
    except ValueError:
        return 0.0
    return (day + timedelta(days=1)).timestamp()
