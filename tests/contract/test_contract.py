"""
The contract's cases, put to the application and to a server of it, each with a real OPA.
"""

import http.client
import json
import re
import socket
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from sidecar import errors
from tests.contract.asking import (
    ABSENT,
    JSON,
    Answer,
    Case,
    Request,
    at,
    cases,
    changed,
    holds,
    named,
)
from tests.contract.conftest import Sidecar

CASES = cases()
WAYS = ("flask", "gunicorn")
REQUIREMENTS = {f"authzen {number}" for number in range(1, 36)}
CERTIFICATION = {
    *("c-2-2-3", "c-2-2-8", "c-2-2-9", "c-2-3"),
    *("c-2-4-1", "c-2-4-2", "c-2-4-3", "c-2-4-4", "c-2-4-5", "c-2-4-6", "c-2-5-1", "c-2-5-2"),
    *("c-3-2-7", "c-3-3-1", "c-3-3-2", "c-3-3-3", "c-3-3-4", "c-3-4-1", "c-3-4-2", "c-3-4-3"),
    *("c-4-2-3", "c-4-2-4", "c-4-3-3", "c-4-3-4", "c-4-5-4", "c-4-6", "c-4-7-1", "c-4-7-2", "c-6"),
}
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PLACES = re.compile(
    r"(/evaluations(/\d+)?|/options(/evaluations_semantic)?|/page(/(token|limit|properties))?"
    r"|(/evaluations/\d+)?/(subject|action|resource|context)(/(type|id|name|properties))?)"
)
MARKER = "zzMARKERzz"

on_privacy = pytest.mark.parametrize("sidecar", ["privacy"], indirect=True)
on_boolean = pytest.mark.parametrize("sidecar", ["boolean"], indirect=True)
by_each_way = pytest.mark.parametrize("way", WAYS)


def sentences(kind: type[errors.SidecarError] = errors.SidecarError) -> dict[str, tuple[int, str]]:
    """
    Collect status and sentence of every error there is, by its code.
    """
    found = {kind.code: (kind.status, kind.sentence)}
    for narrower in kind.__subclasses__():
        found |= sentences(narrower)
    return found


def assert_well_formed(answer: Answer) -> None:
    """
    Check what holds for every answer: its shape, its names, and that an error says nothing else.
    """
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json
    if answer.status >= 400 and "error" in body:
        assert set(body) == {"error"}
        assert_error(body["error"], answer.status)
    if "decision" in body:
        assert_decision(body, answer.headers["X-Decision-ID"])
    if "evaluations" in body:
        batch = answer.headers["X-Decision-ID"]
        assert set(body) == {"evaluations"}
        for index, item in enumerate(body["evaluations"]):
            assert_decision(item, batch, f"-{index}")


def assert_error(error: dict[str, str], status: int | None = None) -> None:
    """
    Check that an error is one of ours, word by word, and that its path is one of a request's.
    """
    known = sentences()[error["code"]]

    assert error["message"] == known[1]
    assert status in (None, known[0])
    assert set(error) <= {"code", "message", "path"}
    assert "path" not in error or PLACES.fullmatch(error["path"])


def assert_decision(body: dict[str, Any], decision_id: str, index: str = "") -> None:
    """
    Check that a decision is one, and has the name that the header says.
    """
    assert set(body) <= {"decision", "context"}
    assert type(body["decision"]) is bool
    assert UUID7.fullmatch(decision_id)
    context = body.get("context", {})
    if "decision_id" in context:
        assert context["decision_id"] == decision_id + index
    if "error" in context:
        assert body["decision"] is False
        assert set(context) == {"error"}
        assert_error(context["error"])


def assert_expected(answer: Answer, expect: dict[str, Any]) -> None:
    """
    Check an answer against what a case says.
    """
    assert answer.status == expect["status"], answer.content[:500]
    for name, value in expect.get("headers", {}).items():
        assert answer.headers.get(name) == value, name
    body = answer.json
    assert body == expect.get("body", body)
    assert holds(body, expect.get("has", {})), json.dumps(body, indent=1)
    for pointer in expect.get("present", ()):
        assert at(body, pointer) is not ABSENT, pointer
    for pointer in expect.get("lacks", ()):
        assert at(body, pointer) is ABSENT, pointer
    for pointer, part in expect.get("each", {}).items():
        assert all(holds(entry, part) for entry in at(body, pointer)), pointer


