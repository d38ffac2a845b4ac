"""
One record: an event in the shape of OPA's decision logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

import msgspec

from sidecar.callers.gate import CALLER
from sidecar.engine.bundle_info import NO_AGREEMENT, BundleInfo
from sidecar.engine.decision import Decision
from sidecar.records.masking import Ids, Mask
from sidecar.traceparent import TraceParent

_VERSION: Final = version("sidecar")


@dataclass(frozen=True, slots=True)
class Answered:
    """
    An evaluation that was answered.

    Attributes:
        asked: The evaluation.

        decision: What was decided on it.

        info: The bundle that decided.

        decision_id: The decision's name.

        masked: What becomes of the decision in a record, where that is known.
    """

    asked: Mapping[str, Any]
    decision: Decision
    info: BundleInfo
    decision_id: str
    masked: msgspec.Raw | None = None


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


def event(answered: Answered, about: About, ids: Ids, instance: str) -> dict[str, Any]:
    """
    Make a record. Whatever callers sent gets into it through the mask alone.

    Args:
        answered: What was answered.

        about: What it was asked with.

        ids: What becomes of names.

        instance: The name of this process' records.
    """
    info = answered.info
    agreement = info.agreement or NO_AGREEMENT
    mask = _mask(info, ids)
    masked = mask.evaluation(answered.asked, answered.decision.date)
    result: Any = answered.masked
    if result is None:
        result = mask.result(answered.decision)
    custom: dict[str, Any] = {"endpoint": about.endpoint, "status": about.status}
    if (request_id := ids.masked(about.request_id)) is not None:
        custom["request_id"] = request_id
    if mask.left_out:
        custom["left_out"] = dict(sorted(mask.left_out.items()))
    requested_by = ids.masked(about.requested_by)
    return {
        "decision_id": answered.decision_id,
        **({} if about.batch is None else {"batch_decision_id": about.batch}),
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "labels": {
            "app": "sidecar",
            "id": instance,
            "version": _VERSION,
            "agreement": agreement.id,
            "agreement_version": agreement.version,
        },
        "bundles": {info.name: {"revision": answered.decision.revision}},
        "path": "/".join(info.decision),
        "input": masked,
        "result": result,
        **({} if requested_by is None else {"requested_by": requested_by}),
        "metrics": {
            f"timer_sidecar_{stage}_ns": round(seconds * 1e9)
            for stage, seconds in about.stages.items()
        },
        **_trace(about.traceparent),
        "custom": custom,
    }


def result_of(decision: Decision, info: BundleInfo) -> msgspec.Raw | None:
    """
    Write what becomes of a decision in any record; None where that depends on what was asked.
    """
    result = _mask(info, Ids()).result_alone(decision)
    return None if result is None else msgspec.Raw(msgspec.json.encode(result))


def _mask(info: BundleInfo, ids: Ids) -> Mask:
    agreement = info.agreement or NO_AGREEMENT
    return Mask(agreement.terms, agreement.clauses, ids)


def _trace(traceparent: str | None) -> dict[str, str]:
    found = TraceParent.read(traceparent)
    return {"trace_id": found.trace_id, "span_id": found.span_id} if found else {}
