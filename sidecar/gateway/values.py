"""
Where a route takes a value from: its path, a verified token, a trusted header.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from werkzeug.datastructures import Headers

from sidecar.errors import RouteValueUnusable, Unauthenticated

ABSENT: Final = object()
"""
Stands for a value that the request does not hold; None is one that it does hold, as null.
"""

_TRUTHS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Held:
    """
    What a request holds.

    Attributes:
        path: The values of the pattern's parameters.

        claims: The claims of the caller's token; empty where the route takes none.

        headers: The headers; looked up in any case.
    """

    path: Mapping[str, str]
    claims: Mapping[str, Any]
    headers: Headers


@dataclass(frozen=True, slots=True)
class FromPath:
    """
    A parameter of the pattern.
    """

    name: str

    def taken(self, held: Held) -> str:
        """
        Take the segment. It is there: else the pattern had not matched.
        """
        return held.path[self.name]

    def needed(self, held: Held) -> str:
        """
        Take the segment.
        """
        return self.taken(held)


@dataclass(frozen=True, slots=True)
class FromClaim:
    """
    A claim of the caller's token.
    """

    name: str

    def taken(self, held: Held) -> Any:
        """
        Take the claim, of any type; ABSENT where the token has none.

        Raises:
            RouteValueUnusable: It could not be sent on: it holds half a character, or no number.
        """
        if self.name not in held.claims:
            return ABSENT
        claim = held.claims[self.name]
        try:
            # The library that reads tokens takes more for JSON than JSON is.
            json.dumps(claim, ensure_ascii=False, allow_nan=False).encode()
        except ValueError as wrong:
            raise RouteValueUnusable() from wrong
        return claim

    def needed(self, held: Held) -> str:
        """
        Take a claim that is a text, and not an empty one.

        Raises:
            Unauthenticated: It is not: the token does not say who comes.
            RouteValueUnusable: It could not be sent on.
        """
        claim = self.taken(held)
        if not isinstance(claim, str) or not claim:
            raise Unauthenticated()
        return claim


@dataclass(frozen=True, slots=True)
class FromHeader:
    """
    A header that the proxy sets, and that callers cannot.

    Attributes:
        name: The header's name.

        boolean: Whether it is `true` or `false`, and nothing else; else it is a text.
    """

    name: str
    boolean: bool = False

    def taken(self, held: Held) -> Any:
        """
        Take the header; ABSENT where there is none.

        Raises:
            RouteValueUnusable: It is of another type, or may have been there twice.
        """
        text = held.headers.get(self.name)
        if text is None:
            return ABSENT
        if self.boolean and text in _TRUTHS:
            return _TRUTHS[text]
        # Where a header stood twice, its values come joined with a comma.
        if self.boolean or not text or not text.isascii() or not text.isprintable() or "," in text:
            raise RouteValueUnusable()
        return text

    def needed(self, held: Held) -> str:
        """
        Take a header that is a text.

        Raises:
            RouteValueUnusable: There is none, or it is of another type.
        """
        text = self.taken(held)
        if not isinstance(text, str):
            raise RouteValueUnusable()
        return text


Source = FromPath | FromClaim | FromHeader


def needed(template: Any, held: Held) -> Any:
    """
    Fill in what an evaluation cannot do without.

    Args:
        template: Sources and values of JSON, in mappings and lists.

        held: What the request holds.

    Raises:
        RequestError: Something is not there, or is no text.
    """
    match template:
        case FromPath() | FromClaim() | FromHeader():
            return template.needed(held)
        case dict():
            return {key: needed(value, held) for key, value in template.items()}
        case list():
            return [needed(value, held) for value in template]
    return template


def known(template: Mapping[str, Any], held: Held) -> dict[str, Any]:
    """
    Fill in facts: those that the request does not hold are left out, and so are unknown.

    Raises:
        RouteValueUnusable: One is of another type than the route says.
    """
    taken = {
        name: value.taken(held) if isinstance(value, Source) else value
        for name, value in template.items()
    }
    return {name: value for name, value in taken.items() if value is not ABSENT}
