"""
The application as a whole: what is answered where something goes wrong.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import sidecar.api.front
from sidecar.app import create_app
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.settings import Settings
from tests.fakes import OddServer, ScriptedOpa, http_answer
from tests.running import evaluation

ASKED = evaluation("permit")
SECRET = "zzSECRETzz"


@contextmanager
def asking(engine: Engine, **more: Any) -> Iterator[FlaskClient]:
    """
    Have a client of an application that asks an engine.
    """
    yield create_app(Settings(), engine, **more).test_client()


@contextmanager
def scripted(opa: Any) -> Iterator[Engine]:
    """
    Have an engine that asks an OPA of a test's making.
    """
    with OddServer(opa) as server:
        client = Opa(Endpoint(server.url, read_timeout_s=5))
        yield Engine(client)
        client.close_connection()


def error(code: str, message: str) -> dict[str, Any]:
    """
    Write the body of an error.
    """
    return {"error": {"code": code, "message": message}}


class RecordingLog:
    """
    A log that keeps what it is told.

    Attributes:
        events: The values of each event, by their names.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def info(self, _: str, **values: Any) -> None:
        """
        Keep an event.
        """
        self.events.append(values)

    error = info


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> RecordingLog:
    """
    What the application logs.
    """
    log = RecordingLog()
    monkeypatch.setattr(sidecar.api.front, "_log", log)
    return log


@pytest.fixture
def nobody(socket_path: Path) -> Engine:
    """
    An engine whose OPA is not there.
    """
    return Engine(Opa(Endpoint(f"unix://{socket_path}")))


def got(answer: TestResponse) -> Any:
    """
    Read an answer's body.
    """
    return answer.json


def errors_counted(client: FlaskClient, code: str) -> float:
    """
    Read how often an error was counted.
    """
    start = f'privacy_decision_errors_total{{code="{code}"}} '
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.removeprefix(start)) for line in lines if line.startswith(start))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/access/v1/evaluation", ASKED),
        ("/access/v1/evaluations", ASKED),
        ("/access/v1/evaluations", {"evaluations": [ASKED, ASKED]}),
        ("/access/v1/evaluations", {"evaluations": [{}, ASKED]}),
    ],
)
def test_without_opa_there_is_no_decision(nobody: Engine, path: str, body: Any):
    """
    Where OPA is not there, the answer is 503: neither a refusal nor a permission.
    """
    with asking(nobody) as client:
        answer = client.post(path, json=body, headers={"X-Request-ID": "r-1"})

        code = "engine_unreachable"
        message = "No decision was made: the policy engine cannot be reached."
        assert (answer.status_code, answer.json) == (503, error(code, message))
        assert answer.headers["X-Request-ID"] == "r-1"
        assert errors_counted(client, code) == 1
        assert "X-Decision-ID" not in answer.headers


def test_a_request_that_is_wrong_needs_no_opa(nobody: Engine):
    """
    What is wrong with a request is said without asking OPA; also where no item of a batch is whole.
    """
    with asking(nobody) as client:
        one = client.post("/access/v1/evaluation", json={})
        many = client.post("/access/v1/evaluations", json={"evaluations": [{}, {"subject": 1}]})

    assert (one.status_code, many.status_code) == (400, 200)
    assert [item["decision"] for item in got(many)["evaluations"]] == [False, False]


def test_without_opa_the_process_lives_and_is_not_ready(nobody: Engine):
    """
    Health says that the process lives, readiness says why it is of no use.
    """
    with asking(nobody) as client:
        alive, ready = client.get("/healthz"), client.get("/readyz")

    assert (alive.status_code, alive.json) == (200, {"state": "alive"})
    assert ready.status_code == 503
    assert got(ready)["state"] == "not ready"
    assert got(ready)["revision"] is None


def test_without_opa_there_are_metrics(nobody: Engine):
    """
    Metrics are told also where no decision can be made, and say so.
    """
    with asking(nobody, restarts=lambda: 3) as client:
        told = client.get("/metrics")

    assert told.status_code == 200
    assert told.content_type.startswith("text/plain")
    assert "privacy_ready 0.0" in told.text
    assert "privacy_engine_restarts_total 3.0" in told.text
    assert "privacy_bundle_info" not in told.text


