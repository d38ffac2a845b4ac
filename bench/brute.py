"""
What `sidecar replay` must find, found the long way: each record is asked alone, and compared by
itself.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.supervisor import Job, Supervisor

Counts = dict[str, Counter[str]]


@dataclass(slots=True)
class Flips:
    """
    What would be decided otherwise.

    Attributes:
        flips: How many records there are of each: kind, what was decided, what would be.

        by: How many there are of each kind, by clause, action, purpose and application.
    """

    flips: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    by: dict[str, Counts] = field(default_factory=dict)

    @classmethod
    def reported(cls, report: dict[str, Any]) -> "Flips":
        """
        Read them from the report of `sidecar replay --json`.
        """
        found = cls()
        for flip in report["flips"]:
            said = (flip["kind"], _text(flip["before"]), _text(flip["after"]))
            found.flips[said] += flip["records"]
        for what in ("clause", "action", "purpose", "application"):
            for name, told in report[f"by_{what}"].items():
                counts = {kind: number for kind, number in told.items() if kind != "example"}
                found.by.setdefault(what, {})[name] = Counter(counts)
        return found

    def add(self, record: dict[str, Any], result: dict[str, Any]) -> None:
        """
        Compare what was recorded with what was decided now.
        """
        before, after = _verdict(record["result"]), _verdict(result)
        kind = _kind(before, after)
        if kind is None:
            return
        self.flips[kind, _text(before), _text(after)] += 1
        asked = record["input"]
        purpose = asked["context"].get("purpose")
        clauses = {*before["clauses"]} ^ {*after["clauses"]} or {*after["clauses"]}
        for what, names in (
            ("clause", clauses),
            ("action", {asked["action"]["name"]}),
            ("purpose", {*map(str, purpose if isinstance(purpose, list) else [purpose])}),
            ("application", {record["requested_by"]}),
        ):
            for name in names:
                self.by.setdefault(what, {}).setdefault(name, Counter())[kind] += 1


def flips(sample: Path, bundle: Path, decision: tuple[str, ...], opa: Path) -> Flips:
    """
    Ask OPA for each record of a file.

    Args:
        sample: The file.

        bundle: The bundle that decides, a tarball.

        decision: The path of its decision.

        opa: OPA's binary.
    """
    found = Flips()
    with Supervisor(opa, Job.deciding({"decision": bundle})) as running:
        client = Opa(Endpoint(running.url))
        for line in sample.read_bytes().splitlines():
            record = json.loads(line)
            found.add(record, client.ask(decision, record["input"]).result)
        client.close_connection()
    return found


def _verdict(result: dict[str, Any]) -> dict[str, Any]:
    context = result["context"]
    return {
        "decision": result["decision"],
        "permitted": context["permitted"],
        "reason": context["reason"],
        "clauses": [clause["id"] for clause in context["clauses"]],
    }


def _kind(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    old, new = {*before["permitted"]}, {*after["permitted"]}
    if new - old or after["decision"] > before["decision"]:
        return "opened"
    return "closed" if old - new or after["decision"] < before["decision"] else None


def _text(verdict: dict[str, Any]) -> str:
    return json.dumps(verdict, sort_keys=True)
