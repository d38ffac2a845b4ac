"""
Which part of a request's answer is under way: told to whoever draws traces. Where nobody does,
nothing is measured.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, ParamSpec, Protocol, TypeVar

Attributes = Mapping[str, bool | int | str | Sequence[str]]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Spans(Protocol):
    """
    Draws the spans of a request.
    """

    def span(self, name: str) -> AbstractContextManager[Callable[[Attributes], None]]:
        """
        Draw a span around what is done within: it is given what takes the span's attributes.
        """

    def headers(self) -> Mapping[str, str]:
        """
        Say where the request stands in its trace, to be sent to whoever is asked in turn.
        """


drawing: Final[ContextVar[Spans | None]] = ContextVar("drawing", default=None)
"""
Who draws the request that is under way; None where nobody does.
"""


def spanned(
    name: str, attributes: Callable[[Any], Attributes] | None = None
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """
    Have a span around each call of a function.

    Args:
        name: The span's name.

        attributes: What is told of the result. Nothing that a caller sent may be among it.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(function)
        def called(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            spans = drawing.get()
            if spans is None:
                return function(*args, **kwargs)
            with spans.span(name) as tell:
                result = function(*args, **kwargs)
                if attributes:
                    tell(attributes(result))
                return result

        return called

    return decorate


def outgoing() -> Mapping[str, str]:
    """
    Return the headers by which a request's trace goes on elsewhere; none where nobody draws it.
    """
    spans = drawing.get()
    return spans.headers() if spans else {}
