"""
What people ask of records, over one file and over many.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sidecar.records import questions, source
from sidecar.records.query import Records
from sidecar.records.questions import Use, Wanted
from sidecar.records.source import Source

DECISIONS: list[tuple[str, str, Any, list[str], str, list[str], str]] = [
    # action, application, purpose, categories, outcome, clauses, hour
    ("use", "shop", "billing", ["name"], "permitted", ["1-a", "1-b"], "10"),
    ("use", "shop", ["billing", "audit"], ["name", "place"], "partial", ["1-a"], "11"),
    ("sell", "desk", "audit", ["place"], "denied", ["3-c"], "12"),
    ("sell", "", None, [], "denied", ["3-c", "1-a", "1-a"], "13"),
]


def _event(number: int) -> dict[str, Any]:
    action, application, purpose, categories, outcome, clauses, hour = DECISIONS[number]
    return {
        "decision_id": f"batch-{number}" if number < 2 else f"d-{number}",
        **({"batch_decision_id": "batch"} if number < 2 else {}),
        "timestamp": f"2026-11-24T{hour}:00:00Z",
        **({"requested_by": application} if application else {}),
        "input": {
            "action": {"name": action},
            "resource": {"properties": {"categories": categories}},
            "context": {} if purpose is None else {"purpose": purpose},
        },
        "result": {
            "decision": outcome == "permitted",
            "context": {
                "outcome": outcome,
                "reason": "because",
                "clauses": [{"id": id_, "effect": "permits"} for id_ in clauses],
            },
        },
    }


@pytest.fixture(params=[1, 200], ids=["file by file", "all at once"])
def records(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Records:
    """
    Records in several files, not in their order.
    """
    monkeypatch.setattr(source, "_FILES", request.param)
    for name, numbers in (("a", [3, 0]), ("b", [2]), ("c", [1])):
        lines = [json.dumps(_event(number)) + "\n" for number in numbers]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), "utf-8")
    # Neither has a time, or anything else that it need not have.
    plain = {"decision_id": "plain", "input": {}, "result": {"decision": True}}
    (tmp_path / "d.jsonl").write_text(json.dumps(plain) + "\n", "utf-8")
    return Records(Source([str(tmp_path)]))


def _at(hour: int) -> datetime:
    return datetime(2026, 11, 24, hour, tzinfo=UTC)


ALL = ["d-3", "d-2", "batch-1", "batch-0", "plain"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ALL),
        (Wanted(decision="d-2"), ["d-2"]),
        (Wanted(decision="batch"), ["batch-1", "batch-0"]),
        (Wanted(clause="1-a"), ["d-3", "batch-1", "batch-0"]),
        (Wanted(clause="1-"), []),
        (Wanted(action="use"), ["batch-1", "batch-0"]),
        (Wanted(purpose="audit"), ["d-2", "batch-1"]),
        (Wanted(category="place"), ["d-2", "batch-1"]),
        (Wanted(application=("shop",)), ["batch-1", "batch-0"]),
        (Wanted(application=("hashed", "desk")), ["d-2"]),
        (Wanted(outcome="denied"), ["d-3", "d-2"]),
        (Wanted(outcome="permitted"), ["batch-0", "plain"]),
        (Wanted(since=_at(11)), ["d-3", "d-2", "batch-1"]),
        (Wanted(until=_at(11)), ["batch-0"]),
        (Wanted(since=_at(11), until=_at(13), clause="1-a"), ["batch-1"]),
        (Wanted(clause="1-a' OR true --"), []),
    ],
    ids=lambda value: ",".join(value.parameters) if isinstance(value, Wanted) else "",
)
def test_records_are_found_by_what_they_hold(records: Records, wanted: Wanted, found: list[str]):
    """
    The newest first; by all that is asked for at once, and by nothing that only looks alike.
    """
    assert [each.decision_id for each in questions.find(records, wanted, 10)] == found
    assert {record["decision_id"] for record in questions.whole(records, wanted)} == set(found)


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_the_newest_are_found(records: Records, limit: int):
    """
    However the records lie in files.
    """
    found = questions.find(records, Wanted(), limit)

    assert [each.decision_id for each in found] == ALL[:limit]


def test_what_was_found_is_told(records: Records):
    """
    What was asked by whom, and what was decided; what a record lacks is empty.
    """
    (found,) = questions.find(records, Wanted(decision="batch-1"), 10)
    (plain,) = questions.find(records, Wanted(decision="plain"), 10)

    assert questions.said(found) == {
        "decision_id": "batch-1",
        "timestamp": "2026-11-24T11:00:00Z",
        "application": "shop",
        "action": "use",
        "purposes": ["billing", "audit"],
        "categories": ["name", "place"],
        "outcome": "partial",
        "reason": "because",
        "clauses": ["1-a"],
    }
    assert questions.said(plain) == {
        "decision_id": "plain",
        "outcome": "permitted",
        **dict.fromkeys(("timestamp", "application", "action", "reason"), ""),
        **{name: [] for name in ("purposes", "categories", "clauses")},
    }


def test_each_clause_has_its_uses(records: Records):
    """
    How many decisions, by their outcome, with the first and the last; a decision counts once.
    """
    uses = questions.clauses(records, Wanted())

    def told(use: Use) -> tuple[int, int, int, str, str]:
        return use.permitted, use.partial, use.refused, use.first[11:13], use.last[11:13]

    assert {clause: told(use) for clause, use in uses.items()} == {
        "1-a": (1, 1, 1, "10", "13"),
        "1-b": (1, 0, 0, "10", "10"),
        "3-c": (0, 0, 2, "12", "13"),
    }


def test_a_use_without_a_time_is_counted():
    """
    It says nothing of the first and the last.
    """
    use = Use()
    use.add(1, 0, 0, None, None, None, None)
    use.add(0, 2, 0, 5, 6, "five", "six")
    use.add(0, 0, 3, 4, 4, "four", "four")
    use.add(1, 0, 0, None, None, None, None)

    assert (use.decisions, use.first, use.last) == (7, "four", "six")


def test_a_record_that_is_there_twice_is_read_once(tmp_path: Path):
    """
    Such as in a folder and in a copy of it.
    """
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(_event(2)) + "\n", "utf-8")

    assert [*questions.whole(Records(Source([str(tmp_path)])), Wanted())] == [_event(2)]
