"""
What of an evaluation and of its decision may be written down: terms of the vocabulary, types and
counts, and ids as they are set to be written. This is an allow-list: what is not named here is not
written, and counted at most.

Where a text stands that is no term, the mask has `(unknown 1)`; the same text has the same number
within one record, so that two things stay two. What is of another type than a text is told by its
type, as `(number)`.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.engine.decision import Decision, entries, objects

Terms = Mapping[str, frozenset[str]]

HASHED: Final = "hmac-sha256:"
"""
How an id begins that was hashed.
"""

_ANSWERS: Final = frozenset({"full", "explain", "remedies", "bare"})
_EFFECTS: Final = frozenset({"permits", "prohibits", "limits", "obliges", "defines"})
_OUTCOMES: Final = frozenset({"permitted", "partial", "denied"})
_TYPES: Final = {
    type(None): "(null)",
    bool: "(boolean)",
    int: "(number)",
    float: "(number)",
    str: "(text)",
    list: "(list)",
    dict: "(object)",
}
_CONTEXT: Final = frozenset({"purpose", "recipient", "facts", "evidence", "answer"})


@dataclass(frozen=True, slots=True)
class Ids:
    """
    What becomes of names that callers give.

    Attributes:
        mode: drop, hash or clear.

        key: What they are hashed with.
    """

    mode: str = "drop"
    key: bytes = b""

    def masked(self, id_: Any) -> str | None:
        """
        Mask a name; None where it is not to be written.
        """
        if self.mode == "drop" or type(id_) is not str:
            return None
        if self.mode == "clear":
            return id_
        digest = hmac.new(self.key, id_.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{HASHED}{digest.hexdigest()}"


def nameless(asked: Mapping[str, Any]) -> dict[str, Any]:
    """
    Take of an evaluation what its mask depends on where names are dropped: evaluations of which
    that is the same are masked alike, with the same left out.

    Args:
        asked: The evaluation, as it was read; it is not changed.
    """
    told = {kind: {**asked[kind], "id": None} for kind in ("subject", "resource")}
    told["action"] = asked["action"]
    if "context" not in asked:
        return told
    context = asked["context"]
    if isinstance(context, dict):
        recipient, evidence = context.get("recipient"), context.get("evidence")
        if isinstance(recipient, dict):
            context = {**context, "recipient": {**recipient, "id": None}}
        if isinstance(evidence, dict):
            typed = {name: _typed(reference) for name, reference in evidence.items()}
            context = {**context, "evidence": typed}
    told["context"] = context
    return told


class Mask:
    """
    Masks one evaluation and its decision.

    Args:
        terms: The vocabulary's terms, by what they name.

        clauses: The clauses that there are.

        ids: What becomes of names.

    Attributes:
        left_out: How many members were not written, by where they stood.
    """

    def __init__(self, terms: Terms, clauses: Mapping[str, Any], ids: Ids) -> None:
        self.left_out: Counter[str] = Counter()
        self._terms = terms
        self._clauses = clauses
        self._ids = ids
        self._unknown: dict[str, int] = {}

    def evaluation(self, asked: Mapping[str, Any], date: str) -> dict[str, Any]:
        """
        Mask an evaluation, so that it is still one.

        Args:
            asked: The evaluation, as it was read.

            date: The date that the policy was given.
        """
        context = asked.get("context")
        return {
            "subject": self._entity("subject", asked["subject"]),
            "action": self._action(asked["action"]),
            "resource": self._resource(asked["resource"]),
            **({} if context is None else {"context": self._context(context)}),
            "environment": {"date": date},
        }

    def result(self, decision: Decision) -> dict[str, Any]:
        """
        Mask what was decided: the verdict, by which clauses, and why.
        """
        context = decision.context
        if context is None:
            return {"decision": decision.allowed}
        told: dict[str, Any] = {}
        for name, written in _RESULT.items():
            if name in context:
                told[name] = written(self, context[name])
        return {"decision": decision.allowed, "context": told}

    def result_alone(self, decision: Decision) -> dict[str, Any] | None:
        """
        Mask what was decided, where that does not depend on what was asked: None where it holds a
        text that is no term, whose number depends on those before it.
        """
        mask = Mask(self._terms, self._clauses, self._ids)
        masked = mask.result(decision)
        return None if mask._unknown else masked

    def _entity(self, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        entity: dict[str, Any] = {}
        if "type" in given:
            entity["type"] = self._term(kind, given["type"])
        if (id_ := self._ids.masked(given.get("id"))) is not None:
            entity["id"] = id_
        self._leave_out(f"{kind}.properties", given.get("properties"))
        return entity

    def _action(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._leave_out("action.properties", given.get("properties"))
        return {"name": self._term("action", given["name"])}

    def _resource(self, given: Mapping[str, Any]) -> dict[str, Any]:
        properties = given.get("properties")
        entity = self._entity("resource", {**given, "properties": None})
        if not isinstance(properties, dict):
            return entity
        self._leave_out("resource.properties", properties.keys() - {"categories"})
        if "categories" not in properties:
            return entity
        named = self._term_or_terms("category", properties["categories"])
        return {**entity, "properties": {"categories": named}}

    def _context(self, given: Any) -> Any:
        if not isinstance(given, dict):
            return _typed(given)
        self._leave_out("context", given.keys() - _CONTEXT)
        context: dict[str, Any] = {}
        if "purpose" in given:
            context["purpose"] = self._term_or_terms("purpose", given["purpose"])
        if "recipient" in given:
            recipient = given["recipient"]
            context["recipient"] = (
                self._entity("recipient", recipient)
                if isinstance(recipient, dict)
                else _typed(recipient)
            )
        if "facts" in given:
            context["facts"] = self._facts(given["facts"])
        if "evidence" in given:
            context["evidence"] = self._evidence(given["evidence"])
        if "answer" in given:
            context["answer"] = _among(given["answer"], _ANSWERS)
        return context

    def _facts(self, given: Any) -> Any:
        if not isinstance(given, dict):
            return _typed(given)
        known = self._terms.get("fact", frozenset())
        self._leave_out("context.facts", [name for name in given if name not in known])
        return {name: self._fact(name, value) for name, value in given.items() if name in known}

    def _fact(self, name: str, value: Any) -> Any:
        if value is None or type(value) is bool:
            return value
        if type(value) is int:
            return value if name in self._terms.get("fact_integer", ()) else _typed(value)
        texts = self._terms.get(f"fact.{name}")
        if texts is None:
            return _counted(value)
        if type(value) is list:
            return [self._among(each, texts) for each in value]
        if type(value) is dict:
            kept = {key: text for key, text in value.items() if key in texts}
            self._leave_out(f"context.facts.{name}", value.keys() - kept.keys())
            return {key: self._among(text, texts) for key, text in kept.items()}
        return self._among(value, texts)

    def _evidence(self, given: Any) -> Any:
        if not isinstance(given, dict):
            return _typed(given)
        known = self._terms.get("fact", frozenset())
        self._leave_out("context.evidence", [name for name in given if name not in known])
        # That there is a reference is told even where it is not.
        return {
            name: self._ids.masked(reference) or _typed(reference)
            for name, reference in given.items()
            if name in known
        }

    def _term(self, kind: str, value: Any) -> str:
        return self._among(value, self._terms.get(kind, ()))

    def _term_or_terms(self, kind: str, value: Any) -> Any:
        if type(value) is list:
            return [self._term(kind, each) for each in value]
        return self._term(kind, value)

    def _among(self, value: Any, known: Any) -> str:
        if type(value) is not str:
            return _typed(value)
        if value in known:
            return value
        return f"(unknown {self._unknown.setdefault(value, len(self._unknown) + 1)})"

    def _leave_out(self, where: str, members: Any) -> None:
        if members and isinstance(members, dict | set | list):
            self.left_out[where] += len(members)

    def _listed(self, kind: str, value: Any) -> list[str]:
        return [self._term(kind, each) for each in entries(value)]

    def _cited(self, ids: Any) -> list[str]:
        return [self._among(id_, self._clauses) for id_ in entries(ids)]

    def _denied(self, value: Any) -> list[dict[str, Any]]:
        return [
            {
                "category": self._term("category", entry.get("category")),
                "reason": self._term("reason", entry.get("reason")),
                "clauses": self._cited(entry.get("clauses")),
            }
            for entry in objects(value)
        ]

    def _clauses_cited(self, value: Any) -> list[dict[str, str]]:
        return [
            {
                "id": self._among(entry.get("id"), self._clauses),
                "effect": _among(entry.get("effect"), _EFFECTS),
            }
            for entry in objects(value)
        ]

    def _obligations(self, value: Any) -> list[str]:
        return [self._term("obligation", entry.get("id")) for entry in objects(value)]


_RESULT: Final[Mapping[str, Callable[[Mask, Any], Any]]] = {
    "outcome": lambda mask, value: _among(value, _OUTCOMES),
    "reason": lambda mask, value: mask._term("reason", value),
    "permitted": lambda mask, value: mask._listed("category", value),
    "denied": Mask._denied,
    "clauses": Mask._clauses_cited,
    "missing_facts": lambda mask, value: mask._listed("fact", value),
    "obligations": Mask._obligations,
    "records": lambda mask, value: mask._listed("record", value),
    "unknown_terms": lambda mask, value: len(entries(value)),
    "problems": lambda mask, value: len(entries(value)),
    "remedies": lambda mask, value: len(entries(value)),
}


def _among(value: Any, known: frozenset[str]) -> str:
    return value if type(value) is str and value in known else "(unknown)"


def _typed(value: Any) -> str:
    return _TYPES.get(type(value), "(unknown)")


def _counted(value: Any) -> str:
    if type(value) is list or type(value) is dict:
        kind = "list" if type(value) is list else "object"
        return f"({kind} of {len(value)})"
    return _typed(value)
