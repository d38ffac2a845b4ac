"""
`GET /healthz` and `GET /readyz`: does the process live, and can decisions be made.
"""

from flask import Response

from sidecar.api.request import answered
from sidecar.engine.engine import Engine
from sidecar.records.recorder import Recorder


def healthz() -> Response:
    """
    Answer 200 as long as there is somebody to answer.
    """
    return answered({"state": "alive"})


class Readiness:
    """
    Answers 200 where decisions can be made with an active bundle, else 503; the body says why.
    Where records were lost lately, that is degraded.

    Args:
        engine: Knows how bundles are.

        recorder: Knows how records are; None where none are kept.
    """

    def __init__(self, engine: Engine, recorder: Recorder | None = None) -> None:
        self._engine = engine
        self._recorder = recorder

    def __call__(self) -> Response:
        """
        Ask both.
        """
        status = self._engine.status()
        losses = self._recorder.losses() if self._recorder else ()
        told = {
            "state": "degraded" if status.ready and losses else status.state,
            "reason": " ".join((status.reason, *losses)),
            "revision": status.revision,
            "age_s": None if status.age_s is None else round(status.age_s, 3),
            "failing": status.failing,
        }
        return answered(told, status=200 if status.ready else 503)
