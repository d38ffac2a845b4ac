"""
sidecar.engine.engine: bundles that come and go.
"""

from collections.abc import Iterator

import pytest

from sidecar import errors
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine, EngineStatus
from tests.fakes import OddServer, ScriptedOpa, asked, http_answer
from tests.running import evaluation


@pytest.fixture
def scripted() -> Iterator[tuple[ScriptedOpa, Engine]]:
    """
    A scripted OPA, and an engine that asks it.
    """
    opa = ScriptedOpa()
    with OddServer(opa) as server:
        client = Opa(Endpoint(server.url, read_timeout_s=20))
        yield opa, Engine(client)
        client.close_connection()


def test_a_batch_is_one_question():
    """
    However many evaluations it holds.
    """
    opa = ScriptedOpa()
    with OddServer(opa) as server:
        client = Opa(Endpoint(server.url))
        decisions = Engine(client).decide_all([evaluation("x")] * 50)
        client.close_connection()

    assert len(decisions) == 50
    assert opa.paths == ["system/bundles", "a/batch"]


def test_a_new_revision_is_noticed(scripted: tuple[ScriptedOpa, Engine]):
    """
    The decision has the revision that it was made with, and what the bundle says is read anew. What
    the one before said is kept for those whose decision is of it.
    """
    opa, engine = scripted
    before = engine.decide(evaluation("x")).revision
    opa.revision = "r2"
    after = engine.decide(evaluation("x")).revision

    assert (before, after) == ("r1", "r2")
    assert engine.bundle().revision == "r2"
    assert engine.bundle("r1").revision == "r1"
    assert engine.bundle("r0").revision == "r2"


def test_a_new_revision_may_decide_elsewhere(scripted: tuple[ScriptedOpa, Engine]):
    """
    Where the rule has moved, the new one is asked: what the old place answers is no decision.
    """
    opa, engine = scripted
    engine.decide(evaluation("x"))
    opa.revision, opa.decision = "r2", "b/decision"
    opa.results["b/decision"] = False

    assert engine.decide(evaluation("x")) == Decision(False, None, "r2")


def test_two_opas_behind_one_address(scripted: tuple[ScriptedOpa, Engine]):
    """
    While a new revision spreads, answers of both come in turns: neither is read again each time.
    """
    opa, engine = scripted
    for revision in ("r1", "r2") * 5:
        opa.revision = revision

        assert engine.decide(evaluation("x")).revision == revision

    assert opa.paths.count("system/bundles") == 2


def test_a_bundle_that_is_gone_decides_nothing(scripted: tuple[ScriptedOpa, Engine]):
    """
    OPA then answers as if the rule were undefined; and when it is back, decisions are made again.
    """
    opa, engine = scripted
    engine.decide(evaluation("x"))
    opa.revision = None
    with pytest.raises(errors.BundleNotActive):
        engine.decide(evaluation("x"))
    assert engine.status() == EngineStatus(
        False, "not ready", errors.BundleNotActive.sentence, None
    )
    opa.revision = "r2"

    assert engine.decide(evaluation("x")).revision == "r2"


def test_revisions_that_never_stand_still(scripted: tuple[ScriptedOpa, Engine]):
    """
    It is not tried for ever.
    """
    opa, engine = scripted
    count = iter(range(1000))

    def another(path: str) -> None:
        opa.revision = f"r{next(count)}"

    opa.before_answering = another

    with pytest.raises(errors.BundleNotActive):
        engine.decide(evaluation("x"))


def test_without_a_batch_rule_each_is_asked(scripted: tuple[ScriptedOpa, Engine]):
    """
    A bundle that was built by others has none.
    """
    opa, engine = scripted
    opa.batch = None

    assert engine.decide_all([evaluation("x")] * 2) == [Decision(True, None, "r1")] * 2
    assert opa.paths == ["system/bundles", "a/decision", "a/decision"]


def test_a_batch_rule_that_is_none(scripted: tuple[ScriptedOpa, Engine]):
    """
    Where the manifest promises what is not there, each is asked too.
    """
    opa, engine = scripted
    opa.results["a/batch"] = []

    assert engine.decide_all([evaluation("x")] * 2) == [Decision(True, None, "r1")] * 2


def test_a_batch_does_not_wait_for_each(scripted: tuple[ScriptedOpa, Engine]):
    """
    When OPA goes away in between, the rest is not asked: what was decided stays decided.
    """
    opa, engine = scripted
    opa.batch = None

    def leave(path: str) -> None:
        if opa.paths.count("a/decision") == 2:
            opa.revision = None

    opa.before_answering = leave
    decided = engine.decide_all([evaluation("x")] * 100)

    assert decided[0] == Decision(True, None, "r1")
    assert {type(one) for one in decided[1:]} == {errors.BundleNotActive}
    assert len(decided) == 100
    assert len(opa.paths) < 10


def test_not_ready_while_another_bundle_is_missing(scripted: tuple[ScriptedOpa, Engine]):
    """
    The bundle that decides may need another one's data.
    """
    opa, _ = scripted

    def unwell(request: bytes) -> bytes:
        if asked(request)[0] == "/health?bundles=true":
            return http_answer('{"error": "not activated"}', "500 Internal Server Error")
        return opa(request)

    with OddServer(unwell) as server:
        client = Opa(Endpoint(server.url))
        status = Engine(client).status()
        client.close_connection()

    assert (status.ready, status.state, status.revision) == (False, "not ready", "r1")
    assert "not all of its bundles" in status.reason


def test_degraded_without_a_revision(scripted: tuple[ScriptedOpa, Engine]):
    """
    Decisions are made, but nobody could say with what.
    """
    opa, engine = scripted
    opa.revision = ""

    assert engine.decide(evaluation("x")) == Decision(True, None, "")
    status = engine.status()
    assert (status.ready, status.state, status.revision) == (True, "degraded", "")
