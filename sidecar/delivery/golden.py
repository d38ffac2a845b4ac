"""
Decisions that a bundle promises, and whether it keeps to them.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sidecar.bundle.golden import Promise
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.engine import Engine
from sidecar.errors import EngineError

_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What came of asking a bundle for its promises.

    Attributes:
        asked: How many were asked for.

        promised: How many there are.

        broken: For each that it does not keep, its name and what is otherwise.
    """

    asked: int
    promised: int
    broken: tuple[tuple[str, str], ...]


def kept(opa: Opa, engine: Engine, within_s: float) -> Kept:
    """
    Ask the active bundle for what it promises.

    Args:
        opa: The door to OPA.

        engine: Asks the same OPA for decisions.

        within_s: How long that may take; what is left then is not asked.

    Raises:
        EngineError: OPA does not answer, or the promises are of another shape.
    """
    path = engine.bundle().golden
    promises = [] if path is None else Promise.all_of(opa.ask(path, {}).result)
    until = time.monotonic() + within_s
    asked = 0
    broken: list[tuple[str, str]] = []
    while asked < len(promises) and time.monotonic() < until:
        some = promises[asked : asked + _AT_ONCE]
        asked += len(some)
        broken += _broken(some, engine.decide_as_of([promise.evaluation for promise in some]))
    return Kept(asked, len(promises), tuple(broken))


def _broken(
    promises: Sequence[Promise], outcomes: Sequence[Decision | EngineError]
) -> Iterator[tuple[str, str]]:
    for promise, outcome in zip(promises, outcomes, strict=True):
        if isinstance(outcome, EngineError):
            yield promise.name, f"no decision ({outcome.code})"
            continue
        told = {**(outcome.context or {}), "decision": outcome.allowed}
        otherwise = [key for key in promise.expect if not _same(promise.expect[key], told.get(key))]
        if otherwise:
            yield promise.name, f"{', '.join(otherwise)} otherwise"


def _same(expected: Any, told: Any) -> bool:
    if isinstance(expected, list) and isinstance(told, list):
        return sorted(map(_named, expected)) == sorted(map(_named, told))
    return bool(expected == told)


def _named(item: Any) -> str:
    """
    Tell an entry of a list by its id, where it has one: clauses and obligations do.
    """
    return str(item["id"]) if isinstance(item, Mapping) and "id" in item else str(item)
