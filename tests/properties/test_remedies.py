"""
Remedies, for refusals of every kind: each is tried as a caller would try it.
"""

import copy
from collections.abc import Iterator
from contextlib import closing
from itertools import combinations
from typing import Any

import pytest

from tests.e2e.serve import running
from tests.properties.generator import Request, Requests
from tests.properties.test_properties import Answer, Asking

REFUSALS = 1_000
# The clock must not decide what is found.
CONFIG = "limits: {remedy_evaluations: 150, remedies_within_s: 60}\nserver: {workers: 2}\n"


@pytest.fixture(scope="module")
def sidecar() -> Iterator[Asking]:
    """
    A sidecar with the shipped policies, and all the time it takes.
    """
    with running(CONFIG) as served, closing(Asking(served.address)) as asking:
        yield asking


def _refused(sidecar: Asking) -> list[Request]:
    requests = [
        request
        for request in Requests(seed=11).take(2 * REFUSALS)
        if isinstance(request["context"].get("facts", {}), dict)
    ]
    answers = sidecar.all(requests)
    refused = [
        request
        for request, answer in zip(requests, answers, strict=True)
        if answer["decision"] is False
    ]
    return refused[:REFUSALS]


def _asking_for_remedies(request: Request) -> Request:
    return {**request, "context": {**request["context"], "answer": "remedies"}}


def _holding(request: Request, facts: dict[str, Any]) -> Request:
    asked = copy.deepcopy(request)
    asked["context"]["facts"] = asked["context"].get("facts", {}) | facts
    return asked


def _is_prohibited(answer: Answer) -> bool:
    context = answer["context"]
    reasons = {context["reason"], *(refused["reason"] for refused in context["denied"])}
    return "prohibited" in reasons


def test_remedies_keep_what_they_promise(sidecar: Asking) -> None:
    """
    Each remedy permits once its facts hold; no part of it does; all are of one size; and none is
    offered for what is prohibited.
    """
    refused = _refused(sidecar)
    answers = [sidecar.one(_asking_for_remedies(request)) for request in refused]
    promised: list[Request] = []
    too_little: list[Request] = []
    for request, answer in zip(refused, answers, strict=True):
        remedies = [remedy["facts"] for remedy in answer["context"]["remedies"]]
        assert not remedies or not _is_prohibited(answer)
        assert len({len(facts) for facts in remedies}) <= 1
        promised += [_holding(request, facts) for facts in remedies]
        too_little += [
            _holding(request, {name: facts[name] for name in part})
            for facts in remedies
            for size in range(1, len(facts))
            for part in combinations(facts, size)
        ]

    assert len(refused) == REFUSALS
    assert sum(bool(answer["context"]["remedies"]) for answer in answers) >= REFUSALS // 10
    assert any(map(_is_prohibited, answers))
    assert len(too_little) > REFUSALS // 10
    assert all(answer["decision"] for answer in sidecar.all(promised))
    assert not any(answer["decision"] for answer in sidecar.all(too_little))


def test_remedies_come_only_where_they_are_asked_for(sidecar: Asking) -> None:
    """
    Without asking, the list is empty; with it, nothing else of the answer changes.
    """
    for request in _refused(sidecar)[:100]:
        request["context"].pop("answer", None)
        plain, with_remedies = sidecar.one(request), sidecar.one(_asking_for_remedies(request))

        assert plain["context"]["remedies"] == []
        for answer in (plain, with_remedies):
            del answer["context"]["remedies"], answer["context"]["decision_id"]
        assert plain == with_remedies


def test_a_batch_is_answered_with_remedies_too(sidecar: Asking) -> None:
    """
    An item of a batch has the remedies that it has alone.
    """
    requests = [_asking_for_remedies(request) for request in _refused(sidecar)[:40]]
    alone = [sidecar.one(request) for request in requests]
    first = next(i for i, answer in enumerate(alone) if answer["context"]["remedies"])

    together = sidecar.all([requests[first], requests[first]])

    assert together[0]["context"]["remedies"] == alone[first]["context"]["remedies"]
