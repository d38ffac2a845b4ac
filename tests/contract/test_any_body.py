"""
Whatever is sent as a body, with a real OPA behind: it is answered, in JSON, and never with a fault.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.asking import Ask, Request, changed, named
from tests.contract.conftest import Sidecar

PATHS = st.sampled_from(["/access/v1/evaluation", "/access/v1/evaluations"])
POINTERS = [
    *("/subject", "/subject/type", "/subject/id", "/subject/properties"),
    *("/action", "/action/name", "/action/properties", "/resource", "/resource/type"),
    *("/resource/id", "/resource/properties", "/resource/properties/categories"),
    *("/context", "/context/purpose", "/context/recipient", "/context/recipient/type"),
    *("/context/recipient/id", "/context/facts", "/context/facts/processing_ground"),
    *("/context/facts/third_party_bound", "/context/facts/categories_needed"),
    *("/context/facts/consent", "/context/evidence", "/context/answer", "/environment"),
    *("/evaluations", "/options"),
]
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["csw", "company", "sell", "payment_information", "bare", "remedies", "7"]),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
CHANGES = st.dictionaries(st.sampled_from(POINTERS), VALUES, max_size=4)
# The same for every run, and as many as a minute holds.
repeatedly = settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
on_privacy = pytest.mark.parametrize("sidecar", ["privacy"], indirect=True)


def answered(ask: Ask, content: bytes, path: str) -> Any:
    """
    Ask, and check that what comes back is a decision, decisions, or an error of the caller's.
    """
    answer = ask(Request(content, path))
    body = answer.json

    assert answer.status in (200, 400, 413), (answer.status, answer.content)
    assert len({"decision", "evaluations", "error"} & set(body)) == 1
    assert ("error" in body) == (answer.status != 200)
    return body


def nearly(body: Any, changes: dict[str, Any]) -> Any:
    """
    Change a request where its parts are still there to be changed.
    """
    for pointer, value in sorted(changes.items()):
        try:
            body = changed(body, {pointer: value}, [])
        except (TypeError, KeyError, ValueError, AttributeError):
            # An earlier change has taken the place away.
            continue
    return body


@on_privacy
@repeatedly
@given(content=st.binary(max_size=300), path=PATHS)
def test_any_bytes(sidecar: Sidecar, content: bytes, path: str):
    """
    Bytes of any kind are answered with an error that is the caller's.
    """
    answered(sidecar.ways["flask"], content, path)


@on_privacy
@repeatedly
@given(value=VALUES, path=PATHS)
def test_any_json(sidecar: Sidecar, value: Any, path: str):
    """
    JSON of any kind is answered.
    """
    answered(sidecar.ways["flask"], json.dumps(value).encode(), path)


@on_privacy
@repeatedly
@given(changes=CHANGES, name=st.sampled_from(["permitted", "partial", "sale"]))
def test_any_evaluation(sidecar: Sidecar, changes: dict[str, Any], name: str):
    """
    An evaluation with anything anywhere is decided or refused as a request, alone and in a batch.
    """
    ask = sidecar.ways["flask"]
    body = nearly(named(name), changes)
    batch = {"evaluations": [body, named("sale")]}
    alone = answered(ask, json.dumps(body).encode(), "/access/v1/evaluation")
    first, second = answered(ask, json.dumps(batch).encode(), "/access/v1/evaluations")[
        "evaluations"
    ]

    assert second["decision"] is False
    assert first["decision"] == alone.get("decision", False)
    assert ("error" in first.get("context", {})) == ("error" in alone)


@on_privacy
@repeatedly
@given(
    content=st.binary(max_size=6),
    at=st.integers(min_value=0, max_value=400),
    cut=st.integers(min_value=0, max_value=3),
)
def test_any_damage(sidecar: Sidecar, content: bytes, at: int, cut: int):
    """
    A request that was damaged on its way, a byte here or there, is answered.
    """
    whole = json.dumps(named("permitted")).encode()
    answered(sidecar.ways["flask"], whole[:at] + content + whole[at + cut :], Request().path)
