"""
sidecar.callers.rate
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sidecar.callers import rate
from sidecar.callers.rate import RateLimit
from sidecar.callers.settings import Rate
from sidecar.errors import TooManyRequests


class Clock:
    """
    A clock that a test sets.
    """

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """
        Tell the time.
        """
        return self.now


def _taken(limit: RateLimit, caller: str, times: int) -> int:
    taken = 0
    for _ in range(times):
        try:
            limit.take(caller)
        except TooManyRequests:
            continue
        taken += 1
    return taken


def test_as_many_at_once_as_the_burst_and_then_steadily():
    """
    The burst may be had at once; after it, as many as the time brought, and never more than the
    burst.
    """
    clock = Clock()
    limit = RateLimit(Rate(2.0, 3), clock)

    assert _taken(limit, "a", 10) == 3
    clock.now += 1
    assert _taken(limit, "a", 10) == 2
    clock.now += 3600
    assert _taken(limit, "a", 10) == 3


def test_who_is_refused_is_told_when():
    """
    After the time that the answer says, one more is taken.
    """
    clock = Clock()
    limit = RateLimit(Rate(0.1, 1), clock)
    limit.take("a")
    with pytest.raises(TooManyRequests) as wrong:
        limit.take("a")
    assert wrong.value.headers == {"Retry-After": "10"}
    clock.now += 9.9
    assert _taken(limit, "a", 5) == 0
    clock.now += 0.11
    assert _taken(limit, "a", 5) == 1


def test_each_caller_has_its_own():
    """
    Who asks too often takes nothing from the others.
    """
    limit = RateLimit(Rate(1.0, 2), Clock())

    assert [_taken(limit, caller, 5) for caller in "abc"] == [2, 2, 2]


def test_callers_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch):
    """
    Of more callers than are remembered, those that asked last are.
    """
    monkeypatch.setattr(rate, "_MOST_CALLERS", 2)
    limit = RateLimit(Rate(1.0, 1), Clock())
    first = [_taken(limit, caller, 2) for caller in "abc"]

    assert first == [1, 1, 1]
    assert [_taken(limit, caller, 1) for caller in "bca"] == [0, 0, 1]


def test_threads_share_it():
    """
    Many threads at once get no more than one would.
    """
    limit = RateLimit(Rate(0.001, 50), Clock())
    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(lambda _: _taken(limit, "a", 25), range(8)))

    assert taken == 50
