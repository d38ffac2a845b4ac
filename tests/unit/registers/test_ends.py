"""
sidecar.registers.ends: how soon entries end, by kind.
"""

from datetime import date

import pytest

from sidecar.registers.ends import ENDS, Ends, ending
from sidecar.registers.source import RegisterSource

TODAY = date(2026, 2, 1)
SOURCE = RegisterSource(("known",), {"people": (), "papers": ()}, ("a", "faults"))


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        (None, "never"),
        (date(2026, 1, 31), "past"),
        (date(2026, 2, 1), "7d"),
        (date(2026, 2, 8), "7d"),
        (date(2026, 2, 9), "30d"),
        (date(2026, 3, 3), "30d"),
        (date(2026, 3, 4), "later"),
        (date.max, "later"),
    ],
)
def test_how_soon_an_entry_ends(until, ends):
    """
    On its last day it still holds; a week and a month have their last day in them.
    """
    assert ending(until, TODAY) == ends


def test_every_kind_has_every_number():
    """
    There are as many numbers as kinds times ends, whatever the registers hold: kinds that the
    policy does not know make none, and an end that is no day counts as one that has been.
    """
    held = {
        "people": {
            "a": {"until": "2026-01-31"},
            "b": {"until": "2026-02-02"},
            "c": {"until": "someday"},
            "d": {},
            "e": 7,
        },
        "papers": [],
        "cats": {"f": {}},
    }
    counted = Ends.of(SOURCE, {"r": "1"}, held).counted(TODAY)

    assert counted.keys() == {(kind, ends) for kind in SOURCE.kinds for ends in ENDS}
    assert {key: number for key, number in counted.items() if number} == {
        ("people", "past"): 2,
        ("people", "7d"): 1,
        ("people", "never"): 2,
    }


def test_no_registers_are_none():
    """
    Where OPA has none, all numbers are there, and are 0.
    """
    assert set(Ends.of(SOURCE, {}, object()).counted(TODAY).values()) == {0}


def test_what_was_counted_holds_while_no_bundle_changes():
    """
    Another revision, another source, or a bundle without a revision is reason to read them again.
    """
    ends = Ends.of(SOURCE, {"r": "1"}, {})
    other = RegisterSource(("known",), {"people": ()}, ("a", "faults"))

    assert ends.holds_for(SOURCE, {"r": "1"})
    assert not ends.holds_for(SOURCE, {"r": "2"})
    assert not ends.holds_for(other, {"r": "1"})
    assert not Ends.of(SOURCE, {"r": ""}, {}).holds_for(SOURCE, {"r": ""})
