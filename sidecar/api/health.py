"""
`GET /healthz` and `GET /readyz`: does the process live, and can decisions be made.
"""

from flask import Response

from sidecar.api.request import answered
from sidecar.engine.engine import Engine


def healthz() -> Response:
    """
    Answer 200 as long as there is somebody to answer.
    """
    return answered({"state": "alive"})


class Readiness:
    """
    Answers 200 where decisions can be made with an active bundle, else 503; the body says why.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self) -> Response:
        """
        Ask the engine.
        """
        status = self._engine.status()
        told = {
            "state": status.state,
            "reason": status.reason,
            "revision": status.revision,
            "age_s": None if status.age_s is None else round(status.age_s, 3),
            "failing": status.failing,
        }
        return answered(told, status=200 if status.ready else 503)
