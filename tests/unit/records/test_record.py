"""
sidecar.records.record: what stands around the mask.
"""

import json
from typing import Any

import pytest
from flask import Flask, request

from sidecar.callers.caller import Caller
from sidecar.callers.gate import CALLER
from sidecar.engine.bundle_info import BundleInfo
from sidecar.engine.decision import Decision
from sidecar.records.masked import Masking
from sidecar.records.masking import Ids
from sidecar.records.record import About, Form

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
INFO = BundleInfo("decision", "r1", ("a", "decision"), None, {}, None)
ASKED = {
    "subject": {"type": "user", "id": "anna"},
    "action": {"name": "read"},
    "resource": {"type": "thing", "id": "1"},
}


def made(
    ids: Ids | None = None, caller: str | None = None, batch: str | None = None, **headers: str
) -> dict[str, Any]:
    """
    Make the record of a request with headers.
    """
    ids = ids or Ids("clear")
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    address = {"REMOTE_ADDR": "192.0.2.7"}
    with Flask("test").test_request_context("/", headers=named, environ_base=address):
        if caller:
            request.environ[CALLER] = Caller(caller)
        about = About.of(request.environ, "/here", 200, {"opa": 0.001}, batch)
    return written(about, ids)


def written(about: About, ids: Ids) -> dict[str, Any]:
    """
    Write a record, and read it.
    """
    masked = Masking(ids).masked(ASKED, Decision(True, None, "r1", "2026-01-31"), INFO)
    (record,) = Form(ids, "instance").written([(b"d-1", masked)], about)
    read: dict[str, Any] = json.loads(record)
    return read


def test_a_bundle_without_an_agreement():
    """
    What a record has at least.
    """
    record = made(Ids())

    assert record.pop("timestamp").endswith("Z")
    assert record.pop("labels").keys() == {
        *("app", "id", "version", "agreement", "agreement_version")
    }
    assert record == {
        "decision_id": "d-1",
        "bundles": {"decision": {"revision": "r1"}},
        "path": "a/decision",
        "input": {
            "subject": {"type": "(unknown 1)"},
            "action": {"name": "(unknown 2)"},
            "resource": {"type": "(unknown 3)"},
            "environment": {"date": "2026-01-31"},
        },
        "result": {"decision": True},
        "metrics": {"timer_sidecar_opa_ns": 1_000_000},
        "custom": {"endpoint": "/here", "status": 200},
    }


def test_who_asked():
    """
    The caller's name, or its address; as ids are set to be written.
    """
    assert made()["requested_by"] == "192.0.2.7"
    assert made(caller="billing")["requested_by"] == "billing"
    assert made(Ids("hash", b"k" * 16))["requested_by"].startswith("hmac-sha256:")
    assert "requested_by" not in made(Ids())


def test_the_request_s_name():
    """
    It is an id, too.
    """
    assert made(X_Request_ID="r-1")["custom"]["request_id"] == "r-1"
    assert "request_id" not in made(Ids(), X_Request_ID="r-1")["custom"]


def test_a_batch():
    """
    The batch's name stands beside the item's.
    """
    assert made(batch="d")["batch_decision_id"] == "d"


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "x",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-SECRET",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_what_is_no_place_in_a_trace(traceparent: str):
    """
    It is left out, whatever it is.
    """
    about = About("/here", 200, None, None, traceparent, {})

    assert "trace_id" not in written(about, Ids())


def test_a_place_in_a_trace():
    """
    Trace and span.
    """
    record = made(traceparent=f"00-{TRACE}-{SPAN}-01")

    assert (record["trace_id"], record["span_id"]) == (TRACE, SPAN)
