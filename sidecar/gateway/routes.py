"""
The route table: which request that a proxy holds asks for which decision.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from werkzeug.datastructures import Headers

from sidecar import strict
from sidecar.errors import PathAmbiguous, RouteUnknown, SettingsError
from sidecar.gateway import paths
from sidecar.gateway.ask import Ask, Term, Terms
from sidecar.gateway.node import Node
from sidecar.gateway.values import Held

_METHOD: Final = re.compile(r"[A-Z]+(?:-[A-Z]+)*")
_PARAMETER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_ONE_READING: Final = "a path of segments, each a {parameter} or what is read in one way only"
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    A whole segment of a pattern that may be any text, but not empty.
    """

    name: str


Pattern = tuple[str | Parameter, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """
    A request that is known, and the decision that it asks for.

    Attributes:
        method: The request's method.

        path: The pattern as it stands in the table.

        pattern: The pattern's segments.

        ask: The evaluation, with sources for what the request holds.

        carries_out: The obligations that the server behind the proxy carries out.

        terms: The words in all of it that the bundle's vocabulary should know.
    """

    method: str
    path: str
    pattern: Pattern
    ask: Ask
    carries_out: frozenset[str]
    terms: tuple[Term, ...]

    def __str__(self) -> str:
        """
        Write it as people say it.
        """
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> int:
        """
        How many parameters its pattern has.
        """
        return sum(isinstance(part, Parameter) for part in self.pattern)

    def check(self, terms: Terms) -> None:
        """
        See that a vocabulary knows the terms that stand in the table.

        Args:
            terms: The vocabulary's.

        Raises:
            SettingsError: One is unknown.
        """
        for term in self.terms:
            if term.kind in terms and term.word not in terms[term.kind]:
                raise SettingsError(
                    f"{term.place} must be a term that the bundle knows, got {term.word!r}"
                )

    def matches(self, method: str, segments: Sequence[str]) -> bool:
        """
        Say whether a request is this one.
        """
        return (
            method == self.method
            and len(segments) == len(self.pattern)
            and all(
                segment != "" if isinstance(part, Parameter) else segment == part
                for part, segment in zip(self.pattern, segments, strict=True)
            )
        )

    def asked(
        self, segments: Sequence[str], claims: Mapping[str, Any], headers: Headers
    ) -> dict[str, Any]:
        """
        Make the evaluation that a request asks for.

        Args:
            segments: Those of the request's path; they match.

            claims: The claims of the caller's token, if it takes any.

            headers: The headers of the proxy's request.

        Raises:
            RequestError: The request does not hold what the evaluation needs.
        """
        bound = {
            part.name: segment
            for part, segment in zip(self.pattern, segments, strict=True)
            if isinstance(part, Parameter)
        }
        return self.ask.evaluation(Held(bound, claims, headers))


@dataclass(frozen=True, slots=True)
class Routes:
    """
    All routes of a table.

    Attributes:
        routes: The routes; of those that match a request, the most specific one comes first.
    """

    routes: tuple[Route, ...]

    @classmethod
    def read(cls, file: Path) -> "Routes":
        """
        Read a table.

        Raises:
            SettingsError: It is not one; or a route can never be asked, or two can both be.
        """
        whole = Node(str(file), "", strict.read(file))
        table = whole.parts("routes", "carries_out", "trusted_headers", needed=("routes",))
        trusted = [_header(entry) for entry in _entries(table, "trusted_headers")]
        carried = _carried(table)
        found = [
            (entry.at, route)
            for entry in table["routes"].entries()
            for route in _routes(entry, frozenset(map(str.lower, trusted)), carried)
        ]
        if not found:
            raise SettingsError(f"{file}: routes must not be empty")
        _check_apart(str(file), found)
        ordered = sorted((route for _, route in found), key=lambda route: route.parameters)
        return cls(tuple(ordered))

    @property
    def takes_claims(self) -> bool:
        """
        Whether any of them takes a value from the caller's token.
        """
        return any(route.ask.takes_claims for route in self.routes)

    def route(self, method: str, segments: Sequence[str]) -> Route:
        """
        Find the route of a request: of those that match, the most specific one.

        Raises:
            RouteUnknown: None matches.
        """
        for route in self.routes:
            if route.matches(method, segments):
                return route
        raise RouteUnknown()


def _entries(table: Mapping[str, Node], name: str) -> Iterable[Node]:
    return table[name].entries() if name in table else ()


def _carried(table: Mapping[str, Node]) -> tuple[Term, ...]:
    return tuple(
        Term(entry.place, "obligation", entry.text()) for entry in _entries(table, "carries_out")
    )


def _header(entry: Node) -> str:
    if not _HEADER.fullmatch(entry.text()):
        # gunicorn drops those with an underscore: a caller's could pass for the proxy's.
        raise entry.wrong("a header's name, of letters, digits and hyphens")
    return entry.text()


def _routes(entry: Node, trusted: frozenset[str], carried: tuple[Term, ...]) -> Iterator[Route]:
    """
    Read an entry of the table: one route for each of its methods.
    """
    given = entry.parts("match", "ask", "carries_out", needed=("match", "ask"))
    match = given["match"].parts("method", "path", needed=("method", "path"))
    pattern = _pattern(match["path"])
    names = frozenset(part.name for part in pattern if isinstance(part, Parameter))
    ask = Ask.read(given["ask"], names, trusted)
    obligations = (*carried, *_carried(given))
    methods = match["method"]
    if methods.value == []:
        raise SettingsError(f"{methods.place} must not be empty")
    for method in methods.entries() if isinstance(methods.value, list) else [methods]:
        if not _METHOD.fullmatch(method.text()):
            raise method.wrong("a method in capital letters")
        yield Route(
            method.text(),
            match["path"].text(),
            pattern,
            ask,
            frozenset(term.word for term in obligations),
            (*ask.terms, *obligations),
        )


def _pattern(given: Node) -> Pattern:
    """
    Read a pattern; what it says literally must be a path that is not refused.
    """
    pieces = given.text().split("/")
    found = [_PARAMETER.fullmatch(piece) for piece in pieces]
    names = [match[1] for match in found if match]
    if len(set(names)) < len(names):
        raise given.wrong("a pattern in which no parameter stands twice")
    # Any name will do for a segment while the others are read.
    literal = "/".join(
        match[1] if match else piece for match, piece in zip(found, pieces, strict=True)
    )
    try:
        segments = paths.segments(literal)
    except PathAmbiguous as wrong:
        raise given.wrong(_ONE_READING) from wrong
    if "*" in literal:
        # No wildcard, whatever was meant.
        raise given.wrong(_ONE_READING)
    if "?" in literal:
        raise given.wrong("a path without a query")
    return tuple(
        Parameter(match[1]) if match else segment
        for match, segment in zip(found[1:], segments, strict=True)
    )


def _check_apart(file: str, found: Sequence[tuple[str, Route]]) -> None:
    """
    See that every route can be asked, and that no request has two that are equally specific.

    Raises:
        SettingsError: Two routes are in each other's way; it names both.
    """
    by_request: dict[tuple[object, ...], tuple[str, Route]] = {}
    for at, route in found:
        before = by_request.setdefault(_request(route), (at, route))
        if before[1] is not route:
            raise SettingsError(
                f"{file}: {at} ({route}) is never asked: {before[0]} ({before[1]}) comes first"
            )
    for (at, route), (at_other, other) in combinations(found, 2):
        both = _both(_request(route), _request(other))
        if both is not None and both not in by_request:
            raise SettingsError(
                f"{file}: {at} ({route}) and {at_other} ({other}) match the same requests, and "
                "neither is more specific"
            )


def _request(route: Route) -> tuple[str | None, ...]:
    """
    Say which requests a route matches: the method and the segments, None for any.
    """
    literal = (None if isinstance(part, Parameter) else part for part in route.pattern)
    return (route.method, *literal)


def _both(
    one: tuple[str | None, ...], other: tuple[str | None, ...]
) -> tuple[str | None, ...] | None:
    """
    Say which requests are in two sets of them; None if there are none.
    """
    if len(one) != len(other):
        return None
    pairs = list(zip(one, other, strict=True))
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        return None
    # A parameter is never empty.
    if any(None in pair and "" in pair for pair in pairs):
        return None
    return tuple(b if a is None else a for a, b in pairs)
