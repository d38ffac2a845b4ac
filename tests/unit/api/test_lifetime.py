"""
sidecar.api.lifetime.
"""

from datetime import UTC, datetime

import pytest

from sidecar.api.lifetime import Lifetime
from sidecar.engine.bundle_info import BundleInfo

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
TO_MIDNIGHT = 12 * 3600


def _info(
    reads: tuple[str, ...] = ("action.name",), revision: str = "r1", deterministic: bool = True
) -> BundleInfo:
    return BundleInfo("d", revision, ("a", "b"), None, {}, None, reads, deterministic)


def _seconds(info: BundleInfo, set_: int = 60, now: float = NOON, date: str = "2026-01-31") -> int:
    return Lifetime(set_, lambda: now).seconds(info, date)


def test_it_is_what_is_set():
    """
    Where the date does not count, also across midnight.
    """
    assert _seconds(_info()) == 60
    assert _seconds(_info(), now=NOON + TO_MIDNIGHT - 1) == 60
    assert _seconds(_info(), set_=0) == 0


@pytest.mark.parametrize("path", ["*", "environment", "environment.date"])
@pytest.mark.parametrize(
    ("left", "seconds"), [(TO_MIDNIGHT, 60), (60, 60), (59.9, 59), (0.5, 0), (0, 0), (-5, 0)]
)
def test_it_ends_with_the_day_where_the_date_counts(path: str, left: float, seconds: int):
    """
    With that of the decision: one that was made before midnight is old after it.
    """
    assert _seconds(_info((path,)), now=NOON + TO_MIDNIGHT - left) == seconds


@pytest.mark.parametrize("date", ["", "odd"])
def test_a_date_that_is_none_is_over(date: str):
    """
    Somebody else's evaluation may have any.
    """
    assert _seconds(_info(("*",)), date=date) == 0


@pytest.mark.parametrize("info", [_info(revision=""), _info(deterministic=False)])
def test_what_may_change_by_itself_is_asked_each_time(info: BundleInfo):
    """
    Where a bundle has no revision, or looks at clocks and the like.
    """
    assert _seconds(info) == 0
