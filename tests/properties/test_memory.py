"""
What is remembered is what would be decided, whatever is asked in whatever order, while bundles come
and go.
"""

import json
import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from sidecar.bundle.build import BuiltBundle, build
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.memory import Memory
from tests.credentials import replace
from tests.e2e.serve import ROOT
from tests.properties.generator import Request, Requests
from tests.running import eventually, opa_running

QUESTIONS: Final = 400
ASKED: Final = 20_000
PHASES: Final = 10
WITHIN_S: Final = 1.0


@pytest.fixture(scope="module")
def bundles(
    opa_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, BuiltBundle]:
    """
    The agreement's bundle, and one that reads it otherwise, by their revisions.
    """
    folder = tmp_path_factory.mktemp("bundles")
    other = folder / "other"
    shutil.copytree(ROOT / "policies", other)
    file = other / "privacy/interpretation/data.yaml"
    data = yaml.safe_load(file.read_text("utf-8"))
    for name in ("consent_always_required", "unstated_duty_denies"):
        data["switches"][name]["value"] = True
    file.write_text(yaml.safe_dump(data), "utf-8")
    built = [
        build(ROOT / "policies", folder / "a.tar.gz", opa=opa_binary),
        build(other, folder / "b.tar.gz", opa=opa_binary),
    ]
    return {bundle.revision: bundle for bundle in built}


@contextmanager
def _asked(opa: Path, folder: Path, bundle: BuiltBundle) -> Iterator[tuple[Path, Endpoint]]:
    """
    Run an OPA that takes what is put in its bundle's place.
    """
    folder.mkdir()
    place = folder / "decision.tar.gz"
    replace(place, bundle.path.read_bytes())
    endpoint = Endpoint(f"unix://{folder}/s", read_timeout_s=30)
    with opa_running(opa, endpoint, "--watch", "--bundle", place, log=folder / "log"):
        yield place, endpoint


def _decided(engine: Engine, requests: Sequence[Request]) -> list[Decision]:
    decided = engine.decide_all(requests)
    assert all(isinstance(decision, Decision) for decision in decided)
    return [decision for decision in decided if isinstance(decision, Decision)]


def _is_active(engine: Engine, revision: str) -> bool:
    return engine.status().revision == revision


def _words(decision: Decision) -> str:
    return json.dumps([decision.allowed, decision.context], sort_keys=True)


def test_what_is_remembered_is_what_would_be_decided(
    bundles: Mapping[str, BuiltBundle], opa_binary: Path, tmp_path: Path
):
    """
    20,000 evaluations, alone and in batches, among 400 different ones, while two bundles take
    turns: each is answered word by word as its revision answers it, and no revision answers later
    than a second after the next one was active. Most come from memory.
    """
    order = random.Random(8)
    requests = list(Requests(8).take(QUESTIONS))
    revisions = list(bundles)
    expected: dict[str, list[str]] = {}
    for revision, bundle in bundles.items():
        with _asked(opa_binary, tmp_path / revision, bundle) as (_, endpoint):
            opa = Opa(endpoint)
            expected[revision] = [_words(each) for each in _decided(Engine(opa), requests)]
            opa.close_connection()
    assert expected[revisions[0]] != expected[revisions[1]]

    remembered = 0
    with _asked(opa_binary, tmp_path / "both", bundles[revisions[0]]) as (place, endpoint):
        opa = Opa(endpoint)
        watching = Engine(Opa(endpoint))
        engine = Engine(opa, memory=Memory(QUESTIONS, 16_000_000))
        for phase in range(PHASES):
            active = revisions[phase % 2]
            replace(place, bundles[active].path.read_bytes())
            assert eventually(partial(_is_active, watching, active))
            since = time.monotonic()
            left = ASKED // PHASES
            while left > 0:
                indices = order.choices(range(QUESTIONS), k=order.choice([1, 1, 1, 1, 40]))
                began = time.monotonic()
                some: list[Any] = [requests[index] for index in indices]
                decisions = _decided(engine, some) if len(some) > 1 else [engine.decide(some[0])]
                for index, decision in zip(indices, decisions, strict=True):
                    assert _words(decision) == expected[decision.revision][index]
                    assert decision.revision == active or began - since <= WITHIN_S
                    remembered += bool(decision.remembered)
                left -= len(indices)
        opa.close_connection()
    assert remembered > ASKED / 2
