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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import yaml

from sidecar.bundle.build import build
from sidecar.engine.bundle_info import BUNDLES
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.memory import Memory
from tests.credentials import replace
from tests.e2e.serve import ROOT
from tests.properties.generator import Request, Requests
from tests.running import eventually, opa_running
from tests.tarballs import tarball

REQUESTS: Final = 100
NAMED: Final = 10
ASKED: Final = 20_000
PHASES: Final = 12
WITHIN_S: Final = 1.0

NAMES: Final = ("decision.tar.gz", "registers.tar.gz")

# The revision of the policy, and that of the registers.
Active = tuple[str, str]


@pytest.fixture(scope="module")
def policies(opa_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
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
    return {bundle.revision: bundle.path.read_bytes() for bundle in built}


@pytest.fixture(scope="module")
def registers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """
    Registers in which the same ids select other entries, and none at all, by their revisions.
    """
    folder = tmp_path_factory.mktemp("registers")
    made = {"r1": Requests(21).registers(), "r2": Requests(22).registers(), "none": {}}
    return {
        revision: tarball(
            folder / f"{revision}.tar.gz",
            {
                ".manifest": json.dumps({"revision": revision, "roots": ["privacy_registers"]}),
                "data.json": json.dumps({"privacy_registers": held}),
            },
        ).read_bytes()
        for revision, held in made.items()
    }


@dataclass(frozen=True, slots=True)
class Places:
    """
    What an OPA takes as its bundles.

    Attributes:
        policies: What may be put in the policy's place.

        registers: What may be put in the registers' place.

        folder: Where both are.
    """

    policies: Mapping[str, bytes]
    registers: Mapping[str, bytes]
    folder: Path

    @property
    def all(self) -> list[Active]:
        """
        What may be active, each differing from the one before.
        """
        first, second = self.policies
        revisions = list(self.registers)
        return [(first, each) for each in revisions] + [(second, each) for each in revisions[::-1]]

    def put(self, active: Active) -> None:
        """
        Put both in their places; what is there already stays as it is.
        """
        for held, revision, name in zip(
            (self.policies, self.registers), active, NAMES, strict=True
        ):
            file = self.folder / name
            if not file.exists() or file.read_bytes() != held[revision]:
                replace(file, held[revision])

    @contextmanager
    def asked(self, opa: Path) -> Iterator[Opa]:
        """
        Run an OPA that takes them, also once they are replaced.
        """
        endpoint = Endpoint(f"unix://{self.folder}/s", read_timeout_s=30)
        files = [word for name in NAMES for word in ("--bundle", self.folder / name)]
        with opa_running(opa, endpoint, "--watch", *files, log=self.folder / "log"):
            client = Opa(endpoint)
            yield client
            client.close_connection()


def _decided(engine: Engine, requests: Sequence[Request]) -> list[Decision]:
    decided = engine.decide_all(requests)
    assert all(isinstance(decision, Decision) for decision in decided)
    return [decision for decision in decided if isinstance(decision, Decision)]


def _is_active(opa: Opa, active: Active) -> bool:
    return set(opa.ask(BUNDLES, {}).revisions.values()) == set(active)


def _words(decision: Decision) -> str:
    return json.dumps([decision.allowed, decision.context], sort_keys=True)


def _by_nobody(request: Request) -> Request:
    return {**request, "subject": {**request["subject"], "id": f"nobody-{uuid4()}"}}


def test_what_is_remembered_is_what_would_be_decided(
    policies: Mapping[str, bytes],
    registers: Mapping[str, bytes],
    opa_binary: Path,
    tmp_path: Path,
):
    """
    20,000 evaluations, alone and in batches, among 100 requests of ten parties each, while two
    policies and three registers take turns: each is answered word by word as what is active
    answers it, and none as what was active before, later than a second after that. Most come from
    memory.
    """
    order, drawn = random.Random(8), Requests(8)
    requests = [named for each in drawn.take(REQUESTS) for named in drawn.parties(each, NAMED)]
    places = Places(policies, registers, tmp_path)
    places.put(places.all[0])
    expected: dict[Active, list[str]] = {}
    remembered = asked = 0
    with places.asked(opa_binary) as opa:
        for active in places.all:
            places.put(active)
            assert eventually(partial(_is_active, opa, active))
            expected[active] = [_words(each) for each in _decided(Engine(opa), requests)]
        assert len({tuple(each) for each in expected.values()}) == len(places.all)

        engine = Engine(opa, memory=Memory(2 * len(requests) * len(places.all), 256_000_000))
        before = active
        for phase in range(PHASES):
            active = places.all[phase % len(places.all)]
            places.put(active)
            assert eventually(partial(_is_active, opa, active))
            since = time.monotonic()
            left = ASKED // PHASES
            while left > 0:
                indices = order.choices(range(len(requests)), k=order.choice([1, 1, 1, 1, 40]))
                began = time.monotonic()
                some: list[Any] = [requests[index] for index in indices]
                decisions = _decided(engine, some) if len(some) > 1 else [engine.decide(some[0])]
                may = [active] if began - since > WITHIN_S else [active, before]
                for index, decision in zip(indices, decisions, strict=True):
                    words = _words(decision)
                    assert words in [expected[each][index] for each in may], requests[index]
                    remembered += bool(decision.remembered)
                    asked += 1
                left -= len(indices)
            # A party that nobody has heard of is answered from memory, with the entries at hand.
            assert eventually(lambda: engine.decide(_by_nobody(requests[0])).remembered)
            before = active
    assert remembered > asked / 2


def test_parties_without_entries_take_one_place(
    policies: Mapping[str, bytes],
    registers: Mapping[str, bytes],
    opa_binary: Path,
    tmp_path: Path,
):
    """
    By the agreement's own policy, a thousand subjects that send to a thousand recipients, each with
    evidence of its own, none of which any register knows: OPA is asked for one of them.
    """
    [request] = Requests(9).take(1)
    places = Places(policies, registers, tmp_path)
    places.put(places.all[0])
    memory = Memory(10_000, 64_000_000)

    def sent(number: int) -> Request:
        made = _by_nobody(request)
        recipient = {"type": "third_party_service_provider", "id": f"carrier-{number}"}
        evidence = {"third_party_bound": f"binder {number}"}
        context = {**request["context"], "recipient": recipient, "evidence": evidence}
        return {**made, "context": context}

    with places.asked(opa_binary) as opa:
        engine = Engine(opa, memory=memory)
        assert eventually(lambda: engine.decide(sent(-1)).remembered)
        taken = len(memory)
        decided = [engine.decide(sent(number)) for number in range(1_000)]

    assert len(memory) == taken
    assert all(decision.remembered for decision in decided)
