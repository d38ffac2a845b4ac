"""
One record: an event in the shape of OPA's decision logs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import msgspec

from sidecar.callers.gate import CALLER
from sidecar.records.masked import Masked
from sidecar.records.masking import Ids
from sidecar.traceparent import TraceParent

_encode: Final = msgspec.json.Encoder().encode
_VERSION: Final = version("sidecar")


Answered = tuple[bytes, Masked]
"""
An evaluation that was answered: the decision's name, and what may be written down of it.
"""


@dataclass(frozen=True, slots=True)
class About:
    """
    What is known of the request that it was asked with.

    Attributes:
        endpoint: The path of the endpoint.

        status: The status that it is answered with.

        requested_by: Who asked: the caller's name, or its address.

        request_id: The request's name.

        traceparent: Where it stands in a trace.

        stages: How long what took, in seconds.

        batch: The name of the decision on the whole batch, where it is part of one.
    """

    endpoint: str
    status: int
    requested_by: str | None
    request_id: str | None
    traceparent: str | None
    stages: Mapping[str, float]
    batch: str | None = None

    @classmethod
    def of(
        cls,
        environ: Mapping[str, Any],
        endpoint: str,
        status: int,
        stages: Mapping[str, float],
        batch: str | None = None,
    ) -> "About":
        """
        Take from a request's WSGI environment what a record may need.
        """
        caller = environ.get(CALLER)
        return cls(
            endpoint,
            status,
            caller.name if caller else environ.get("REMOTE_ADDR"),
            environ.get("HTTP_X_REQUEST_ID"),
            environ.get("HTTP_TRACEPARENT"),
            stages,
            batch,
        )


class Form:
    """
    Writes records.

    Args:
        ids: What becomes of names.

        instance: The name of this process' records.
    """

    def __init__(self, ids: Ids, instance: str) -> None:
        self._ids = ids
        labels = {"app": "sidecar", "id": instance, "version": _VERSION}
        self._labels = b',"labels":' + _encode(labels)[:-1] + b","

    def written(self, answered: Sequence[Answered], about: About) -> list[bytes]:
        """
        Write a record of each evaluation that was answered together. Whatever callers sent gets
        into it masked alone.

        Args:
            answered: What was answered.

            about: What it was asked with.
        """
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        before = b'","timestamp":"%s"' % now.encode() + self._labels
        if about.batch is not None:
            before = b'","batch_decision_id":"%s' % about.batch.encode() + before
        after, end = self._about(about)
        # Many are alike, but for the name.
        behind = {
            id(masked): b"".join(
                (
                    before,
                    masked.bundle,
                    b',"input":',
                    masked.input,
                    b',"result":',
                    masked.result,
                    after,
                    b',"left_out":' if masked.left_out else b"",
                    masked.left_out,
                    end,
                )
            )
            for masked in {id(masked): masked for _, masked in answered}.values()
        }
        return [
            b"".join((b'{"decision_id":"', decision_id, behind[id(masked)]))
            for decision_id, masked in answered
        ]

    def _about(self, about: About) -> tuple[bytes, bytes]:
        """
        Write what is the same for all that was answered together: what stands before what each has
        left out, and behind it.
        """
        custom: dict[str, Any] = {"endpoint": about.endpoint, "status": about.status}
        if (request_id := self._ids.masked(about.request_id)) is not None:
            custom["request_id"] = request_id
        requested_by = self._ids.masked(about.requested_by)
        written = _encode(
            {
                **({} if requested_by is None else {"requested_by": requested_by}),
                "metrics": {
                    f"timer_sidecar_{stage}_ns": round(seconds * 1e9)
                    for stage, seconds in about.stages.items()
                },
                **_trace(about.traceparent),
                "custom": custom,
            }
        )
        return b"," + written[1:-2], written[-2:]


def _trace(traceparent: str | None) -> dict[str, str]:
    found = TraceParent.read(traceparent)
    return {"trace_id": found.trace_id, "span_id": found.span_id} if found else {}