@by_each_way
@pytest.mark.parametrize(
    ("sidecar", "case"),
    [pytest.param(case.bundle, case, id=str(case)) for case in CASES],
    indirect=["sidecar"],
    # Else each case would get a server of its own.
    scope="module",
)
def test_case(sidecar: Sidecar, case: Case, way: str):
    """
    What the case says holds, called directly and over the wire.
    """
    answer = sidecar.ways[way](case.request)

    assert_expected(answer, dict(case.expect))
    assert_well_formed(answer)


def test_every_requirement_has_a_case():
    """
    No requirement of the standard goes without a case.
    """
    assert REQUIREMENTS - {case.requirement for case in CASES} == set()


def test_every_case_of_the_certification_has_one_here():
    """
    What the certification asks for at its four levels is asked for here.
    """
    assert CERTIFICATION - {name for case in CASES for name in case.certification} == set()


def test_cases_have_names_of_their_own():
    """
    Each case is told from every other by its name.
    """
    names = [str(case) for case in CASES]

    assert len(names) == len(set(names))


MARKED: dict[str, Any] = {
    "subject": {"type": MARKER, "id": MARKER, "properties": {MARKER: MARKER}},
    "action": {"name": MARKER, "properties": {MARKER: MARKER}},
    "resource": {"type": MARKER, "id": MARKER, "properties": {"categories": [MARKER]}},
    "context": {"purpose": MARKER, "facts": {MARKER: MARKER}, "answer": MARKER, MARKER: MARKER},
    "options": {"evaluations_semantic": MARKER, MARKER: MARKER},
    "evaluations": [{MARKER: MARKER, "subject": {MARKER: MARKER}}],
    MARKER: [MARKER],
}
BREAKS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "subject is missing": ({}, ["/subject"]),
    "subject is a word": ({"/subject": MARKER}, []),
    "type is a list": ({"/subject/type": [MARKER]}, []),
    "id is an object": ({"/resource/id": {MARKER: MARKER}}, []),
    "name is missing": ({}, ["/action/name"]),
    "context is a word": ({"/context": MARKER}, []),
    "properties are a word": ({"/action/properties": MARKER}, []),
    "evaluations are a word": ({"/evaluations": MARKER}, []),
    "an item is a word": ({"/evaluations": [{}, MARKER]}, []),
    "options are a word": ({"/options": MARKER}, []),
    "the semantic is unknown": ({}, []),
    "the semantic is a list": ({"/options/evaluations_semantic": [MARKER]}, []),
}
BROKEN = [
    *(
        pytest.param(
            Request(json.dumps(changed(MARKED, *change)).encode(), path), id=f"{name}, {path}"
        )
        for path in ("/access/v1/evaluation", "/access/v1/evaluations")
        for name, change in BREAKS.items()
        if path.endswith("s") or not re.search("evaluations|item|options|semantic", name)
    ),
    pytest.param(Request(f'{{"{MARKER}": {MARKER}'.encode()), id="no JSON"),
    pytest.param(Request(f'["{MARKER}"]'.encode()), id="no object"),
    pytest.param(Request(f'{{"{MARKER}":{"[" * 40}{"]" * 40}}}'.encode()), id="nested"),
    pytest.param(Request(b'"' + MARKER.encode() * 120_000 + b'"'), id="too large"),
    pytest.param(Request(b"{}", headers={"Content-Type": MARKER}), id="content type"),
    pytest.param(Request(path=f"/{MARKER}?{MARKER}", method="GET", headers={}), id="path"),
    pytest.param(Request(path="/healthz", method=MARKER.upper(), headers={}), id="method"),
]


@by_each_way
@pytest.mark.parametrize("broken", BROKEN)
@on_privacy
def test_an_error_echoes_nothing(sidecar: Sidecar, way: str, broken: Request):
    """
    Whatever was sent, and wherever, an error's body and headers hold nothing of it.
    """
    asked = replace(broken, headers={**broken.headers, "User-Agent": MARKER, "Cookie": MARKER})
    answer = sidecar.ways[way](asked)

    assert 400 <= answer.status < 500
    assert_well_formed(answer)
    assert MARKER.lower() not in answer.content.decode().lower()
    assert MARKER.lower() not in str(answer.headers).lower()


