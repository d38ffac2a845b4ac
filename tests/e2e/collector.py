"""
A collector of traces, for tests.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fakes import OddServer, http_answer
from tests.running import eventually


@dataclass(frozen=True, slots=True)
class Span:
    """
    A span that a collector was sent.

    Attributes:
        service: Whose it is.

        name: Its name.

        trace: Its trace.

        id: Itself.

        parent: The span above it; empty where there is none.

        attributes: What is told of it.

        failed: Whether it is told to have failed.
    """

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, Any]
    failed: bool


class Collector(OddServer):
    """
    Takes traces over OTLP/HTTP.

    Attributes:
        spans: The spans that it took.

        bodies: All that it was sent, not compressed.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []
        super().__init__(self._take)

    def _take(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/traces HTTP/1.1")
        if re.search(rb"(?im)^content-encoding: gzip", head):
            body = gzip.decompress(body)
        self.bodies.append(body)
        self.spans += _spans(ExportTraceServiceRequest.FromString(body))
        return http_answer("", kind="application/x-protobuf")

    def got(self, number: int, name: str) -> list[Span]:
        """
        Wait for as many spans of a name.
        """

        def named() -> list[Span]:
            return [span for span in self.spans if span.name == name]

        assert eventually(lambda: len(named()) >= number), [span.name for span in self.spans]
        return named()

    def below(self, parent: Span) -> list[Span]:
        """
        Find the spans right below another one.
        """
        return [
            span for span in self.spans if (span.trace, span.parent) == (parent.trace, parent.id)
        ]


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = _values(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    _values(span.attributes),
                    span.status.code == 2,
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
