"""
sidecar.engine.remedies
"""

import time
from typing import Any

import pytest

from sidecar.engine.client import Opa
from sidecar.engine.engine import Engine
from sidecar.engine.remedies import Budget, remedied
from tests.running import evaluation

STEPS: list[Any] = [{"facts": {"a": True}}, {"facts": {"b": True}}, {"facts": 7}, "odd", {}]
REFUSAL = {"decision": False, "context": {"remedies": STEPS, "why": "told"}}


def asked(facts: Any) -> dict[str, Any]:
    """
    Write an evaluation that is always refused, with steps that lead nowhere.
    """
    return evaluation("answer", value=REFUSAL, facts=facts, answer="remedies")


def budget(evaluations: int = 100, within_s: float = 60) -> Budget:
    """
    Begin a search.
    """
    return Budget(evaluations, time.monotonic() + within_s)


@pytest.mark.parametrize("facts", [{}, {"a": False}, [], [1], "text", 7, None, True])
def test_facts_of_any_type_are_answered(faulty: Opa, facts: Any):
    """
    A policy may name steps whatever the facts are: where none can be added, there is no remedy.
    """
    engine = Engine(faulty)
    question = asked(facts)
    answer = remedied(engine, question, engine.decide(question), budget())

    assert answer.allowed is False
    assert answer.context == {"remedies": [], "why": "told"}


@pytest.mark.parametrize(("evaluations", "within_s"), [(0, 60), (100, -1)])
def test_without_a_budget_nothing_is_tried(faulty: Opa, evaluations: int, within_s: float):
    """
    Where nothing may be tried, nothing is promised.
    """
    engine = Engine(faulty)
    question = asked({})
    decision = engine.decide(question)
    answer = remedied(engine, question, decision, budget(evaluations, within_s))

    assert answer.context == {"remedies": [], "why": "told"}
