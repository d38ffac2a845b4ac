"""
sidecar.registers.reliance: which recorded decisions found an entry.
"""

from datetime import date
from typing import Any

from sidecar.records.masking import Ids
from sidecar.registers.entry import Entry
from sidecar.registers.reliance import Leaning, Reliance
from sidecar.registers.source import RegisterSource

KEY = b"k" * 32
SOURCE = RegisterSource(
    ("known",),
    {"people": ("subject.id", "context.recipient.id"), "papers": ("context.evidence",)},
    ("a", "faults"),
)


def _entry(kind: str, id_: str) -> Entry:
    return Entry(kind, id_, {"bound": True}, "a", date(2026, 1, 1), None, "r")


ENTRIES = [_entry("people", "ann"), _entry("papers", "p-1")]


def _record(
    name: str, subject: str | None, *, allowed: bool = True, **context: Any
) -> dict[str, Any]:
    asked = {
        "subject": {"type": "person"} | ({} if subject is None else {"id": subject}),
        "context": context,
        "environment": {"date": f"2026-03-0{name[-1]}"},
    }
    return {"decision_id": name, "input": asked, "result": {"decision": allowed}}


def test_entries_are_found_where_the_policy_finds_them():
    """
    By the one who acts, by the recipient, and by evidence for a fact that the entry names; a
    decision that finds an entry in two ways counts once.
    """
    records = [
        _record("d1", "ann", recipient={"id": "ann"}),
        _record("d3", "bob", recipient={"id": "ann"}, allowed=False),
        _record("d2", "bob", evidence={"bound": "p-1"}),
        _record("d4", "p-1", recipient={"id": "p-1"}, evidence={"free": "p-1", "bound": 7}),
        _record("d5", "bob", recipient="ann", evidence=[["bound", "p-1"]]),
    ]
    leaning = Leaning.of(records, ENTRIES, SOURCE, None)

    assert leaning.reliances == {
        ("people", "ann"): Reliance(2, 1, "2026-03-03", "d3"),
        ("papers", "p-1"): Reliance(1, 1, "2026-03-02", "d2"),
    }
    assert leaning.untold == {"dropped": 0, "hashed": 0}


def test_hashed_ids_are_found_by_their_key():
    """
    With the key that they were hashed with; without it, records are said not to tell.
    """
    masked = Ids("hash", KEY).masked
    records = [
        _record("d1", masked("ann")),
        _record("d2", masked("b"), evidence={"bound": masked("p-1")}),
    ]

    assert Leaning.of(records, ENTRIES, SOURCE, KEY).reliances == {
        ("people", "ann"): Reliance(1, 1, "2026-03-01", "d1"),
        ("papers", "p-1"): Reliance(1, 1, "2026-03-02", "d2"),
    }
    without = Leaning.of(records, ENTRIES, SOURCE, None)
    assert without.reliances == {}
    assert without.untold == {"dropped": 0, "hashed": 2}


def test_dropped_ids_are_said_not_to_tell():
    """
    A record without ids is counted, and found by nothing.
    """
    leaning = Leaning.of([_record("d1", None, evidence={"bound": "(text)"})], ENTRIES, SOURCE, KEY)

    assert leaning.reliances == {}
    assert leaning.untold == {"dropped": 1, "hashed": 0}
