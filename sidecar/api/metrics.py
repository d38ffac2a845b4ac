"""
`GET /metrics`: Prometheus' text format.
"""

from collections.abc import Callable

from flask import Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from sidecar.engine.engine import Engine
from sidecar.observability.metrics import Metrics


class MetricsEndpoint:
    """
    Answers with the metrics of all workers.
    """

    def __init__(
        self, metrics: Metrics, engine: Engine, restarts: Callable[[], int] | None
    ) -> None:
        self._metrics = metrics
        self._engine = engine
        self._restarts = restarts

    def __call__(self) -> Response:
        """
        Collect and write down.
        """
        restarts = self._restarts() if self._restarts else None
        return Response(
            self._metrics.exposition(self._engine, restarts),
            content_type=CONTENT_TYPE_PLAIN_0_0_4,
        )