def test_opa_s_words_are_not_handed_on():
    """
    An answer of OPA's that is an error is told by its code, without a word of it.
    """
    scolding = http_answer(
        json.dumps({"code": "odd", "message": SECRET}), "500 Internal Server Error"
    )
    with scripted(lambda _: scolding) as engine, asking(engine) as client:
        answer = client.post("/access/v1/evaluation", json=ASKED)

    assert answer.status_code == 503
    assert got(answer)["error"]["code"].startswith("engine_")
    assert SECRET not in answer.text


def test_a_fault_of_our_own_is_told_without_its_words(
    recorded: RecordingLog, monkeypatch: pytest.MonkeyPatch
):
    """
    An exception that nobody thought of is a 500 with a fixed sentence, named and counted.
    """

    def broken(*_: Any) -> None:
        raise KeyError(SECRET)

    with scripted(ScriptedOpa()) as engine, asking(engine) as client:
        monkeypatch.setattr(engine, "recall", broken)
        answer = client.post("/access/v1/evaluation", json=ASKED, headers={"X-Request-ID": "r-2"})

        code = "internal_error"
        message = "The request could not be processed."
        assert (answer.status_code, answer.json) == (500, error(code, message))
        assert answer.headers["X-Request-ID"] == "r-2"
        assert errors_counted(client, code) == 1
        assert [str(event["exc_info"]) for event in recorded.events] == [repr(SECRET)]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/access/v1/evaluation", {"POST"}),
        ("PATCH", "/access/v1/evaluations", {"POST"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("OPTIONS", "/readyz", {"GET", "HEAD"}),
        ("DELETE", "/metrics", {"GET", "HEAD"}),
        ("TRACE", "/openapi.json", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    nobody: Engine, method: str, path: str, allowed: set[str]
):
    """
    A method that an endpoint does not take is answered with those that it does.
    """
    with asking(nobody) as client:
        answer = client.open(path, method=method)

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == allowed
    assert method == "HEAD" or got(answer)["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/access", "/access/v1", "/access/v1/evaluation/", "/access//v1/evaluation"),
        *("/ACCESS/v1/evaluation", "/healthz/", "/static/x", "/../healthz", f"/{SECRET}"),
    ],
)
def test_nobody_is_sent_elsewhere(nobody: Engine, path: str):
    """
    A path that is almost one of ours is not there; a redirection would say what the caller said.
    """
    with asking(nobody) as client:
        answer = client.post(path, json=ASKED, headers={"Host": "evil.example"})

    assert answer.status_code == 404
    assert answer.json == {"error": {"code": "not_found", "message": "There is nothing here."}}
    assert "Location" not in answer.headers


def test_requests_are_logged_where_that_is_asked_for(
    nobody: Engine, caplog: pytest.LogCaptureFixture, recorded: RecordingLog
):
    """
    A request's line names route, status and the request's name; never the path that was sent.
    """
    with caplog.at_level(logging.INFO, "sidecar"), asking(nobody) as client:
        client.get("/healthz", headers={"X-Request-ID": "r-3"})
        client.get(f"/{SECRET}?{SECRET}")

    told = [(event["route"], event["status"], event["request_id"]) for event in recorded.events]
    assert told == [("/healthz", 200, "r-3"), (None, 404, None)]
    assert SECRET not in str(recorded.events)


def test_requests_are_not_logged_where_nobody_asked(
    nobody: Engine, caplog: pytest.LogCaptureFixture, recorded: RecordingLog
):
    """
    At the level of warnings a request leaves no line.
    """
    with caplog.at_level(logging.WARNING, "sidecar"), asking(nobody) as client:
        client.get("/healthz")

    assert recorded.events == []


def test_an_upgrade_is_left_to_flask():
    """
    It finds no endpoint for a request that wants to become a web socket, and nor does anybody else.
    """
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    with scripted(ScriptedOpa()) as engine, asking(engine) as client:
        answer = client.post("/access/v1/evaluation", json=ASKED, headers=headers)
        without = client.post("/access/v1/evaluation", json=ASKED, headers={"Upgrade": "h2c"})

    assert (answer.status_code, without.status_code) == (400, 200)
