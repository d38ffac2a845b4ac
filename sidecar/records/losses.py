"""
What was lately not kept, by any of the processes: for whoever asks how the sidecar is.
"""

import mmap
import os
import time
from collections.abc import Callable
from typing import Final

_LATELY_S: Final = 60

_SAID: Final = {
    "dropped": "Records were lost within the last minute.",
    "refused": "Decisions were refused within the last minute: their records could not be kept.",
}
_RESULTS: Final = tuple(_SAID)
_WIDTH: Final = 8


class Losses:
    """
    Remembers when records were last lost, or decisions refused for want of them.

    Args:
        shared: A file that all processes have open, and nobody else writes to.

        clock: Tells nanoseconds that only go up, the same for all processes.
    """

    def __init__(self, shared: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        size = len(_RESULTS) * _WIDTH
        os.ftruncate(shared, size)
        self._last = mmap.mmap(shared, size)
        self._clock = clock

    def note(self, result: str) -> None:
        """
        Remember what became of records just now, where that is a loss.
        """
        if result in _SAID:
            self._last[self._place(result)] = self._clock().to_bytes(_WIDTH, "little")

    def lately(self) -> tuple[str, ...]:
        """
        Say, as fixed sentences, what was not kept within the last minute.
        """
        now = self._clock()
        return tuple(said for result, said in _SAID.items() if self._since(result, now))

    def _since(self, result: str, now: int) -> bool:
        at = int.from_bytes(self._last[self._place(result)], "little")
        return at != 0 and now - at <= _LATELY_S * 1_000_000_000

    def _place(self, result: str) -> slice:
        begin = _RESULTS.index(result) * _WIDTH
        return slice(begin, begin + _WIDTH)
