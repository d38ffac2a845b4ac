"""
What people ask of records: which ones there are, what each clause decided, one by its name.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from sidecar.records.query import Records

PERMITTED: Final = "permitted"
PARTIAL: Final = "partial"
DENIED: Final = "denied"
OUTCOMES: Final = (PERMITTED, PARTIAL, DENIED)

# What a record must hold for each thing that it may be looked for by.
_CONDITIONS: Final = {
    "decision": "$decision IN (decision_id, batch_decision_id)",
    "clause": "list_contains(clauses, $clause)",
    "action": "action = $action",
    "purpose": "list_contains(purposes, $purpose)",
    "category": "list_contains(categories, $category)",
    "application": "list_contains($application, application)",
    "outcome": "outcome = $outcome",
    "since": "moment >= $since::TIMESTAMPTZ",
    "until": "moment < $until::TIMESTAMPTZ",
}

_FOUND: Final = """
SELECT
    epoch_us(moment), decision_id, timestamp, application, action, purposes, categories,
    outcome, reason, clauses
FROM records
WHERE {condition}
ORDER BY moment DESC NULLS LAST, decision_id DESC
LIMIT $limit
"""

_USED: Final = """
SELECT
    clause,
    count(*) FILTER (outcome = 'permitted'),
    count(*) FILTER (outcome = 'partial'),
    count(*) FILTER (outcome = 'denied'),
    min(epoch_us(moment)),
    max(epoch_us(moment)),
    arg_min(timestamp, moment),
    arg_max(timestamp, moment)
FROM (
    SELECT unnest(list_distinct(clauses)) AS clause, outcome, timestamp, moment
    FROM records
    WHERE {condition}
)
GROUP BY clause
"""

_WHOLE: Final = "SELECT json::VARCHAR FROM records WHERE {condition} ORDER BY decision_id"


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which records are looked for: those that fit all that is set.

    Attributes:
        decision: The decision's name, or its batch's.

        clause: A clause that it cites.

        action: The action.

        purpose: One of its purposes.

        category: One of the categories that it is about.

        application: Who asked, in each way that a record may have it.

        outcome: permitted, partial or denied.

        since: When it was decided at the earliest.

        until: When it was not decided yet.
    """

    decision: str | None = None
    clause: str | None = None
    action: str | None = None
    purpose: str | None = None
    category: str | None = None
    application: tuple[str, ...] | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def condition(self) -> str:
        """
        What records must hold, in SQL; the values are parameters.
        """
        return " AND ".join(["valid", *(_CONDITIONS[name] for name in self.parameters)])

    @property
    def parameters(self) -> dict[str, Any]:
        """
        What is set, by its name.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: _value(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Found:
    """
    A record that was found.

    Attributes:
        decision_id: The decision's name.

        timestamp: When it was decided.

        application: Who asked; empty where that is not recorded.

        action: What was to be done.

        purposes: What for.

        categories: With what.

        outcome: permitted, partial or denied.

        reason: Why.

        clauses: The clauses that it cites.
    """

    decision_id: str
    timestamp: str
    application: str
    action: str
    purposes: tuple[str, ...]
    categories: tuple[str, ...]
    outcome: str
    reason: str
    clauses: tuple[str, ...]


@dataclass(slots=True)
class Use:
    """
    What became of decisions that cite a clause.

    Attributes:
        permitted: How many were permitted.

        partial: How many were permitted in part.

        refused: How many were refused.

        first: When the first one was decided; empty where nothing tells.

        last: When the last one was decided.
    """

    permitted: int = 0
    partial: int = 0
    refused: int = 0
    first: str = ""
    last: str = ""
    _between: list[int] = field(default_factory=list)

    @property
    def decisions(self) -> int:
        """
        How many there are in all.
        """
        return self.permitted + self.partial + self.refused

    def add(self, permitted: int, partial: int, refused: int, *times: Any) -> None:
        """
        Add what was found among other records.
        """
        self.permitted += permitted
        self.partial += partial
        self.refused += refused
        begin, end, first, last = times
        if begin is None:
            return
        if not self._between or begin < self._between[0]:
            self.first = first
        if not self._between or end > self._between[1]:
            self.last = last
        known = [begin, end, *self._between]
        self._between = [min(known), max(known)]


def find(records: Records, wanted: Wanted, limit: int) -> list[Found]:
    """
    Find records, the newest first.

    Args:
        records: The records.

        wanted: Which ones.

        limit: How many at most.

    Raises:
        SettingsError: A file of records cannot be read.
    """
    question = _FOUND.format(condition=wanted.condition)
    rows: list[Any] = []
    for row in records.ask(question, {**wanted.parameters, "limit": limit}):
        rows.append(row)
        if len(rows) > 2 * limit + 1000:
            rows = _newest(rows, limit)
    return [Found(*map(_told, row[1:])) for row in _newest(rows, limit)]


def clauses(records: Records, wanted: Wanted) -> dict[str, Use]:
    """
    Say what became of decisions, by the clauses that they cite.

    Args:
        records: The records.

        wanted: Which ones.

    Raises:
        SettingsError: A file of records cannot be read.
    """
    uses: dict[str, Use] = {}
    question = _USED.format(condition=wanted.condition)
    for clause, *counts in records.ask(question, wanted.parameters):
        uses.setdefault(clause, Use()).add(*counts)
    return uses


def whole(records: Records, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """
    Read records as they were written, each one once, however often it is there.

    Raises:
        SettingsError: A file of records cannot be read.
    """
    question = _WHOLE.format(condition=wanted.condition)
    seen = set()
    for (content,) in records.ask(question, wanted.parameters):
        record: dict[str, Any] = json.loads(content)
        if record["decision_id"] not in seen:
            seen.add(record["decision_id"])
            yield record


def _newest(rows: list[Any], limit: int) -> list[Any]:
    def when(row: Any) -> tuple[bool, int, str]:
        return row[0] is not None, row[0] or 0, row[1]

    return sorted(rows, key=when, reverse=True)[:limit]


def _told(value: Any) -> Any:
    if value is None:
        return ""
    return tuple(map(str, value)) if isinstance(value, list) else value


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return [*value] if isinstance(value, tuple) else value


def said(found: Found) -> Mapping[str, Any]:
    """
    Write a record that was found as JSON has it.
    """
    values = {each.name: getattr(found, each.name) for each in fields(found)}
    return {name: [*value] if isinstance(value, tuple) else value for name, value in values.items()}
