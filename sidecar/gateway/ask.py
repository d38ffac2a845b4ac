"""
What a route asks: an evaluation with sources for what only a request holds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.gateway.node import Node
from sidecar.gateway.values import FromClaim, FromHeader, FromPath, Held, Source, known, needed

_ASK: Final = ("subject", "action", "resource", "purpose", "recipient", "facts", "evidence")
_FACTS: Final = ("facts", "evidence")
_SOURCE: Final = ("path", "claim", "header", "is")
_SOURCES: Final = frozenset({"path", "claim", "header"})
_TYPES: Final = {"text": False, "boolean": True}
_INFORMATION: Final = "information"


Terms = Mapping[str, frozenset[str]]
"""
The vocabulary's terms, by what they name; what is not there is not looked at.
"""


@dataclass(frozen=True, slots=True)
class Term:
    """
    A word that the bundle's vocabulary should know.

    Attributes:
        place: Where it stands.

        kind: What it names, as the bundle calls it.

        word: The word.
    """

    place: str
    kind: str
    word: str


@dataclass(frozen=True, slots=True)
class Ask:
    """
    What a route asks.

    Attributes:
        needed: Subject, action, resource and context: a request without a value is refused.

        facts: The context's facts and evidence: a value that a request does not hold is left out.

        terms: The words that stand in the table itself.
    """

    needed: Mapping[str, Any]
    facts: Mapping[str, Mapping[str, Any]]
    terms: tuple[Term, ...]

    @classmethod
    def read(cls, given: Node, parameters: frozenset[str], headers: frozenset[str]) -> "Ask":
        """
        Read what a route asks.

        Args:
            given: Where it stands.

            parameters: Those of the route's pattern.

            headers: The headers that are trusted, in lower case.

        Raises:
            SettingsError: Something is unknown, missing, or something else than it must be.
        """
        return _Reader(parameters, headers).ask(given)

    @property
    def takes_claims(self) -> bool:
        """
        Whether it takes a value from the caller's token.
        """
        return any(isinstance(leaf, FromClaim) for leaf in _leaves([self.needed, self.facts]))

    def evaluation(self, held: Held) -> dict[str, Any]:
        """
        Make the evaluation that a request asks for.

        Raises:
            RequestError: The request does not hold what the evaluation needs.
        """
        evaluation: dict[str, Any] = needed(self.needed, held)
        context = {name: known(template, held) for name, template in self.facts.items()}
        return {**evaluation, "context": {**evaluation["context"], **context}}


class _Reader:
    """
    Reads what a route asks, and notes the terms.

    Args:
        parameters: Those of the route's pattern.

        headers: The headers that are trusted, in lower case.
    """

    def __init__(self, parameters: frozenset[str], headers: frozenset[str]) -> None:
        self._parameters = parameters
        self._headers = headers
        self._terms: list[Term] = []

    def ask(self, given: Node) -> Ask:
        """
        Read all of it.
        """
        parts = given.parts(*_ASK, needed=("subject", "action", "resource"))
        context: dict[str, Any] = {}
        if "purpose" in parts:
            context["purpose"] = self._texts(parts["purpose"], "purpose")
        if "recipient" in parts:
            context["recipient"] = self._entity(parts["recipient"], "recipient")
        template = {
            "subject": self._entity(parts["subject"], "subject"),
            "action": self._action(parts["action"]),
            "resource": self._resource(parts["resource"]),
            "context": context,
        }
        facts: dict[str, Any] = {name: self._facts(parts[name]) for name in _FACTS if name in parts}
        for name in facts:
            self._note(parts[name])
        return Ask(template, facts, tuple(self._terms))

    def _entity(self, given: Node, kind: str) -> dict[str, Any]:
        parts = given.parts("type", "id", "properties", needed=("type", "id"))
        entity = {"type": self._text(parts["type"], kind), "id": self._text(parts["id"])}
        return {**entity, **self._properties(parts)}

    def _action(self, given: Node) -> dict[str, Any]:
        if not isinstance(given.value, dict) or _SOURCES & given.value.keys():
            return {"name": self._text(given, "action")}
        parts = given.parts("name", "properties", needed=("name",))
        return {"name": self._text(parts["name"], "action"), **self._properties(parts)}

    def _resource(self, given: Node) -> dict[str, Any]:
        parts = given.parts("type", "id", "categories", "properties", needed=("id",))
        type_ = self._text(parts["type"]) if "type" in parts else _INFORMATION
        properties: dict[str, Any] = self._properties(parts).get("properties", {})
        if "categories" in parts:
            if "categories" in properties:
                raise parts["properties"].wrong("without categories, which stand beside it")
            named = [self._text(entry, "category") for entry in parts["categories"].entries()]
            properties = {**properties, "categories": named}
        elif isinstance(properties.get("categories"), list):
            for entry in parts["properties"].parts()["categories"].entries():
                self._text(entry, "category")
        return {"type": type_, "id": self._text(parts["id"]), "properties": properties}

    def _properties(self, parts: Mapping[str, Node]) -> dict[str, Any]:
        if "properties" not in parts:
            return {}
        parts["properties"].parts()
        return {"properties": parts["properties"].json()}

    def _facts(self, given: Node) -> dict[str, Any]:
        return {name: self._fact(part) for name, part in given.parts().items()}

    def _fact(self, given: Node) -> Any:
        return self._source(given, booleans=True) or given.json()

    def _texts(self, given: Node, kind: str) -> Any:
        if isinstance(given.value, list):
            return [self._text(entry, kind) for entry in given.entries()]
        return self._text(given, kind)

    def _text(self, given: Node, kind: str | None = None) -> str | Source:
        source = self._source(given)
        if source is not None:
            return source
        if kind is not None:
            self._terms.append(Term(given.place, kind, given.text()))
        return given.text()

    def _note(self, facts: Node) -> None:
        for name, part in facts.parts().items():
            self._terms.append(Term(part.place, "fact", name))

    def _source(self, given: Node, booleans: bool = False) -> Source | None:
        """
        Read where a value is taken from; None where it stands in the table itself.
        """
        if not isinstance(given.value, dict) or not _SOURCES & given.value.keys():
            return None
        parts = given.parts(*_SOURCE)
        if len(_SOURCES & parts.keys()) > 1 or ("is" in parts and "header" not in parts):
            raise given.wrong("one of {path: …}, {claim: …} and {header: …, is: …}")
        if "path" in parts:
            if parts["path"].text() not in self._parameters:
                raise parts["path"].wrong("a parameter of the route's path")
            return FromPath(parts["path"].text())
        if "claim" in parts:
            return FromClaim(parts["claim"].text())
        if parts["header"].text().lower() not in self._headers:
            raise parts["header"].wrong("one of trusted_headers")
        kind = parts["is"].text() if "is" in parts else "text"
        if kind not in _TYPES or (_TYPES[kind] and not booleans):
            raise parts["is"].wrong("text or boolean" if booleans else "text")
        return FromHeader(parts["header"].text(), _TYPES[kind])


def _leaves(template: Any) -> Iterator[Any]:
    match template:
        case dict():
            for value in template.values():
                yield from _leaves(value)
        case list():
            for value in template:
                yield from _leaves(value)
        case _:
            yield template
