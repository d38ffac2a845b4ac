"""
sidecar.engine.engine: OPA away, hanging, restarting.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar import errors
from sidecar.bundle.build import BuiltBundle
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from tests.fakes import HangingServer
from tests.running import evaluation, eventually, opa_running


def test_opa_away(free_port: int):
    """
    Nobody listens: said at once, one by one and in a batch.
    """
    engine = Engine(Opa(Endpoint(f"http://127.0.0.1:{free_port}")))

    for ask in (engine.decide, lambda one: engine.decide_all([one]), lambda _: engine.bundle()):
        with pytest.raises(errors.EngineUnreachable):
            ask(evaluation("x"))


def test_opa_hanging():
    """
    Who takes the question and does not answer is given up on.
    """
    with HangingServer() as server:
        opa = Opa(Endpoint(server.url, read_timeout_s=0.1))
        with pytest.raises(errors.EngineTimeout):
            Engine(opa).decide(evaluation("x"))
        opa.close_connection()


def test_opa_restarting_in_between(
    built: Callable[[str], BuiltBundle], opa_binary: Path, free_port: int, tmp_path: Path
):
    """
    While it is away nothing is decided; when it is back, with another bundle at that, decisions are
    made again, and are the new bundle's.
    """
    endpoint = Endpoint(f"http://127.0.0.1:{free_port}")
    opa = Opa(endpoint)
    engine = Engine(opa)
    log = tmp_path / "log"
    with opa_running(opa_binary, endpoint, "--bundle", built("faulty").path, log=log):
        assert engine.decide(evaluation("permit")).revision == "faulty-1"

    with pytest.raises(errors.EngineUnreachable):
        engine.decide(evaluation("permit"))
    assert not engine.status().ready

    bundle = built("boolean")
    with opa_running(opa_binary, endpoint, "--bundle", bundle.path, log=log):
        assert eventually(lambda: engine.status().ready)
        assert engine.decide(evaluation("read")) == Decision(True, None, bundle.revision)
    opa.close_connection()
