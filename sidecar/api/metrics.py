"""
`GET /metrics`: Prometheus' text format, or OpenMetrics, which has exemplars.
`GET /metrics/opa`: OPA's own.
"""

import gzip
import re
from collections.abc import Callable
from typing import Final

from flask import Response, request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from werkzeug.http import parse_options_header

from sidecar.api.request import answered
from sidecar.engine.engine import Engine
from sidecar.errors import EngineError
from sidecar.observability.metrics import Metrics

_PLAIN: Final = ("text/plain", "text/*", "*/*")
_OPENMETRICS: Final = "application/openmetrics-text"
_FAILURES: Final = "# TYPE bundle_failed_load_counter counter\n"
# In OPA's order of labels. What failed is told in free words, which may quote the bundle.
_FAILED: Final = re.compile(
    r'^bundle_failed_load_counter\{code="([^"\n]*)",message="(?:[^"\\\n]|\\.)*",name="([^"\n]*)"\}'
    r" (\S+)\n",
    re.MULTILINE,
)

Encoder = Callable[[Collector], bytes]


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
        encode, content_type = _wanted()
        return _told(encode(self._metrics.collector(self._engine, restarts)), content_type)


class OpaMetricsEndpoint:
    """
    Answers with OPA's own metrics: it may listen where nobody but the sidecar gets.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self) -> Response:
        """
        Pass on what OPA says. Where it says nothing, no decision has failed by that: it is not
        counted as if one had.
        """
        try:
            said = self._engine.opa_metrics()
        except EngineError as wrong:
            return answered({"error": wrong.described()}, status=wrong.status)
        return _told(without_messages(said).encode(), CONTENT_TYPE_PLAIN_0_0_4)


def without_messages(exposition: str) -> str:
    """
    Take the messages of bundles that failed out of OPA's metrics, and add up what they told apart.
    """
    counts: dict[tuple[str, str], float] = {}
    for code, name, count in _FAILED.findall(exposition):
        counts[code, name] = counts.get((code, name), 0.0) + float(count)
    lines = [
        f'bundle_failed_load_counter{{code="{code}",name="{name}"}} {count}\n'
        for (code, name), count in counts.items()
    ]
    return _FAILED.sub("", exposition).replace(_FAILURES, "".join([_FAILURES, *lines]), 1)


def _wanted() -> tuple[Encoder, str]:
    """
    Choose the form that is wanted most (RFC 9110, section 12.5.1), and its content type: none of
    it is taken from the request.
    """
    for accepted, quality in request.accept_mimetypes:
        kind, options = parse_options_header(accepted)
        if quality and kind in _PLAIN:
            break
        if quality and kind == _OPENMETRICS and options.get("version", "1.0.0") == "1.0.0":
            return openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest, CONTENT_TYPE_PLAIN_0_0_4


def _told(content: bytes, content_type: str) -> Response:
    """
    Answer, compressed where that is wanted.
    """
    response = Response(content, content_type=content_type)
    response.headers["Vary"] = "Accept, Accept-Encoding"
    if request.accept_encodings["gzip"]:
        response.data = gzip.compress(content, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    return response
