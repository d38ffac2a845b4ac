"""
sidecar.observability.metrics: what is counted, and that callers cannot make series.
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.parser import text_string_to_metric_families

from sidecar import errors
from sidecar.engine.bundle_info import Agreement, BundleInfo
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.observability.metrics import Metrics
from tests.fakes import OddServer, ScriptedOpa

TERMS: Final = {
    "action": frozenset({"read", "sell"}),
    "purpose": frozenset({"billing", "research"}),
    "reason": frozenset({"permitted", "mixed"}),
    "obligation": frozenset({"notify"}),
    "fact": frozenset({"consent", "need"}),
}
AGREEMENT: Final = Agreement("rules", "1", clauses={"1-a": {}, "2": {}}, terms=TERMS)
INFO: Final = BundleInfo("decision", "r1", ("a", "decision"), None, {}, AGREEMENT)
PLAIN: Final = BundleInfo("decision", "r1", ("a", "decision"), None, {}, None)
HOSTILE: Final[list[Any]] = [
    *("", "unheard of", "other ", "READ", "read\n", 'a"b', "a{b}", "\\", "\0", "ä" * 5000),
    *(None, True, 0, 1.5, [], ["read"], ["billing", ["x"]], {}, {"read": 1}, [[]]),
]


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    """
    Metrics of a process that is alone.
    """
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    return Metrics()


@pytest.fixture
def opa() -> Iterator[ScriptedOpa]:
    """
    An OPA elsewhere.
    """
    yield ScriptedOpa()


@pytest.fixture
def engine(opa: ScriptedOpa) -> Iterator[Engine]:
    """
    An engine that asks it.
    """
    with OddServer(opa) as server:
        client = Opa(Endpoint(server.url))
        yield Engine(client)
        client.close_connection()


def _asked(action: str = "read", **context: Any) -> dict[str, Any]:
    return {"action": {"name": action}, "context": context}


def _decided(allowed: bool = True, **context: Any) -> Decision:
    return Decision(allowed, context, "r1")


def _series(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == name
    }


def _exposed(metrics: Metrics, engine: Engine, restarts: int | None = None) -> dict[str, Any]:
    text = metrics.exposition(engine, restarts).decode()
    return {
        sample.name: (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels.keys() & {"stage", "result"}
    }


def test_a_decision_is_counted_by_its_terms(metrics: Metrics):
    """
    What the bundle's vocabulary knows is the label; clauses and obligations are counted each.
    """
    decision = _decided(
        False,
        outcome="partial",
        reason="mixed",
        clauses=[{"id": "1-a", "effect": "permits"}, {"id": "2", "effect": "prohibits"}],
        obligations=[{"id": "notify"}],
    )
    metrics.decided(_asked("sell", purpose="billing"), decision, INFO)
    metrics.decided(_asked("sell", purpose="billing"), decision, INFO)

    registry = metrics.registry
    assert _series(registry, "privacy_decisions_total") == {
        ("sell", "partial", "billing", "mixed"): 2
    }
    assert _series(registry, "privacy_clause_decisions_total") == {
        ("1-a", "permits"): 2,
        ("2", "prohibits"): 2,
    }
    assert _series(registry, "privacy_obligations_total") == {("notify",): 2}


@pytest.mark.parametrize(
    ("purpose", "label"),
    [
        ("billing", "billing"),
        (["research"], "research"),
        (["billing", "research"], "other"),
        (["billing", "billing"], "other"),
        (["x", {}, None], "other"),
        (["unheard of"], "other"),
        ([["billing"]], "other"),
        ([], "other"),
        ("unheard of", "other"),
        (None, "other"),
        ({"billing": 1}, "other"),
    ],
)
def test_purposes(metrics: Metrics, purpose, label):
    """
    One purpose is its own label, also in a list; more than one, and anything else, are `other`.
    """
    metrics.decided(_asked(purpose=purpose), _decided(), INFO)

    assert _series(metrics.registry, "privacy_decisions_total") == {
        ("read", "permitted", label, "other"): 1
    }


@pytest.mark.parametrize(
    ("allowed", "context", "outcome"),
    [
        (True, None, "permitted"),
        (False, None, "denied"),
        (True, {}, "permitted"),
        (False, {"outcome": "partial"}, "partial"),
        (False, {"outcome": "unheard of"}, "denied"),
        (True, {"outcome": ["permitted"]}, "permitted"),
    ],
)
def test_outcomes(metrics: Metrics, allowed, context, outcome):
    """
    The outcome is the policy's where it is a known one, and else what the verdict says.
    """
    metrics.decided(_asked(), Decision(allowed, context, "r1"), PLAIN)

    assert _series(metrics.registry, "privacy_decisions_total") == {
        ("other", outcome, "other", "other"): 1
    }


def test_the_number_of_series_is_bounded_by_the_vocabulary(metrics: Metrics):
    """
    Whatever is said, there are no more series than combinations of the terms and `other`.
    """
    values = [*HOSTILE, *(f"new-{number}" for number in range(200))]
    for value in values:
        action = value if isinstance(value, str) else "read"
        metrics.decided(
            _asked(action, purpose=value),
            _decided(
                outcome=value,
                reason=value,
                clauses=[{"id": value, "effect": value}, value, {}],
                obligations=[{"id": value}, value],
            ),
            INFO,
        )
        metrics.decided(_asked(), _decided(clauses=value, obligations=value), INFO)
    known = {name: [*terms, "other"] for name, terms in TERMS.items()}
    for action, purpose, reason in product(known["action"], known["purpose"], known["reason"]):
        for outcome in ("permitted", "partial", "denied"):
            for asked in (purpose, [purpose, purpose]):
                decision = _decided(outcome=outcome, reason=reason)
                metrics.decided(_asked(action, purpose=asked), decision, INFO)
    for id_, effect in product(
        ["1-a", "2", "x"], ["permits", "prohibits", "limits", "obliges", "defines", "x"]
    ):
        decision = _decided(clauses=[{"id": id_, "effect": effect}], obligations=[{"id": "notify"}])
        metrics.decided(_asked(), decision, INFO)

    registry = metrics.registry
    actions, purposes, reasons = 2 + 1, 2 + 1, 2 + 1
    assert len(_series(registry, "privacy_decisions_total")) == 3 * actions * purposes * reasons
    assert len(_series(registry, "privacy_clause_decisions_total")) == (2 + 1) * (5 + 1)
    assert len(_series(registry, "privacy_obligations_total")) == 1 + 1


@pytest.mark.parametrize(
    ("missing", "counted"),
    [
        (["consent", "need", "consent"], {("consent",): 1, ("need",): 1}),
        (["purpose", "recipient"], {("other",): 1}),
        (["consent", None, {}], {("consent",): 1, ("other",): 1}),
        ([], {}),
        (None, {}),
        ("consent", {}),
    ],
)
def test_facts_that_were_missing(metrics: Metrics, missing, counted):
    """
    An evaluation counts once for each fact that it lacked.
    """
    metrics.decided(_asked(), _decided(False, missing_facts=missing), INFO)

    assert _series(metrics.registry, "privacy_missing_facts_total") == counted


def test_errors_are_counted_by_their_codes(metrics: Metrics):
    """
    There are as many series as there are classes of errors that are answered.
    """
    kinds: list[type[errors.SidecarError]] = [
        errors.InternalError,
        errors.RequestError,
        *errors.RequestError.__subclasses__(),
        *errors.EngineError.__subclasses__(),
    ]
    for kind in kinds * 2:
        metrics.failed(kind.code)

    assert _series(metrics.registry, "privacy_decision_errors_total") == {
        (kind.code,): 2 for kind in kinds
    }


def test_stages_are_timed(metrics: Metrics):
    """
    Each stage is a series, and there from the beginning.
    """
    name = "privacy_decision_duration_seconds"
    assert set(_series(metrics.registry, f"{name}_count").values()) == {0}
    metrics.took({"parse": 0.25, "total": 0.5})
    metrics.took({"total": 0.25})

    sums = {("parse",): 0.25, ("opa",): 0, ("answer",): 0, ("total",): 0.75}
    assert _series(metrics.registry, f"{name}_sum") == sums
    assert _series(metrics.registry, f"{name}_count")[("total",)] == 2


@pytest.mark.parametrize(
    ("name", "results"),
    [
        ("privacy_decision_records_total", {"written", "dropped", "refused"}),
        ("privacy_route_table_reads_total", {"taken", "refused"}),
    ],
)
def test_what_must_not_be_is_there_from_the_beginning(metrics: Metrics, name: str, results):
    """
    A counter that is not there before it counts shows no increase the first time.
    """
    assert _series(metrics.registry, name) == {(result,): 0 for result in results}


def test_what_is_so_now(metrics: Metrics, engine: Engine, opa: ScriptedOpa):
    """
    Readiness and the active bundle are those of the moment: one series, whatever was before.
    """
    assert _exposed(metrics, engine) == {
        "privacy_ready": ({}, 1),
        "privacy_bundle_info": ({"agreement": "", "version": "", "revision": "r1"}, 1),
    }
    opa.revision = "r2"
    assert _exposed(metrics, engine)["privacy_bundle_info"][0]["revision"] == "r2"
    opa.revision = None
    assert _exposed(metrics, engine)["privacy_ready"] == ({}, 0)


LOOKING_UP = {"id": "a", "version": "1", "registers": "a/registers"}
LOOKED_UP = {"at": "known", "kinds": {"people": ["subject.id"]}, "faults": "a/faults"}


def test_registers_are_counted_by_how_soon_entries_end(
    metrics: Metrics, engine: Engine, opa: ScriptedOpa
):
    """
    There are five series for each kind that the bundle knows. Registers are read again once a
    bundle was replaced, and not before; without any bundle there are no entries.
    """
    opa.agreement = LOOKING_UP
    opa.others = {"registers": "1"}
    opa.results |= {"a/registers": LOOKED_UP, "known": {"people": {"ann": {"until": "2000-01-01"}}}}

    def counted() -> dict[str, float]:
        families = text_string_to_metric_families(metrics.exposition(engine, None).decode())
        samples = [sample for family in families for sample in family.samples]
        found = [each for each in samples if each.name == "privacy_register_entries"]
        assert {each.labels["kind"] for each in found} <= {"people"}
        return {each.labels["ends"]: each.value for each in found}

    past = {"past": 1.0, "7d": 0.0, "30d": 0.0, "later": 0.0, "never": 0.0}
    assert counted() == past
    opa.results["known"] = {"people": {"ann": {}}}
    assert counted() == past
    assert opa.paths.count("known") == 1
    opa.others = {"registers": "2"}
    assert counted() == past | {"past": 0.0, "never": 1.0}
    opa.revision = None
    assert set(counted().values()) == {0.0}


def test_registers_that_cannot_be_read_make_no_series(
    metrics: Metrics, engine: Engine, opa: ScriptedOpa
):
    """
    The other metrics are there all the same.
    """
    opa.agreement = LOOKING_UP
    opa.results |= {"a/registers": LOOKED_UP}

    def fails(path: str) -> None:
        if path == "known":
            raise ConnectionError

    opa.before_answering = fails
    told = metrics.exposition(engine, None)

    assert b"privacy_bundle_info" in told
    assert b"privacy_register_entries" not in told


def test_a_bundle_that_was_never_there(metrics: Metrics, engine: Engine, opa: ScriptedOpa):
    """
    Without a bundle there is none to tell of.
    """
    opa.revision = None

    assert _exposed(metrics, engine) == {"privacy_ready": ({}, 0)}


def test_restarts_are_told_where_there_can_be_any(metrics: Metrics, engine: Engine):
    """
    An OPA of the sidecar's own may be started again; another is not its concern.
    """
    assert _exposed(metrics, engine, 0)["privacy_engine_restarts_total"] == ({}, 0)
    assert _exposed(metrics, engine, 3)["privacy_engine_restarts_total"] == ({}, 3)
    assert "privacy_engine_restarts_total" not in _exposed(metrics, engine)


def test_names_start_alike(metrics: Metrics, engine: Engine):
    """
    Every metric is named after what it is part of.
    """
    metrics.failed("x")
    metrics.decided(_asked(), _decided(clauses=[{}], obligations=[{}]), INFO)
    text = metrics.exposition(engine, 0).decode()

    families = [*text_string_to_metric_families(text)]
    assert len(families) >= 8
    assert all(family.name.startswith("privacy_") for family in families)
    assert all(family.documentation for family in families)


def _worker(folder: Path, pid: int, count: float) -> None:
    values = MmapedDict(str(folder / f"counter_{pid}.db"))
    key = mmap_key("privacy_x", "privacy_x_total", ["code"], ["c"], "Help.")
    values.write_value(key, count, 0.0)
    values.close()


def test_workers_are_added_up(
    metrics: Metrics, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """
    What all workers counted is one number; one that has just made its file has counted nothing yet.
    """
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    _worker(tmp_path, 1, 2)
    _worker(tmp_path, 2, 40)
    (tmp_path / "counter_3.db").touch()
    (tmp_path / "lock").touch()
    (tmp_path / "counter_4.db").write_bytes(b"\0" * 65536)

    assert _exposed(metrics, engine)["privacy_x_total"] == ({"code": "c"}, 42)
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path)
