"""
Registers in a bundle of their own, beside the policy's, in an OPA that fetches both.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.bundle.build import build
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.registers import build as building
from sidecar.registers.reading import entries
from tests.delivery.bundle_server import BundleServer, bundle_server
from tests.e2e.keeping import printed
from tests.e2e.serve import ROOT, Sidecar, running
from tests.running import eventually, opa_running

POLICIES = ROOT / "policies"
FETCHED = "polling: {min_delay_seconds: 1, max_delay_seconds: 1}"


@dataclass(frozen=True, slots=True)
class Case:
    """
    One kind of register, and a request that turns on a fact which it decides.

    Attributes:
        kind: The kind.

        holds: Facts that a good entry decides.

        fails: The same ones, as a bad entry decides them.

        asks: The rest of the request.

        found_by: Where the request names the entry.
    """

    kind: str
    holds: dict[str, Any]
    fails: dict[str, Any]
    asks: dict[str, Any]
    found_by: str = "evidence"

    def asked(self, id_: str, stated: dict[str, Any]) -> dict[str, Any]:
        """
        Make an evaluation that finds an entry, if there is one, and states facts beside the rest.
        """
        said = self.asks
        facts = {**said.get("facts", {}), **stated}
        context = {"purpose": said["purpose"], "facts": facts}
        if "recipient" in said:
            there = id_ if self.found_by == "recipient" else "somebody"
            context["recipient"] = {"type": said["recipient"], "id": there}
        if self.found_by == "evidence":
            context["evidence"] = dict.fromkeys(self.holds, id_)
        subject = {
            "type": said.get("subject", "csw"),
            "id": id_ if self.found_by == "subject" else "somebody",
        }
        return {
            "subject": subject,
            "action": {"name": said["action"]},
            "resource": {
                "type": "information",
                "id": "acme",
                "properties": {"categories": ["email_address"]},
            },
            "context": context,
        }


GROUND = {"processing_ground": "contract"}
DELIVERED = {
    "action": "disclose",
    "purpose": "deliver_products",
    "recipient": "third_party_service_provider",
    "facts": GROUND,
}
USED = {"action": "use", "purpose": "improve_products_services", "facts": GROUND}
SHARED = USED | {"action": "share", "recipient": "affiliate"}
CASES = [
    Case(
        "recipients",
        {"third_party_bound": True},
        {"third_party_bound": False},
        DELIVERED,
        "recipient",
    ),
    Case(
        "affiliates",
        {"affiliate_verified": True},
        {"affiliate_verified": False},
        SHARED,
        "recipient",
    ),
    Case(
        "employees",
        {"guidelines_conveyed": True},
        {"guidelines_conveyed": False},
        USED | {"subject": "csw_employee"},
        "subject",
    ),
    Case(
        "evaluations",
        {"evaluation_done": True, "evaluation_outcome": "favourable"},
        {"evaluation_done": True, "evaluation_outcome": "unfavourable"},
        {
            "action": "use",
            "purpose": "anti_fraud",
            "facts": {
                **GROUND,
                "source": "online_transaction_with_csw",
                "transaction_completed": True,
                "absolutely_necessary": True,
            },
        },
    ),
    Case(
        "determinations",
        {"determination": "recorded"},
        {"determination": "negative"},
        {
            "action": "disclose",
            "purpose": "national_security",
            "recipient": "government_body",
        },
    ),
    Case(
        "demands",
        {"legal_process": "court_order", "demand_scope": ["email_address"]},
        {"legal_process": "court_order", "demand_scope": ["phone_number"]},
        {
            "action": "disclose",
            "purpose": "legal_process_response",
            "recipient": "government_body",
        },
    ),
    Case(
        "consents",
        {"consent": "explicit"},
        {"consent": "withdrawn"},
        USED | {"facts": {"processing_ground": "consent"}},
    ),
    Case(
        "stores",
        {"storage_limited_access": True},
        {"storage_limited_access": False},
        USED | {"action": "store"},
    ),
]


def _entry(facts: dict[str, Any], until: str) -> dict[str, Any]:
    told = {"author": "somebody", "date": "2020-01-01", "reference": "binder 7"}
    return {"facts": facts, "until": until, **told}


def _registers() -> dict[str, Any]:
    return {
        case.kind: {
            "good": _entry(case.holds, "2099-12-31"),
            "bad": _entry(case.fails, "2099-12-31"),
            "was-good": _entry(case.holds, "2020-12-31"),
            "was-bad": _entry(case.fails, "2020-12-31"),
        }
        for case in CASES
    }


@dataclass(frozen=True, slots=True)
class Fleet:
    """
    A sidecar, an OPA elsewhere, and where that fetches bundles.

    Attributes:
        sidecar: The sidecar.

        opa: A door to the OPA, of the tests' own.

        server: Where bundles are offered.

        folder: A place for files.

        binary: OPA's binary.
    """

    sidecar: Sidecar
    opa: Opa
    server: BundleServer
    folder: Path
    binary: Path

    def offer(self, registers: dict[str, Any]) -> str:
        """
        Offer registers from now on, and say of which revision.
        """
        return _offer(self.server, registers, self.folder, self.binary)

    def revision(self) -> str:
        """
        Say which registers OPA has.
        """
        return self.opa.ask(("system", "bundles"), {}).revisions["registers"]


def _offer(server: BundleServer, registers: dict[str, Any], folder: Path, opa: Path) -> str:
    sources = folder / "registers"
    sources.mkdir(exist_ok=True)
    for kind, register in registers.items():
        (sources / f"{kind}.yaml").write_text(yaml.safe_dump(register), "utf-8")
    target = folder / "registers.tar.gz"
    with building.PolicyBundle.taken(folder / "decision.tar.gz", opa) as policy:
        built = building.build(entries(sources, policy.source), target, policy, sources)
    server.put("registers.tar.gz", target.read_bytes())
    return built.revision


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> Iterator[Fleet]:
    """
    All registers, served beside the shipped policy.
    """
    folder = tmp_path_factory.mktemp("fleet")
    build(POLICIES, folder / "decision.tar.gz", opa=opa_binary)
    with (
        bundle_server(folder / "served") as server,
        # Short enough for a socket's path.
        tempfile.TemporaryDirectory(prefix="sock-") as short,
    ):
        server.put("decision.tar.gz", (folder / "decision.tar.gz").read_bytes())
        _offer(server, _registers(), folder, opa_binary)
        config = folder / "opa.yaml"
        config.write_text(
            f"services: {{away: {{url: '{server.url}'}}}}\n"
            "bundles:\n"
            f"  decision: {{service: away, resource: decision.tar.gz, {FETCHED}}}\n"
            f"  registers: {{service: away, resource: registers.tar.gz, {FETCHED}}}\n",
            "utf-8",
        )
        endpoint = Endpoint(f"unix://{short}/opa.sock", connections=1)
        with opa_running(opa_binary, endpoint, "--config-file", config, log=folder / "log"):
            own = replace(endpoint, read_timeout_s=20.0)
            with running(SIDECAR_OPA_URL=endpoint.url) as sidecar:
                client = Opa(own)
                yield Fleet(sidecar, client, server, folder, opa_binary)
                client.close_connection()


def _gist(fleet: Fleet, evaluation: dict[str, Any]) -> tuple[Any, ...]:
    answer = fleet.sidecar.decide(evaluation)
    assert answer.status == 200, fleet.sidecar.stderr
    context = answer.json["context"]
    gist = ("outcome", "reason", "permitted", "denied", "missing_facts")
    return tuple(json.dumps(context[name]) for name in gist)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_an_entry_beats_a_caller_who_says_otherwise(fleet: Fleet, case: Case):
    """
    In both directions: what an entry says is decided upon, whether the caller says the opposite or
    nothing; without an entry the caller's word counts.
    """
    holds = _gist(fleet, case.asked("nobody", case.holds))
    fails = _gist(fleet, case.asked("nobody", case.fails))

    assert json.loads(holds[0]) == "permitted"
    assert json.loads(fails[0]) == "denied"
    for stated in (case.fails, {}):
        assert _gist(fleet, case.asked("good", stated)) == holds
    for stated in (case.holds, {}):
        assert _gist(fleet, case.asked("bad", stated)) == fails


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_an_entry_that_has_ended_leaves_the_fact_unknown(fleet: Fleet, case: Case):
    """
    Whatever the caller says, and whatever it said: the request is answered as one that lacks it.
    """
    silent = _gist(fleet, case.asked("nobody", {}))

    for id_ in ("was-good", "was-bad"):
        for stated in (case.holds, case.fails, {}):
            assert _gist(fleet, case.asked(id_, stated)) == silent


def test_the_ends_of_entries_are_a_metric(fleet: Fleet):
    """
    For each kind there are five series, and each entry counts in one of them.
    """
    counted = fleet.sidecar.counts("privacy_register_entries")

    assert {kind for _, kind in counted} == {case.kind for case in CASES}
    assert len(counted) == 5 * len(CASES)
    for case in CASES:
        numbers = {ends: number for (ends, kind), number in counted.items() if kind == case.kind}
        assert numbers == {"past": 2, "7d": 0, "30d": 0, "later": 2, "never": 0}


def test_exchanged_registers_count_within_a_second(fleet: Fleet):
    """
    While a decision is asked again and again, and answered from memory, the registers are replaced
    apart from the policy: no question that is asked a second after that, or later, gets the answer
    of before.
    """
    [case] = [case for case in CASES if case.kind == "recipients"]
    evaluation = case.asked("exchanged", case.holds)
    before = _gist(fleet, evaluation)
    hits = fleet.sidecar.counts("privacy_decision_cache_total")
    assert _gist(fleet, evaluation) == before
    policy = fleet.sidecar.get("/readyz").json["revision"]
    registers = _registers()
    registers["recipients"]["exchanged"] = _entry(case.fails, "2099-12-31")
    wanted = fleet.offer(registers)
    asked: list[tuple[float, tuple[Any, ...]]] = []
    active_at: list[float] = []

    def settled() -> bool:
        now = time.monotonic()
        asked.append((now, _gist(fleet, evaluation)))
        if not active_at and fleet.revision() == wanted:
            # It was active at this moment, at the latest.
            active_at.append(time.monotonic())
        return bool(active_at) and now > active_at[0] + 2

    assert eventually(settled, 60)
    after = _gist(fleet, case.asked("bad", {}))

    assert before != after
    assert {gist for at, gist in asked if at > active_at[0] + 1} == {after}
    assert {gist for _, gist in asked} == {before, after}
    assert fleet.sidecar.get("/readyz").json["revision"] == policy
    grown = fleet.sidecar.counts("privacy_decision_cache_total")
    assert grown["hit",] > hits.get(("hit",), 0)
    counted = fleet.sidecar.counts("privacy_register_entries")
    assert counted["later", "recipients"] == 3


@contextmanager
def _beside(fleet: Fleet, config: str = "") -> Iterator[Fleet]:
    """
    Run a sidecar whose own OPA has the fleet's policy, and the registers beside it.
    """
    registers = fleet.folder / "registers.tar.gz"
    with running(
        f"bundles: {{beside: ['{registers}']}}\n{config}",
        SIDECAR_BUNDLE=str(fleet.folder / "decision.tar.gz"),
    ) as sidecar:
        yield replace(fleet, sidecar=sidecar)


def test_our_own_opa_loads_them_beside_the_policy(tmp_path: Path, fleet: Fleet):
    """
    With `bundles.beside`, an entry decides too, and the sidecar is ready by the policy's revision.
    """
    [case] = [case for case in CASES if case.kind == "recipients"]
    with _beside(fleet) as own:
        sidecar = own.sidecar
        silent = _gist(own, case.asked("nobody", case.holds))

        assert _gist(own, case.asked("bad", case.holds)) != silent
        assert _gist(own, case.asked("good", case.fails)) == silent
        ready = sidecar.get("/readyz").json
        assert ready["state"] == "ready"
        assert ready["revision"] == fleet.sidecar.get("/readyz").json["revision"]
        assert sidecar.counts("privacy_register_entries")["past", "recipients"] == 2


def test_parties_without_entries_share_what_is_remembered(fleet: Fleet):
    """
    Each of them is answered as the first one was, without a question to OPA, and has a record of
    its own with its own ids; one with an entry is answered by that.
    """
    [case] = [case for case in CASES if case.kind == "recipients"]
    with _beside(fleet, "records: {ids: clear}\nserver: {workers: 1}") as own:
        sidecar = own.sidecar
        asked: list[str] = []

        def hits() -> float:
            return sidecar.counts("privacy_decision_cache_total").get(("hit",), 0)

        def gist(id_: str) -> tuple[Any, ...]:
            asked.append(id_)
            return _gist(own, case.asked(id_, case.holds))

        def is_hit() -> bool:
            before = hits()
            gist(f"early-{len(asked)}")
            return hits() == before + 1

        # Once the entries are there.
        assert eventually(is_hit)
        first, before = gist("first"), hits()
        assert {gist(f"carrier-{number}") for number in range(100)} == {first}
        assert hits() == before + 100
        assert gist("bad") != first
        told = printed(sidecar, len(asked))

    named = [record["input"]["context"]["recipient"]["id"] for record in told]
    assert sorted(named) == sorted(asked)
