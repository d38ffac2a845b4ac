"""
sidecar.registers.selected: ids that select the same are the same, and nothing else is.
"""

import copy
from typing import Any

import msgspec
import pytest

from sidecar.engine.memory import Paths
from sidecar.registers import selected
from sidecar.registers.selected import Selected
from sidecar.registers.source import RegisterSource

SOURCE = RegisterSource(
    ("known",),
    {
        "firms": ("context.recipient.id", "subject.id"),
        "people": ("subject.id",),
        "papers": ("context.evidence",),
    },
    ("a", "faults"),
    by_entry_alone=True,
)
READS = ("context.evidence", "context.recipient", "subject.id", "subject.type")
assert Paths(READS).order == READS
BOUND: dict[str, Any] = {"facts": {"bound": True}}
FREE: dict[str, Any] = {"facts": {"bound": False}}
HELD: dict[str, Any] = {
    "firms": {"one": BOUND, "two": BOUND, "three": FREE, "ann": BOUND},
    "people": {"ann": BOUND, "bob": BOUND},
    "papers": {"deed": BOUND, "copy": BOUND, "null": None},
    "cats": {"tom": BOUND},
}


def _written(
    evaluation: dict[str, Any],
    *,
    reads: tuple[str, ...] = READS,
    source: RegisterSource = SOURCE,
    held: Any = HELD,
) -> bytes | None:
    """
    Write what is read of an evaluation, which stays as it is.
    """
    paths = Paths(reads)
    before = copy.deepcopy(evaluation)
    found = paths.values(evaluation, Selected(source, paths.order, {"r": "1"}, held))
    assert evaluation == before
    return found


def _by(subject: Any) -> dict[str, Any]:
    return {"subject": {"id": subject}, "context": {}}


def _to(recipient: Any, **more: Any) -> dict[str, Any]:
    return {"subject": {}, "context": {"recipient": {"id": recipient, **more}}}


def _showing(evidence: Any) -> dict[str, Any]:
    return {"subject": {}, "context": {"evidence": evidence}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_by("somebody"), _by("")),
        (_by("somebody"), _by("tom")),
        (_by("somebody"), _by("d\u00e9j\u00e0")),
        (_by("one"), _by("two")),
        (_to("somebody"), _to("bob")),
        (_to("one"), _to("two")),
        (_showing({"bound": "none"}), _showing({"bound": "one"})),
        (_showing({"bound": "deed"}), _showing({"bound": "copy"})),
        (_showing("none"), _showing("one")),
    ],
)
def test_ids_that_select_the_same_are_the_same(one: dict[str, Any], other: dict[str, Any]):
    """
    No entry of the kinds that are found there, or entries that say the same.
    """
    assert _written(one) == _written(other)


ODD: list[Any] = [None, 1, [], [[]], {}, {"a": "deed"}, ["deed"]]
APART: list[Any] = [
    *map(_by, ["somebody", "one", "three", "ann", "bob", None, 0, 0.0, False, [], {}, {"a": "x"}]),
    *map(_by, [[[]], [None], ["one"], [[["one"]]], {"a": []}, {"a": [[]]}]),
    {"subject": {}, "context": {}},
    {"subject": {}, "context": None},
    {"subject": {}, "context": {"recipient": None}},
    {"subject": {}, "context": {"recipient": "one"}},
    {"subject": {}, "context": {"recipient": {}}},
    *map(_to, ["somebody", "one", "three", None, 7, [], [[]], {}, {"id": "one"}]),
    _to("one", type="firm"),
    *map(_showing, ["none", "deed", None, [], ["deed"], [[]], {}]),
    _showing({"bound": "none"}),
    _showing({"other": "none"}),
    _showing({"bound": "deed"}),
    _showing({"bound": "null"}),
    _showing({"bound": "none", "other": "none"}),
    *[_showing({"bound": each}) for each in ODD],
]


