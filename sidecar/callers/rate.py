"""
How often one caller may ask.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sidecar.callers import settings
from sidecar.errors import TooManyRequests

# Callers are bounded by whom the issuer of tokens names, which may be many.
_MOST_CALLERS: Final = 10_000


class RateLimit:
    """
    A bucket of permissions for each caller, that fills up steadily. Safe to share between threads.

    Args:
        rate: How fast it fills, and how much it holds.

        clock: Tells the time, in seconds.
    """

    def __init__(self, rate: settings.Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = rate.per_second
        self._burst = rate.burst
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """
        Take one permission.

        Raises:
            TooManyRequests: There is none; it says when there will be.
        """
        now = self._clock()
        with self._lock:
            held, at = self._buckets.pop(caller, (float(self._burst), now))
            held = min(self._burst, held + (now - at) * self._per_second)
            missing = max(0.0, 1 - held)
            self._buckets[caller] = (held if missing else held - 1, now)
            if len(self._buckets) > _MOST_CALLERS:
                # Who has not asked for longest has most of its permissions back.
                self._buckets.popitem(last=False)
        if missing:
            raise TooManyRequests(retry_after_s=missing / self._per_second)
