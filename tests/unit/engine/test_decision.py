"""
sidecar.engine.decision
"""

from dataclasses import FrozenInstanceError

import pytest

from sidecar.engine.decision import ABSENT, Decision
from sidecar.errors import DecisionMalformed, DecisionUndefined


@pytest.mark.parametrize(
    ("result", "allowed", "context"),
    [
        (True, True, None),
        (False, False, None),
        ({"decision": True}, True, None),
        ({"decision": False, "context": {}}, False, {}),
        ({"decision": True, "context": {"a": [1]}, "more": 1}, True, {"a": [1]}),
    ],
)
def test_a_decision_is_read(result: object, allowed: bool, context: dict[str, object] | None):
    """
    A boolean is a decision, and so is an object with one.
    """
    assert Decision.from_result(result, "r1") == Decision(allowed, context, "r1")


@pytest.mark.parametrize(
    "result",
    [
        None,
        0,
        1,
        "true",
        [],
        [True],
        {},
        {"decision": None},
        {"decision": 1},
        {"decision": "true"},
        {"context": {}},
        {"decision": True, "context": None},
        {"decision": True, "context": []},
        {"decision": [True], "context": {}},
        {"allow": True},
    ],
)
def test_no_other_shape_is_a_decision(result: object):
    """
    Whatever else the rule's value is, it is neither a permission nor a refusal.
    """
    with pytest.raises(DecisionMalformed):
        Decision.from_result(result, "r1")


def test_undefined_is_not_a_refusal():
    """
    An absent result raises; it never reads as "not allowed".
    """
    with pytest.raises(DecisionUndefined):
        Decision.from_result(ABSENT, "r1")


def test_a_decision_is_frozen():
    """
    Nobody turns a refusal into a permission afterwards.
    """
    decision = Decision(False, None, "r1")

    with pytest.raises(FrozenInstanceError):
        decision.allowed = True  # type: ignore[misc]
