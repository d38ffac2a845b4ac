"""
What a scenario file says, and whether an answer is what a scenario expects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Expectation:
    """
    What a scenario expects of the answer. All of it is always written out.

    Attributes:
        decision: The verdict.

        outcome: permitted, partial or denied.

        permitted: The permitted categories, in the request's order.

        reason: Why, as the vocabulary names it.

        missing_facts: The missing facts, in any order.

        obligations: Names of the obligations, in any order.
    """

    decision: bool
    outcome: str
    permitted: list[str]
    reason: str
    missing_facts: list[str]
    obligations: list[str]


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    One request and the answer that the agreement's reading gives.

    Attributes:
        file: Name of the file it stands in.

        name: Its title.

        clauses: Ids of the clauses it shows; the answer cites at least one of them.

        request: An evaluation request, as a caller would send it.

        expect: What the answer must say.

        why: The reason, for somebody who knows the agreement and no Rego.
    """

    file: str
    name: str
    clauses: list[str]
    request: Mapping[str, Any]
    expect: Expectation
    why: str

    def __str__(self) -> str:
        """
        Name it as a test's id does.
        """
        return f"{self.file}: {self.name}"


def load(folder: Path = FOLDER) -> Iterator[Scenario]:
    """
    Read all scenarios of a folder, in the order of its files and of the scenarios in them.

    Raises:
        TypeError: A scenario lacks something, or says something that is not known.
    """
    for file in sorted(folder.glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text("utf-8")):
            expect = Expectation(**entry.pop("expect"))
            yield Scenario(file=file.name, expect=expect, **entry)


def differences(scenario: Scenario, answer: Mapping[str, Any]) -> list[str]:
    """
    Compare an answer, as the bundle gives it, with what a scenario expects.

    Returns:
        One sentence for each thing that is not as expected; empty where all is.
    """
    context = answer["context"]
    told = {
        **context,
        "decision": answer["decision"],
        "missing_facts": sorted(context["missing_facts"]),
        "obligations": sorted(obligation["id"] for obligation in context["obligations"]),
    }
    return [*_unexpected(scenario.expect, told), *_uncited(scenario.clauses, context["clauses"])]


def _unexpected(expect: Expectation, told: Mapping[str, Any]) -> Iterator[str]:
    for field in fields(expect):
        expected = getattr(expect, field.name)
        if field.name in {"missing_facts", "obligations"}:
            expected = sorted(expected)
        if told[field.name] != expected:
            yield f"{field.name} is {told[field.name]}, expected {expected}"


def _uncited(expected: list[str], cited: list[Mapping[str, Any]]) -> Iterator[str]:
    ids = [clause["id"] for clause in cited]
    if not set(ids) & set(expected):
        yield f"cites {ids}, expected one of {expected}"
