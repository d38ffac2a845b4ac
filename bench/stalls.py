"""
How quiet the machine is: when a core is away that has nothing to do but look at the clock. No
answer can be quicker than that.
"""

from dataclasses import dataclass
from time import perf_counter

from bench.cores import SERVER, on_core

_LEAST_S = 0.001


@dataclass(frozen=True, slots=True)
class Stalls:
    """
    When a core was not there.

    Attributes:
        seconds: How long it was looked at.

        gaps_ms: How long it was away, each time that this was more than a millisecond.
    """

    seconds: float
    gaps_ms: tuple[float, ...]

    def __add__(self, other: "Stalls") -> "Stalls":
        return Stalls(self.seconds + other.seconds, self.gaps_ms + other.gaps_ms)


def stalls(seconds: float) -> Stalls:
    """
    Look at the servers' core.
    """
    gaps = []
    with on_core(SERVER):
        began = before = perf_counter()
        while before - began < seconds:
            now = perf_counter()
            if now - before > _LEAST_S:
                gaps.append((now - before) * 1000)
            before = now
    return Stalls(seconds, tuple(gaps))
