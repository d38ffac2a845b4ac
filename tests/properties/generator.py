"""
Requests made from the agreement's vocabulary, for what must hold always.

Everything is drawn from one seeded source, so a run can be repeated. Half of the requests are near
a scenario, with a fact, a category, a purpose or a party changed; the rest is drawn term by term,
with unknown terms, facts of any shape and contradictions among them.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

POLICIES = Path(__file__).parents[2] / "policies" / "privacy"
SCENARIOS = Path(__file__).parents[1] / "scenarios"

Request = dict[str, Any]

_ODD_VALUES: list[Any] = [
    None,
    0,
    -1,
    2.5,
    10**12,
    "",
    "odd",
    [],
    ["odd"],
    [1],
    {},
    {"odd": 1},
    [[]],
]

# What ids and evidence may name, where a register has it.
IDS: list[str] = [f"id-{number}" for number in range(8)]
_REGISTERED: list[list[str]] = [
    ["third_party_bound"],
    ["affiliate_verified"],
    ["guidelines_conveyed"],
    ["evaluation_done", "evaluation_outcome"],
    ["determination"],
    ["legal_process", "demand_scope"],
    ["consent"],
    ["storage_limited_access"],
    ["consent", "third_party_bound"],
]


def vocabulary() -> dict[str, Any]:
    """
    The vocabulary of the shipped policies, as written in its data file.
    """
    loaded: dict[str, Any] = yaml.safe_load((POLICIES / "vocabulary" / "data.yaml").read_text())
    return loaded


def scenarios() -> list[Request]:
    """
    The requests of the scenarios, in the order of their files.
    """
    return [
        scenario["request"]
        for file in sorted(SCENARIOS.glob("*.yaml"))
        for scenario in yaml.safe_load(file.read_text())
        if _well_formed(scenario["request"])
    ]


def _well_formed(request: Request) -> bool:
    properties = request["resource"].get("properties", {})
    context = request.get("context", {})
    return isinstance(properties.get("categories"), list) and isinstance(
        context.get("facts", {}), dict
    )


class Requests:
    """
    A source of requests.

    Attributes:
        seed: Requests of the same seed are the same, in the same order.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = random.Random(seed)
        self._terms = vocabulary()
        self._scenarios = scenarios()

    def take(self, count: int) -> Iterator[Request]:
        """
        The next ``count`` requests, each an AuthZEN evaluation.
        """
        for _ in range(count):
            yield self._near_a_scenario() if self._chance(0.5) else self._drawn()

    def _near_a_scenario(self) -> Request:
        request = copy.deepcopy(self._random.choice(self._scenarios))
        request.setdefault("context", {}).setdefault("facts", {})
        for _ in range(self._random.randint(0, 3)):
            self._random.choice(
                [self._change_a_fact, self._change_a_fact, self._drop_a_fact, self._change_a_term]
            )(request)
        return request

    def _change_a_fact(self, request: Request) -> None:
        name = self._random.choice(list(self._terms["facts"]))
        request["context"]["facts"][name] = self.value(name)

    def _drop_a_fact(self, request: Request) -> None:
        facts = request["context"]["facts"]
        if facts:
            del facts[self._random.choice(list(facts))]

    def _change_a_term(self, request: Request) -> None:
        place = self._random.choice(["subject", "action", "purpose", "recipient", "category"])
        if place == "subject":
            request["subject"]["type"] = self._term("subjects")
        elif place == "action":
            request["action"]["name"] = self._term("actions")
        elif place == "purpose":
            request["context"]["purpose"] = self._purpose()
        elif place == "recipient":
            request["context"]["recipient"] = {"type": self._term("recipients"), "id": "other"}
        else:
            categories = request["resource"]["properties"]["categories"]
            added = self._term("categories")
            if added not in categories:
                categories.append(added)

    def _drawn(self) -> Request:
        request: Request = {
            "subject": {"type": self._subject(), "id": "app"},
            "action": {"name": self._term("actions")},
            "resource": {
                "type": "information",
                "id": "acme",
                "properties": {"categories": self._categories()},
            },
            "context": {"facts": self._facts()},
        }
        if self._chance(0.9):
            request["context"]["purpose"] = self._purpose()
        if self._chance(0.6):
            request["context"]["recipient"] = {"type": self._term("recipients"), "id": "other"}
        return request

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _term(self, kind: str) -> str:
        return "odd_term" if self._chance(0.03) else self._random.choice(list(self._terms[kind]))

    def _subject(self) -> str:
        return "csw" if self._chance(0.5) else self._term("subjects")

    def _purpose(self) -> str | list[str]:
        if self._chance(0.06):
            return [self._term("purposes") for _ in range(self._random.randint(0, 3))]
        return self._term("purposes")

    def _categories(self) -> list[str]:
        count = self._random.choice([0, 1, 1, 1, 2, 2, 3, 4, 5])
        return list(dict.fromkeys(self._term("categories") for _ in range(count)))

    def _facts(self) -> dict[str, Any]:
        share = self._random.choice([0.0, 0.15, 0.5, 0.9])
        facts = {name: self.value(name) for name in self._terms["facts"] if self._chance(share)}
        if self._chance(0.04):
            facts[self._random.choice(list(self._terms["facts"]))] = self._random.choice(
                _ODD_VALUES
            )
        if self._chance(0.8):
            self._agree(facts)
        return facts

    def value(self, name: str) -> Any:
        """
        A value that the fact can have; truth and the ordinary are likelier than not.
        """
        fact = self._terms["facts"][name]
        categories = list(self._terms["categories"])
        if fact["type"] == "enum":
            return self._random.choice(list(fact["values"]))
        return {
            "boolean": lambda: self._chance(0.7),
            "integer": lambda: self._random.choice([0, 1, 2, 3, 1000]),
            "string": lambda: self._random.choice([*self._terms["purposes"], *categories]),
            "clause": lambda: self._random.choice(["3-a", "1.3-c", "3-e", "3-g"]),
            "category_list": lambda: self._random.sample(categories, self._random.randint(0, 6)),
            "category_sources": lambda: {
                category: self._random.choice(list(self._terms["facts"]["source"]["values"]))
                for category in self._random.sample(categories, self._random.randint(0, 3))
            },
        }[fact["type"]]()

    @staticmethod
    def _agree(facts: dict[str, Any]) -> None:
        """
        Drop what would contradict: a request that is refused unread tests little.
        """
        for stated, value, other in (
            ("evaluation_done", False, "evaluation_outcome"),
            ("absolutely_necessary", False, "absolutely_necessary_for"),
            ("shared_by_company", False, "shared_categories"),
            ("linked_to_company", False, "identifies_company"),
            ("legal_process", "none", "demand_scope"),
            ("combined_with_company_info", True, "separated"),
        ):
            if facts.get(stated) == value:
                facts.pop(other, None)

    def listed_as_company_information(self) -> list[str]:
        """
        The categories that are company information whatever else holds.
        """
        return [
            name
            for name, category in self._terms["categories"].items()
            if category["list"] == "company"
        ]

    def some(self, terms: list[str]) -> list[str]:
        """
        One to four of these.
        """
        return self._random.sample(terms, self._random.randint(1, 4))

    def prohibit(self, request: Request) -> None:
        """
        Make of a request a sale of information, or marketing for others.
        """
        kind = self._random.choice(["sell", "purpose", "data_only"])
        if kind == "sell":
            request["action"]["name"] = "sell"
        elif kind == "purpose":
            request["context"]["purpose"] = self._random.choice(
                [
                    name
                    for name, purpose in self._terms["purposes"].items()
                    if purpose.get("prohibited")
                ]
            )
        else:
            request["context"]["facts"]["corporate_event"] = "sale_of_data_only"
        if kind != "sell" and self._terms["actions"].get(request["action"]["name"], {}).get(
            "kind"
        ) not in ("handling", "passing_on"):
            request["action"]["name"] = "disclose"

    def registers(self) -> dict[str, dict[str, Any]]:
        """
        Registers of every kind, with entries that hold, that have ended and that have no end. The
        ids are few, so that kinds share them, and entries repeat.
        """
        return {
            kind: {id_: self._entry() for id_ in IDS if self._chance(0.5)}
            for kind in self._terms["registers"]
        }

    def _entry(self) -> dict[str, Any]:
        names = self._random.choice(_REGISTERED)
        facts = {name: self.value(name) for name in names}
        until = self._random.choice([{}, {"until": "2020-12-31"}, {"until": "2099-12-31"}])
        return {"facts": facts, "author": "a", "date": "2020-01-01", **until, "reference": "r"}

    def parties(self, request: Request, count: int) -> list[Request]:
        """
        Copy a request for so many parties: with ids and evidence that often select entries, and of
        which some are odd.
        """
        facts = [name for names in _REGISTERED for name in names]
        shown = self._random.sample(facts, self._random.choice([0, 0, 1, 1, 2]))
        return [self._party(request, shown) for _ in range(count)]

    def _party(self, request: Request, shown: list[str]) -> Request:
        named = copy.deepcopy(request)
        named["subject"]["id"] = self._id()
        context = named.setdefault("context", {})
        if isinstance(context.get("recipient"), dict):
            context["recipient"]["id"] = self._id()
        context["evidence"] = {name: self._id() for name in shown}
        if self._chance(0.05):
            odd = self._random.choice(_ODD_VALUES)
            context["evidence"] = self._random.choice([odd, {"consent": odd}])
        return named

    def _id(self) -> str:
        if self._chance(0.5):
            return self._random.choice(IDS)
        return f"nobody-{self._random.randint(0, 10**9)}"

    def gates(self) -> list[str]:
        """
        Facts that a clause turns on, and that nobody may profit from leaving out.
        """
        return [
            "touchpoint",
            "processing_ground",
            "necessity_judged",
            "consent",
            "absolutely_necessary",
            "evaluation_done",
            "evaluation_outcome",
            "transaction_completed",
            "specific_online_transaction",
            "jurisdiction_requires_id",
            "law_cited",
            "audience",
            "to_improve",
            "guidelines_conveyed",
            "affiliate_verified",
            "recipient_relevant",
            "registered",
            "legal_process",
            "demand_scope",
            "determination",
            "legal_basis_cited",
            "event_status",
            "recipient_party_to_event",
            "linked_to_ip",
            "join_key_retained",
            "aggregate_size",
            "received_under",
            "owner",
            "shared_by_company",
            "information_needed_for_service",
        ]