@by_each_way
@on_privacy
def test_an_item_s_error_echoes_nothing(sidecar: Sidecar, way: str):
    """
    An item that is incomplete is answered with the place, and with nothing that was sent.
    """
    body = changed(
        MARKED, {"/evaluations": [{"subject": {MARKER: MARKER}}, {"action": MARKER}]}, []
    )
    del body["options"]
    answer = sidecar.ways[way](Request(json.dumps(body).encode(), "/access/v1/evaluations"))

    assert answer.status == 200
    assert [item["context"]["error"]["path"] for item in answer.json["evaluations"]] == [
        "/evaluations/0/subject/type",
        "/evaluations/1/action",
    ]
    assert MARKER not in answer.content.decode()


@by_each_way
@on_privacy
def test_an_answer_echoes_nothing_but_the_categories_asked_for(sidecar: Sidecar, way: str):
    """
    Unknown words are named by their places; only a category comes back, as what was refused.
    """
    body = changed(MARKED, {"/resource/properties/categories": ["company_name"]}, [])
    answer = sidecar.ways[way](Request(json.dumps(body).encode()))

    assert answer.status == 200
    assert answer.json["context"]["unknown_terms"]
    assert MARKER not in answer.content.decode()


@by_each_way
@pytest.mark.parametrize("name", ["permitted", "partial", "sale", "unknown"])
@on_privacy
def test_the_same_request_gets_the_same_decision(sidecar: Sidecar, way: str, name: str):
    """
    Asked twice, alone or in a batch, all of an answer is the same but its name.
    """
    ask = sidecar.ways[way]
    body = named(name)
    batch = Request(json.dumps({**body, "evaluations": [{}]}).encode(), "/access/v1/evaluations")
    alone = [ask(Request(json.dumps(body).encode())).json for _ in range(2)]
    together = ask(batch).json["evaluations"]
    ids = {answer["context"].pop("decision_id") for answer in (*alone, *together)}

    assert len(ids) == 3
    assert alone == [alone[0], together[0]]


@by_each_way
@on_boolean
def test_decisions_have_names_that_sort_by_time(sidecar: Sidecar, way: str):
    """
    No two decisions are of one name, and a later millisecond's name sorts after an earlier one's.
    """
    content = json.dumps(named("borrow")).encode()
    ids = [sidecar.ways[way](Request(content)).headers["X-Decision-ID"] for _ in range(20)]

    assert len(set(ids)) == len(ids)
    assert [name[:13] for name in ids] == sorted(name[:13] for name in ids)


@by_each_way
@pytest.mark.parametrize(
    "name", ["", " inside  it ", "a" * 8000, "né", "%0d%0aX-Other: 1", '"<>&'], ids=range(6)
)
@on_boolean
def test_a_request_s_name_may_be_odd(sidecar: Sidecar, way: str, name: str):
    """
    A request's name is handed back unread, but for the space around it, which is no part of it.
    """
    asked = Request(json.dumps(named("borrow")).encode(), headers={**JSON, "X-Request-ID": name})
    answer = sidecar.ways[way](asked)

    assert answer.status == 200
    assert answer.headers["X-Request-ID"].strip() == name.strip()
    assert "X-Other" not in answer.headers


def sent_in_pieces(address: str, pieces: list[bytes]) -> tuple[int, Any]:
    """
    Send a body without saying how long it will be.
    """
    with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request("POST", "/access/v1/evaluation", iter(pieces), JSON, encode_chunked=True)
        got = connection.getresponse()
        return got.status, json.loads(got.read())


@on_boolean
def test_a_body_may_come_in_pieces(sidecar: Sidecar):
    """
    A body whose length is not said is read to its end.
    """
    content = json.dumps(named("borrow")).encode()

    assert sent_in_pieces(sidecar.address, [content[:9], content[9:]]) == (200, {"decision": True})


@on_boolean
def test_a_body_in_pieces_is_limited_too(sidecar: Sidecar):
    """
    A body whose length is not said is read no further than a body may be large.
    """
    status, body = sent_in_pieces(sidecar.address, [b" " * 65536] * 17)

    assert (status, body["error"]["code"]) == (413, "body_too_large")


@on_boolean
def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(sidecar: Sidecar):
    """
    A length beyond the limit is answered at once, before any of the body has come.
    """
    host, port = sidecar.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"POST /access/v1/evaluation HTTP/1.1\r\nHost: a\r\n"
            b"Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
        )
        said = connection.recv(64)

    assert said.startswith(b"HTTP/1.1 413 ")
