"""
Deciding again, where OPA does not answer.
"""

import json

import pytest

from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.errors import MissingPart
from sidecar.replay.deciding import Policy
from tests.fakes import Answering, OddServer, asked, http_answer, opa_answer
from tests.running import evaluation

MANIFEST = {
    "revision": "r1",
    "metadata": {"authzen": {"decision": "d/decision", "batch": "d/batch"}},
}


def _answer(request: bytes) -> bytes | None:
    """
    Tell of a bundle, say of a batch that something in it failed, and of one evaluation nothing.
    """
    path, _ = asked(request)
    if "system/bundles" in path:
        return opa_answer(result={"decision": {"manifest": MANIFEST}})
    if "batch" in path:
        failed = {"code": "internal_error", "errors": [{"code": "eval_conflict_error"}]}
        return http_answer(json.dumps(failed), "500 Internal Server Error")
    return None


@pytest.mark.parametrize("answering", [_answer, lambda _: None], ids=["no more", "never"])
def test_where_opa_is_away_nothing_is_taken_for_a_change(answering: Answering):
    """
    That no decision was made says nothing of the bundle: it is an error, not an impact.
    """
    with OddServer(answering) as server:
        client = Opa(Endpoint(server.url, read_timeout_s=5))
        policy = Policy(Engine(client), ())

        with pytest.raises(MissingPart, match="OPA does not answer, so nothing can be compared"):
            list(policy.decide([evaluation("permit"), evaluation("refuse")]))

        client.close_connection()
