"""
What must hold for every request that the vocabulary can express, and for those that it cannot.

Each property is asked of the sidecar as callers reach it: over HTTP, with a real OPA behind it.
"""

import copy
import http.client
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.serve import serving
from tests.properties.generator import Request, Requests

BATCH = 500
FEW = 2_000
MANY = 20_000

Answer = dict[str, Any]


class Asking:
    """
    A sidecar that is asked over one connection, which must never answer with a 5xx.
    """

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=30)

    def close(self) -> None:
        """
        Ask no more.
        """
        self._connection.close()

    def one(self, request: Request) -> Answer:
        """
        The answer to one evaluation.
        """
        return self._post("/access/v1/evaluation", request)

    def all(self, requests: Sequence[Request]) -> list[Answer]:
        """
        The answers to many, in their order.
        """
        return [
            answer
            for start in range(0, len(requests), BATCH)
            for answer in self._post(
                "/access/v1/evaluations", {"evaluations": requests[start : start + BATCH]}
            )["evaluations"]
        ]

    def _post(self, path: str, body: dict[str, Any]) -> Answer:
        self._connection.request(
            "POST", path, json.dumps(body), {"Content-Type": "application/json"}
        )
        response = self._connection.getresponse()
        answer = json.load(response)

        assert response.status == 200, answer

        return dict(answer)


@pytest.fixture(scope="module")
def sidecar() -> Iterator[Asking]:
    """
    A sidecar with the shipped policies.
    """
    with serving() as address, closing(Asking(address)) as asking:
        yield asking


def _told(answer: Answer) -> Answer:
    """
    What an answer says, whichever order it says it in and under whichever id.
    """
    context = answer["context"]
    return {
        "decision": answer["decision"],
        "reason": context["reason"],
        "permitted": sorted(context["permitted"]),
        "denied": sorted((entry["category"], entry["reason"]) for entry in context["denied"]),
        "missing": context["missing_facts"],
        "obligations": sorted(entry["id"] for entry in context["obligations"]),
        "clauses": [entry["id"] for entry in context["clauses"]],
    }


def _shuffled(value: Any, order: random.Random) -> Any:
    """
    The same value with the members of every object in another order.
    """
    if isinstance(value, dict):
        members = [(key, _shuffled(member, order)) for key, member in value.items()]
        order.shuffle(members)
        return dict(members)
    return value


def _categories(request: Request) -> list[str]:
    return list(request["resource"]["properties"]["categories"])


def test_every_answer_is_whole(sidecar: Asking) -> None:
    """
    No request is an error; every answer cites a clause, and is true exactly when all is permitted.
    """
    requests = list(Requests(1).take(MANY))
    answers = sidecar.all(requests)

    assert len(answers) == MANY
    for request, answer in zip(requests, answers, strict=True):
        context = answer["context"]
        assert "error" not in context, (request, answer)
        assert context["clauses"], (request, answer)
        assert answer["decision"] == (context["reason"] == "permitted"), (request, answer)
        asked = _categories(request)
        assert context["permitted"] == [c for c in asked if c in context["permitted"]], request
        if asked and context["reason"] != "invalid_request":
            assert answer["decision"] == (context["permitted"] == asked), (request, answer)
            assert [e["category"] for e in context["denied"]] == [
                c for c in asked if c not in context["permitted"]
            ], (request, answer)


def test_a_permission_is_that_of_each_category(sidecar: Asking) -> None:
    """
    What is permitted as a whole is permitted category by category, by the same clauses.
    """
    requests = list(Requests(7).take(MANY // 2))
    for request in requests:
        request["context"]["answer"] = "explain"
    permitted = [answer["context"] for answer in sidecar.all(requests) if answer["decision"]]

    assert permitted
    for context in permitted:
        assert {found["finding"] for found in context["explanation"]} == {"permitted"}, context
        told = {found["clause"] for found in context["explanation"]}
        assert told == {clause["id"] for clause in context["clauses"]}, context


def test_order_does_not_matter(sidecar: Asking) -> None:
    """
    Neither the order of categories nor that of members changes an answer.
    """
    order = random.Random(2)
    requests = list(Requests(2).take(FEW))
    others = [_shuffled(request, order) for request in requests]
    for other in others:
        order.shuffle(other["resource"]["properties"]["categories"])

    for request, answer, again in zip(
        requests, sidecar.all(requests), sidecar.all(others), strict=True
    ):
        assert _told(again) == _told(answer), request


def test_a_batch_answers_as_its_items_do(sidecar: Asking) -> None:
    """
    An evaluation in a batch is decided as it is alone.
    """
    requests = list(Requests(3).take(FEW // 2))

    for request, answer in zip(requests, sidecar.all(requests), strict=True):
        assert _told(sidecar.one(request)) == _told(answer), request


def test_nothing_lifts_a_prohibition(sidecar: Asking) -> None:
    """
    No fact and no consent makes a sale of company information, or others' marketing, permitted.
    """
    source = Requests(4)
    listed = source.listed_as_company_information()
    requests = []
    for request in source.take(MANY // 4):
        if request["subject"]["type"] in ("company", "other_user"):
            request["subject"]["type"] = "csw"
        request["resource"]["properties"]["categories"] = source.some(listed)
        source.prohibit(request)
        requests.append(request)

    for request, answer in zip(requests, sidecar.all(requests), strict=True):
        assert not answer["decision"], request
        assert answer["context"]["permitted"] == [], request


def test_an_unknown_category_refuses_itself_alone(sidecar: Asking) -> None:
    """
    An unlisted category is refused; where nothing is combined its neighbours fare as before.
    """
    requests = [
        request
        for request in Requests(5).take(2 * FEW)
        if _categories(request)
        and request["action"]["name"] != "combine"
        and not request["context"]["facts"].get("combined_with_company_info")
        and not request["context"]["facts"].get("join_key_retained")
        and request["context"]["facts"].get("identifies_company") is not False
    ]
    others = [copy.deepcopy(request) for request in requests]
    for other in others:
        other["resource"]["properties"]["categories"].append("unheard_of")

    for request, answer, with_it in zip(
        requests, sidecar.all(requests), sidecar.all(others), strict=True
    ):
        if answer["context"]["reason"] == "invalid_request":
            continue
        assert with_it["context"]["denied"][-1]["category"] == "unheard_of", request
        assert with_it["context"]["permitted"] == answer["context"]["permitted"], request
        assert with_it["context"]["denied"][:-1] == answer["context"]["denied"], request


def test_leaving_a_gate_out_never_permits_more(sidecar: Asking) -> None:
    """
    What is permitted with a gate left unsaid is permitted with it said, whatever it says.
    """
    source = Requests(6)
    requests = [request for request in source.take(2 * FEW) if request["context"]["facts"]]
    pairs = [
        (request, gate, copy.deepcopy(request))
        for request in requests
        for gate in source.gates()
        if gate in request["context"]["facts"]
    ]
    for _, gate, other in pairs:
        del other["context"]["facts"][gate]
    answers = {id(r): a for r, a in zip(requests, sidecar.all(requests), strict=True)}

    for (request, gate, _), without in zip(
        pairs, sidecar.all([other for _, _, other in pairs]), strict=True
    ):
        answer = answers[id(request)]
        if answer["context"]["reason"] == "invalid_request":
            continue
        more = set(without["context"]["permitted"]) - set(answer["context"]["permitted"])
        assert not more, (gate, request)
