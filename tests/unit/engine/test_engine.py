"""
sidecar.engine.engine: decisions of a real OPA, and what is none.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sidecar import errors
from sidecar.bundle.build import BuiltBundle, build
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine, EngineStatus, utc_today
from sidecar.errors import EngineError
from tests.running import BUNDLES, evaluation, opa_running


@pytest.fixture
def engine(faulty: Opa) -> Engine:
    """
    An engine that has not asked yet, on a fixed day.
    """
    return Engine(faulty, today=lambda: "2026-01-15")


def test_a_decision_is_made(engine: Engine):
    """
    The policy sees what the caller sent and today's date, and nothing else.
    """
    asking = evaluation("permit", "alice", odd=[None, {"a": 1.5}], facts={})
    decision = engine.decide(asking)

    assert decision == Decision(
        True,
        {"asked": "alice", "input": {**asking, "environment": {"date": "2026-01-15"}}},
        "faulty-1",
    )
    assert "environment" not in asking


def test_the_caller_does_not_set_the_clock(engine: Engine):
    """
    An environment of the caller's is replaced.
    """
    decision = engine.decide({**evaluation("permit"), "environment": {"date": "1999-01-01"}})

    assert decision.context is not None
    assert decision.context["input"]["environment"] == {"date": "2026-01-15"}


def test_today_is_a_date():
    """
    Year, month and day.
    """
    assert [len(part) for part in utc_today().split("-")] == [4, 2, 2]


def test_a_boolean_is_a_decision(
    built: Callable[[str], BuiltBundle], opa_binary: Path, socket_path: Path, tmp_path: Path
):
    """
    A bundle that only says true or false will do, one by one and in a batch.
    """
    bundle, endpoint = built("boolean"), Endpoint(f"unix://{socket_path}")
    with opa_running(opa_binary, endpoint, "--bundle", bundle.path, log=tmp_path / "log"):
        opa = Opa(endpoint)
        engine = Engine(opa)
        asking = [evaluation("read"), evaluation("borrow", "alice"), evaluation("borrow", "eve")]
        decisions = [engine.decide(one) for one in asking]

        assert decisions == engine.decide_all(asking)
        assert decisions == [Decision(yes, None, bundle.revision) for yes in (True, True, False)]
        assert engine.bundle().agreement is None
        assert engine.status().state == "ready"
        opa.close_connection()


FAILING = [
    (evaluation("count", "no number"), errors.EvaluationFailed),
    (evaluation("contradict"), errors.EvaluationFailed),
    (evaluation("unheard of"), errors.DecisionUndefined),
    ({}, errors.DecisionUndefined),
    (evaluation("answer", value=None), errors.DecisionMalformed),
    (evaluation("answer", value="true"), errors.DecisionMalformed),
    (evaluation("answer", value={"allow": True}), errors.DecisionMalformed),
    (evaluation("answer", value={"decision": "no"}), errors.DecisionMalformed),
    (evaluation("answer", value={"decision": True, "context": 1}), errors.DecisionMalformed),
]


@pytest.mark.parametrize(("asking", "error"), FAILING)
def test_what_is_no_decision_raises(
    engine: Engine, asking: dict[str, Any], error: type[EngineError]
):
    """
    A failing builtin, contradicting rules, no value, and a value of another shape each have their
    own error; none is a refusal.
    """
    with pytest.raises(EngineError) as raised:
        engine.decide(asking)

    assert type(raised.value) is error


@pytest.mark.parametrize(("asking", "error"), FAILING)
def test_only_the_culprit_of_a_batch_fails(
    engine: Engine, asking: dict[str, Any], error: type[EngineError]
):
    """
    Its neighbours are decided, in their places.
    """
    before, failed, after = engine.decide_all(
        [evaluation("permit", "before"), asking, evaluation("refuse", "after")]
    )

    assert type(failed) is error
    assert isinstance(before, Decision) and before.allowed
    assert isinstance(after, Decision) and not after.allowed
    assert (before.context or {})["asked"] == "before"
    assert (after.context or {})["asked"] == "after"


def test_a_batch_answers_as_its_items_one_by_one(engine: Engine):
    """
    Many different ones, failing ones among them.
    """
    asking = [
        evaluation(("permit", "refuse", "count", "unheard of")[n % 4], str(n)) for n in range(200)
    ]

    assert [_seen(one) for one in engine.decide_all(asking)] == [
        _seen(_alone(engine, one)) for one in asking
    ]


def _alone(engine: Engine, asking: dict[str, Any]) -> Decision | EngineError:
    try:
        return engine.decide(asking)
    except EngineError as wrong:
        return wrong


def _seen(one: Decision | EngineError) -> object:
    return one if isinstance(one, Decision) else one.code


@pytest.mark.parametrize(("asking", "error"), FAILING)
def test_a_batch_without_a_decision_raises(
    engine: Engine, asking: dict[str, Any], error: type[EngineError]
):
    """
    Where no item could be decided, there is no answer.
    """
    with pytest.raises(error):
        engine.decide_all([asking, asking])


def test_an_empty_batch_is_empty(engine: Engine):
    """
    Nothing asked, nothing answered.
    """
    assert engine.decide_all([]) == []


def test_the_wait_for_opa_is_measured(engine: Engine):
    """
    Who wants to know gets the seconds, of all that was asked.
    """
    stages: dict[str, float] = {}
    engine.decide(evaluation("permit"), stages)
    once = stages["opa"]
    engine.decide_all([evaluation("permit")], stages)

    assert 0 < once < stages["opa"] < 20


def test_threads_do_not_get_each_others_answers(engine: Engine, caplog: pytest.LogCaptureFixture):
    """
    More threads than connections, and thousands of distinct questions: each its own answer.
    """

    def ask(n: int) -> object:
        return (engine.decide(evaluation("permit", f"s-{n}")).context or {})["asked"]

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(ask, range(3000)))

    assert answers == [f"s-{n}" for n in range(3000)]
    assert not caplog.records


def test_the_bundle_is_read_once(engine: Engine):
    """
    What it says of itself is remembered: the same object, decision after decision.
    """
    before = engine.bundle()
    engine.decide(evaluation("permit"))

    assert engine.bundle() is before
    assert engine.bundle("faulty-1") is before


def test_ready(engine: Engine):
    """
    OPA is there, and its bundle is active.
    """
    assert engine.status() == EngineStatus(True, "ready", "Decisions are made.", "faulty-1")


def test_not_ready_where_nobody_is(free_port: int):
    """
    The reason is the error's own sentence.
    """
    status = Engine(Opa(Endpoint(f"http://127.0.0.1:{free_port}"))).status()

    assert status == EngineStatus(False, "not ready", errors.EngineUnreachable.sentence, None)


def test_degraded_without_what_explains(opa_binary: Path, socket_path: Path, tmp_path: Path):
    """
    A document that the manifest names and the bundle lacks is said, and decisions are made.
    """
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "a" / "a.rego").write_text("package a\n\ndecision := true\n", "utf-8")
    agreement = {"id": "a", "version": "1", "clauses": "a/clauses"}
    metadata = {"authzen": {"decision": "a/decision"}, "agreement": agreement}
    (source / ".manifest").write_text(json.dumps({"metadata": metadata}), "utf-8")
    bundle = build(source, tmp_path / "built.tar.gz", opa=opa_binary)
    endpoint = Endpoint(f"unix://{socket_path}")
    with opa_running(opa_binary, endpoint, "--bundle", bundle.path, log=tmp_path / "log"):
        opa = Opa(endpoint)
        engine = Engine(opa)
        status = engine.status()

        assert engine.decide(evaluation("x")).allowed
        assert (status.ready, status.state) == (True, "degraded")
        opa.close_connection()


def test_a_prebuilt_bundle_of_others(opa_binary: Path, socket_path: Path, tmp_path: Path):
    """
    OPA may hold a folder that nothing was added to: batches work all the same.
    """
    endpoint = Endpoint(f"unix://{socket_path}")
    bundle = ("--ignore", "*_test.rego", "--bundle", BUNDLES / "boolean")
    with opa_running(opa_binary, endpoint, *bundle, log=tmp_path / "log"):
        opa = Opa(endpoint)
        decided = Engine(opa).decide_all([evaluation("read"), evaluation("borrow", "eve")])
        opa.close_connection()

    assert decided == [Decision(True, None, ""), Decision(False, None, "")]
