"""
What a bundle says that its decision reads, is all that it reads.
"""

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from sidecar.bundle.build import build
from sidecar.bundle.manifest import Manifest
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from tests.e2e.serve import ROOT
from tests.properties.generator import Request, Requests
from tests.running import opa_running

PAIRS: Final = 5_000
BATCH: Final = 500
# Where a request may say something that no policy was written for, beside all that it does say.
ELSEWHERE: Final = [
    ("subject", "properties"),
    ("subject", "properties", "department"),
    ("subject", "other"),
    ("action", "properties"),
    ("action", "properties", "method"),
    ("resource", "id"),
    ("resource", "properties", "owner"),
    ("context", "time"),
    ("context", "other", "nested"),
    ("context", "recipient", "properties"),
    ("other",),
]
VALUES: Final[list[Any]] = [None, True, 7, "odd", "csw", ["company_name"], {"type": "csw"}, []]


@pytest.fixture(scope="module")
def asked(
    opa_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, tuple[str, ...]]]:
    """
    An engine with the agreement's bundle, and what that says it reads.
    """
    folder = tmp_path_factory.mktemp("reads")
    bundle = build(ROOT / "policies", folder / "privacy.tar.gz", opa=opa_binary)
    endpoint = Endpoint(f"unix://{folder}/s", read_timeout_s=60)
    with opa_running(opa_binary, endpoint, "--bundle", bundle.path, log=folder / "log"):
        opa = Opa(endpoint)
        engine = Engine(opa, today=lambda: "2026-11-24")
        yield engine, engine.bundle().reads
        opa.close_connection()


def _paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, member in value.items() if isinstance(value, dict) else ():
        yield (*above, key)
        yield from _paths(member, (*above, key))


def _is_read(path: tuple[str, ...], reads: tuple[str, ...]) -> bool:
    """
    Say whether a path is one that is read, or above or below one.
    """
    parts = [tuple(read.split(".")) for read in reads]
    return ("*",) in parts or any(
        part[: len(path)] == path or path[: len(part)] == part for part in parts
    )


def _put(request: Request, path: tuple[str, ...], value: Any) -> bool:
    """
    Put a value at a path, and say whether there is such a place.
    """
    holder: Any = request
    for step in path[:-1]:
        holder = holder.setdefault(step, {})
        if not isinstance(holder, dict):
            return False
    holder[path[-1]] = value
    return True


def _changed(request: Request, reads: tuple[str, ...], order: random.Random) -> Request:
    """
    Copy a request with other values at some of the places that are not read.
    """
    other = copy.deepcopy(request)
    free = [path for path in (*_paths(request), *ELSEWHERE) if not _is_read(path, reads)]
    for path in order.sample(free, order.randint(1, len(free))):
        _put(other, path, copy.deepcopy(order.choice(VALUES)))
    return other


def _decided(engine: Engine, requests: list[Request]) -> list[Any]:
    return [
        decision
        for start in range(0, len(requests), BATCH)
        for decision in engine.decide_all(requests[start : start + BATCH])
    ]


def test_what_is_not_read_changes_nothing(asked: tuple[Engine, tuple[str, ...]]):
    """
    Of 5,000 pairs of requests that differ only where nothing is read, both get the same decision,
    word by word.
    """
    engine, reads = asked
    order = random.Random(5)
    requests = list(Requests(5).take(PAIRS))
    others = [_changed(request, reads, order) for request in requests]

    assert all(request != other for request, other in zip(requests, others, strict=True))
    decisions, again = _decided(engine, requests), _decided(engine, others)
    assert all(isinstance(decision, Decision) for decision in decisions)
    for request, other, one, two in zip(requests, others, decisions, again, strict=True):
        assert one == two, (request, other)


def test_the_agreement_s_decision_reads_no_more_than_this(
    asked: tuple[Engine, tuple[str, ...]],
):
    """
    A request's other parts do not count: neither who it is about, nor properties.
    """
    assert asked[1] == (
        "action.name",
        "context.answer",
        "context.evidence",
        "context.facts",
        "context.purpose",
        "context.recipient",
        "environment.date",
        "resource.properties.categories",
        "resource.type",
        "subject.id",
        "subject.type",
    )


def test_a_tarball_made_by_hand_reads_everything():
    """
    Where a manifest does not say, all of the input may count, and other things beside it.
    """
    manifest = Manifest.from_document({"metadata": {"authzen": {"decision": "a/b"}}})

    assert manifest.reads == ("*",)
    assert manifest.deterministic is False
