"""
sidecar.engine.confirmed: what OPA said that was active.
"""

from math import inf

import pytest

from sidecar.engine.bundle_info import BundleInfo
from sidecar.engine.confirmed import Confirmed


def _info(revision: str = "r1", *, deterministic: bool = True) -> BundleInfo:
    return BundleInfo("d", revision, ("a", "b"), None, {}, None, (), deterministic)


def test_nothing_was_said_at_first():
    """
    It is long ago, and covers nothing.
    """
    nothing = Confirmed({})

    assert (nothing.at, nothing.all) == (-inf, ())
    assert not nothing.covers(_info())


@pytest.mark.parametrize(
    ("revisions", "info", "covered"),
    [
        ({"d": "r1"}, _info(), True),
        ({"d": "r1", "c": "x"}, _info(), True),
        ({"d": "r2"}, _info(), False),
        ({"c": "r1"}, _info(), False),
        ({"d": "r1", "c": ""}, _info(), False),
        ({"d": ""}, _info(""), False),
        ({"d": "r1"}, _info(deterministic=False), False),
    ],
)
def test_what_is_covered(revisions: dict[str, str], info: BundleInfo, covered: bool):
    """
    A bundle that is active and deterministic, where every revision tells of a change.
    """
    assert Confirmed(revisions).covers(info) is covered
    assert Confirmed({"other": "r"}).again(revisions, 1.0).covers(info) is covered


def test_the_same_again():
    """
    It is from then on, and in the same order, whatever order OPA has.
    """
    first = Confirmed({"b": "1", "a": "2"}, 1.0)
    second = first.again({"a": "2", "b": "1"}, 2.0)

    assert (first.at, second.at) == (1.0, 2.0)
    assert first.all == second.all == (("a", "2"), ("b", "1"))


def test_something_else():
    """
    What was said before is left as it was.
    """
    first = Confirmed({"a": "1"}, 1.0)
    second = first.again({"a": "2"}, 2.0)

    assert (first.all, second.all) == ((("a", "1"),), (("a", "2"),))
