"""
The contract's cases, asked through Flask's test client and through gunicorn, with a real OPA.
"""

import copy
import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.app import create_app
from sidecar.server import engine_running
from sidecar.settings import Settings
from tests.e2e.processes import ASKED
from tests.e2e.serve import serving

CASES = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text("utf-8"))
LARGE = {
    "LARGE": "x" * 1_048_576,
    "DEEP": json.loads("[" * 40 + "]" * 40),
    "MANY": [{}] * 1001,
}

Asked = tuple[int, dict[str, str], Any]
Ask = Callable[[str, str, dict[str, str], bytes], Asked]


@pytest.fixture(scope="session")
def client() -> Iterator[Ask]:
    """
    Flask's test client.
    """
    settings = Settings()
    with engine_running(settings) as (engine, _):
        flask = create_app(settings, engine).test_client()

        def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Asked:
            response = flask.open(path, method=method, headers=headers, data=body)
            return response.status_code, dict(response.headers), _json(response.data)

        yield ask


@pytest.fixture(scope="session")
def gunicorn() -> Iterator[Ask]:
    """
    A served sidecar.
    """
    with serving() as address:

        def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Asked:
            connection = http.client.HTTPConnection(address, timeout=30)
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                return response.status, dict(response.getheaders()), _json(response.read())
            finally:
                connection.close()

        yield ask


@pytest.fixture(params=["client", "gunicorn"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """
    Each of the two.
    """
    asked: Ask = request.getfixturevalue(request.param)
    return asked


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


def _body(request: dict[str, Any]) -> bytes:
    if "raw" in request:
        raw = request["raw"]
        return b'{"a":' * 100_000 if raw == "ENDLESS" else raw.encode("utf-8", "surrogatepass")
    body = copy.deepcopy(request.get("body", ASKED))
    for pointer in request.get("drop", []):
        holder, key = _place(body, pointer)
        del holder[key]
    for pointer, value in request.get("set", {}).items():
        holder, key = _place(body, pointer)
        holder[key] = LARGE.get(value, value) if isinstance(value, str) else value
    return json.dumps(body).encode()


def _place(body: Any, pointer: str) -> tuple[Any, str]:
    *way, last = pointer.split("/")[1:]
    for key in way:
        body = body[int(key)] if isinstance(body, list) else body[key]
    return body, last


def _found(body: Any, pointer: str) -> bool:
    for key in pointer.split("/")[1:]:
        try:
            body = body[int(key)] if isinstance(body, list) else body[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _holds(body: Any, part: Any) -> bool:
    """
    Whether the part is found in the body: members by name, items by place.
    """
    if isinstance(part, dict):
        return isinstance(body, dict) and all(_holds(body.get(key), part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(body, list) and all(map(_holds, body, part)) and len(body) == len(part)
    return bool(body == part)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['requires']}: {case['name']}")
def test_the_contract_holds(ask: Ask, case: dict[str, Any]) -> None:
    """
    Each case gets the answer that it is promised.
    """
    request, expect = case["request"], case["expect"]
    headers = {"Content-Type": "application/json"} | request.get("headers", {})
    method = request.get("method", "POST")
    content = b"" if method == "GET" else _body(request)

    status, sent, body = ask(method, request.get("path", "/access/v1/evaluation"), headers, content)

    assert status == expect["status"], body
    assert _holds(body, expect.get("body", {})), body
    for pointer in expect.get("has", []):
        assert _found(body, pointer), (pointer, body)
    for pointer in expect.get("lacks", []):
        assert not _found(body, pointer), (pointer, body)
    for name, value in expect.get("headers", {}).items():
        assert sent[name] == value
    for name in expect.get("present", []):
        assert sent[name]


def test_every_requirement_has_a_case() -> None:
    """
    The requirements on one and on many evaluations are 1 to 22, and 35 on obligations.
    """
    shown = {case["requires"] for case in CASES}

    assert {f"authzen {number}" for number in (*range(1, 23), 35)} <= shown


@pytest.mark.parametrize(
    "pointer",
    ["/subject", "/subject/type", "/action/name", "/resource/id", "/context", "/evaluations"],
)
def test_what_was_sent_is_not_told_back(ask: Ask, pointer: str) -> None:
    """
    An error says where it is, and never what was sent.
    """
    content = _body({"set": {pointer: ["MARKER-7f3a"]}})
    path = "/access/v1/evaluations"

    status, _, body = ask("POST", path, {"Content-Type": "application/json"}, content)

    assert status in (200, 400)
    assert "MARKER-7f3a" not in json.dumps(body)


def test_an_item_has_the_batchs_id_and_its_index(ask: Ask) -> None:
    """
    The batch's id is in the header, and an item's is that with its index.
    """
    content = _body({"set": {"/evaluations": [{}, {}]}})

    _, headers, body = ask(
        "POST", "/access/v1/evaluations", {"Content-Type": "application/json"}, content
    )

    batch = headers["X-Decision-ID"]
    ids = [item["context"]["decision_id"] for item in body["evaluations"]]
    assert ids == [f"{batch}-0", f"{batch}-1"]