def test_whatever_else_is_different_stays_different():
    """
    Other entries, other kinds, another fact, what is absent, and what is no text, also where it was
    made to look like what was replaced.
    """
    crafted = [_by([{"a": "YWJj"}]), _by(["YWJj"]), _by([["YWJj"]]), _showing({"bound": ["YWJj"]})]
    # A policy finds nothing below null, and no id in what is no object.
    same = 1
    written = {_written(each) for each in [*APART, *crafted]}

    assert None not in written
    assert len(written) == len(APART) + len(crafted) - same


@pytest.mark.parametrize("id_", ["one", "ann", "somebody"])
def test_a_caller_who_knows_what_an_id_becomes_gains_nothing(id_: str):
    """
    What stands in its place, sent as it is, stays another thing.
    """
    for make, at in ((_by, READS.index("subject.id")), (_showing, READS.index("context.evidence"))):
        written = _written(make(id_))
        assert written is not None
        [became] = msgspec.json.decode(written)[at]

        assert _written(make(became)) != written
        assert Paths(READS).values(make(became)) != written


def test_with_and_without_entries_nothing_is_taken_for_the_other():
    """
    What was written while the entries were not there is found by nobody who has them.
    """
    plain = Paths(READS)
    looks_selected = [_by([]), _by([["x"]]), _showing([]), _to([])]

    texts = (_by("x"), _showing("x"), _to("x"))
    assert {plain.values(each) for each in looks_selected}.isdisjoint(map(_written, texts))


def test_an_id_that_opa_reads_as_another_one_is_not_written():
    """
    Half a pair of surrogates becomes a replacement character there, by which an entry may be found.
    """
    assert _written(_by("\ud800")) is None
    assert _written(_showing({"bound": "\ud800"})) is None


@pytest.mark.parametrize("held", [None, [], 7, {}, {"firms": []}, {"firms": "one", "people": None}])
def test_what_is_no_register_holds_no_entries(held: Any):
    """
    No text finds anything in it, in OPA neither.
    """
    assert _written(_by("one"), held=held) == _written(_by("somebody"), held=held)


def test_entries_with_rounded_numbers_are_like_no_other():
    """
    OPA has more digits than are read here.
    """
    held = {
        "firms": {"one": {"is": [0.1]}, "two": {"is": [0.1]}, "big": 10**30, "more": 10**30 + 1}
    }
    written = [_written(_by(each), held=held) for each in ("one", "two", "big", "more", "none")]

    assert len(set(written)) == len(written)


@pytest.mark.parametrize(
    ("reads", "paths"),
    [
        (("subject.id.deep",), ("subject.id",)),
        (("subject",), ("subject.id", "subject.id.deep")),
        (("*",), ("subject.id",)),
        (("subject.identity",), ("subject.id",)),
    ],
)
def test_ids_stay_where_they_may_count_otherwise(reads: tuple[str, ...], paths: tuple[str, ...]):
    """
    Where something below is read or is a path itself, where all is read, and beside a path.
    """
    source = RegisterSource(("known",), {"firms": paths}, ("a",), by_entry_alone=True)
    deep = [{"subject": {"id": {"deep": {"er": each}}, "identity": each}} for each in ("x", "y")]
    plain = [{"subject": {"id": each, "identity": each}} for each in ("x", "y")]

    for one, other in (deep, plain):
        told = [_written(each, reads=reads, source=source) for each in (one, other)]
        bare = [Paths(reads).values(each) for each in (one, other)]
        assert (told[0] == told[1]) == (bare[0] == bare[1])


@pytest.mark.parametrize("read", ["subject.id", "subject"])
def test_an_id_is_found_in_what_is_read(read: str):
    """
    As it is, or in an object that holds it.
    """
    one, other, third = (_written(_by(each), reads=(read,)) for each in ("x", "y", "one"))

    assert one == other != third


def test_too_many_entries_are_not_held(monkeypatch: pytest.MonkeyPatch):
    """
    Up to the bound they are; above it ids count by themselves.
    """
    entries = sum(len(HELD[kind]) for kind in SOURCE.kinds)
    monkeypatch.setattr(selected, "MOST", entries)
    assert _written(_by("x")) == _written(_by("y"))

    monkeypatch.setattr(selected, "MOST", entries - 1)
    assert _written(_by("x")) != _written(_by("y"))
