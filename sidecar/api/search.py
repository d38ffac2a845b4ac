"""
`POST /access/v1/search/subject`, `/resource` and `/action`: who may, what may be touched, what may
be done.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Final

from flask import Response, request

from sidecar.api import parse, paths
from sidecar.api.pages import Page, Pages, without_place
from sidecar.api.request import answered, read
from sidecar.canonical import canonical
from sidecar.engine.engine import Engine
from sidecar.errors import DecisionMalformed
from sidecar.observability.metrics import Metrics
from sidecar.settings import Limits

# What of each entity a search must name: of the one that is searched for, no more than its type
# (AuthZEN 1.0, sections 8.4 to 8.6).
_REQUIRED: Final = {
    "subject": {**parse.ENTITIES, "subject": ("type",)},
    "resource": {**parse.ENTITIES, "resource": ("type",)},
    "action": {kind: names for kind, names in parse.ENTITIES.items() if kind != "action"},
}


class SearchEndpoint:
    """
    Answers searches for one kind of entity.

    Args:
        kind: subject, resource or action.
    """

    def __init__(
        self, kind: str, engine: Engine, metrics: Metrics, limits: Limits, pages: Pages
    ) -> None:
        self._kind = kind
        self._engine = engine
        self._metrics = metrics
        self._limits = limits
        self._pages = pages

    def __call__(self) -> Response:
        """
        Parse, search, answer with a page. Where the active bundle cannot search, there is nothing.
        """
        start = perf_counter()
        body = read(request.environ, self._limits)
        asked = self._asked(body)
        page = Page.of(body)
        stages = {"parse": perf_counter() - start}
        info, found = self._engine.search(self._kind, asked, stages)
        searched = perf_counter()
        results = self._in_order(found)
        search = [self._kind, asked, without_place(body), info.identity]
        told, held = self._pages.cut(results, page, search)
        response = answered({"page": told, "results": held})
        now = perf_counter()
        self._metrics.took(
            stages | {"answer": now - searched, "total": now - start},
            request.headers.get("traceparent"),
        )
        return response

    def _asked(self, body: Mapping[str, Any]) -> parse.Object:
        asked = parse.evaluation(body, required=_REQUIRED[self._kind])
        if self._kind in asked:
            # Which one it is, is the question: an id is ignored.
            entity = asked[self._kind]
            asked[self._kind] = {name: value for name, value in entity.items() if name != "id"}
        return asked

    def _in_order(self, found: list[Any]) -> list[Any]:
        """
        Put what was found in an order that is always the same, each once.

        Raises:
            DecisionMalformed: Something is no entity of this kind.
        """
        for entity in found:
            if not _is_entity(entity, parse.ENTITIES[self._kind]):
                raise DecisionMalformed()
        return [each for _, each in sorted({canonical(each): each for each in found}.items())]


def _is_entity(value: Any, required: tuple[str, ...]) -> bool:
    return isinstance(value, dict) and all(type(value.get(name)) is str for name in required)


def searches(
    engine: Engine, metrics: Metrics, limits: Limits, pages: Pages
) -> dict[str, Callable[[], Response]]:
    """
    Make the endpoints of all searches, by their paths.
    """
    return {
        path: SearchEndpoint(kind, engine, metrics, limits, pages)
        for kind, path in paths.SEARCH.items()
    }
