"""
Many evaluations at once: what is asked of OPA, what is counted, and where answering ends.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient

from sidecar.app import create_app
from sidecar.bundle.build import BuiltBundle
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.settings import Limits, Settings
from tests.running import evaluation, opa_running

PATH = "/access/v1/evaluations"


@dataclass
class RecordingEngine(Engine):
    """
    An engine that remembers how many evaluations it was asked for at once.

    Attributes:
        client: The door to OPA.

        asked: For each question, how many evaluations it held.
    """

    client: Opa
    asked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """
        Set up what an engine has.
        """
        super().__init__(self.client)

    def recall_all(self, evaluations: Any) -> Any:
        """
        Note the question, and ask it.
        """
        self.asked.append(len(evaluations))
        return super().recall_all(evaluations)


@pytest.fixture(scope="module")
def opa(
    built: Callable[[str], BuiltBundle], opa_binary: Any, tmp_path_factory: Any
) -> Iterator[Opa]:
    """
    An OPA that is at fault where it is asked to be.
    """
    folder = tmp_path_factory.mktemp("opa")
    endpoint = Endpoint(f"unix://{folder}/s", read_timeout_s=20)
    with opa_running(opa_binary, endpoint, "--bundle", built("faulty").path, log=folder / "log"):
        client = Opa(endpoint)
        yield client
        client.close_connection()


@pytest.fixture
def engine(opa: Opa) -> RecordingEngine:
    """
    An engine that remembers.
    """
    return RecordingEngine(opa)


@pytest.fixture
def client(engine: RecordingEngine) -> FlaskClient:
    """
    A client of an application that takes up to four evaluations at once.
    """
    return create_app(Settings(limits=Limits(evaluations=4)), engine).test_client()


def posted(client: FlaskClient, body: Any) -> Any:
    """
    Ask, and read the answer's body.
    """
    return client.post(PATH, json=body).json


def counted(client: FlaskClient, name: str) -> float:
    """
    Add up a metric, over all labels.
    """
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name + "{"))


def batch(*actions: str, semantic: str = "execute_all") -> dict[str, Any]:
    """
    Make a batch of evaluations that are answered as their actions say.
    """
    evaluations = [evaluation(action, subject=str(n)) for n, action in enumerate(actions)]
    return {"evaluations": evaluations, "options": {"evaluations_semantic": semantic}}


def test_all_items_are_one_question(client: FlaskClient, engine: RecordingEngine):
    """
    A batch is one question to the engine, answered in its order.
    """
    body = posted(client, batch("permit", "refuse", "permit"))

    assert engine.asked == [3]
    assert [item["decision"] for item in body["evaluations"]] == [True, False, True]
    assert [item["context"]["asked"] for item in body["evaluations"]] == ["0", "1", "2"]


def test_only_whole_items_are_asked(client: FlaskClient, engine: RecordingEngine):
    """
    Incomplete items keep their places, and do not reach the engine.
    """
    asked = batch("permit", "permit", "permit")
    del asked["evaluations"][0]["action"]
    asked["evaluations"][2]["resource"] = "none"

    body = posted(client, asked)

    assert engine.asked == [1]
    assert [item["decision"] for item in body["evaluations"]] == [False, True, False]
    assert body["evaluations"][1]["context"]["asked"] == "1"


def test_where_no_item_is_whole_nothing_is_asked(client: FlaskClient, engine: RecordingEngine):
    """
    A batch of nothing but incomplete items is answered without the engine.
    """
    body = posted(client, {"evaluations": [{}, {"action": {}}]})

    assert engine.asked == []
    assert [item["context"]["error"]["path"] for item in body["evaluations"]] == [
        "/evaluations/0/subject",
        "/evaluations/1/subject",
    ]


@pytest.mark.parametrize(
    ("semantic", "actions", "expected"),
    [
        ("deny_on_first_deny", ["permit", "refuse", "permit"], [True, False]),
        ("deny_on_first_deny", ["permit", "undefined", "permit"], [True, False]),
        ("deny_on_first_deny", ["permit", "permit"], [True, True]),
        (
            "permit_on_first_permit",
            ["refuse", "undefined", "permit", "refuse"],
            [False] * 2 + [True],
        ),
        ("permit_on_first_permit", ["refuse", "refuse"], [False, False]),
        ("execute_all", ["refuse", "permit", "undefined"], [False, True, False]),
    ],
)
def test_answers_end_where_the_semantic_says(
    client: FlaskClient, semantic: str, actions: list[str], expected: list[bool]
):
    """
    The answers are those up to the one that decides; an error counts as a refusal.
    """
    body = posted(client, batch(*actions, semantic=semantic))

    assert [item["decision"] for item in body["evaluations"]] == expected


def test_what_is_not_answered_is_not_counted(client: FlaskClient):
    """
    Only decisions that are handed back are decisions that were made.
    """
    asked = batch("refuse", "permit", "undefined", semantic="deny_on_first_deny")

    client.post(PATH, json=asked)

    assert counted(client, "privacy_decisions_total") == 1
    assert counted(client, "privacy_decision_errors_total") == 0


def test_an_error_is_counted_as_one_and_never_as_a_refusal(client: FlaskClient):
    """
    Items without a decision are errors, each by its code.
    """
    asked = batch("refuse", "undefined", "count")
    asked["evaluations"][2]["subject"]["id"] = "no number"
    asked["evaluations"].append({})

    client.post(PATH, json=asked)

    told = client.get("/metrics").text
    assert counted(client, "privacy_decisions_total") == 1
    assert counted(client, "privacy_decision_errors_total") == 3
    for code in ("decision_undefined", "evaluation_failed", "missing_attribute"):
        assert f'privacy_decision_errors_total{{code="{code}"}} 1.0' in told


def test_a_batch_is_timed_once(client: FlaskClient):
    """
    Each stage of a batch is observed once, however many items it has.
    """
    client.post(PATH, json=batch("permit", "permit"))

    told = client.get("/metrics").text
    for stage in ("parse", "opa", "answer", "total"):
        assert f'privacy_decision_duration_seconds_count{{stage="{stage}"}} 1.0' in told


@pytest.mark.parametrize(("count", "status"), [(4, 200), (5, 400)])
def test_a_batch_is_limited(client: FlaskClient, count: int, status: int):
    """
    As many evaluations as are set are taken, and not one more.
    """
    answer = client.post(PATH, json=batch(*["permit"] * count))

    assert answer.status_code == status
    if status == 400:
        assert json.loads(answer.data)["error"]["path"] == "/evaluations"


def test_too_many_are_refused_before_anything_else_is_read(client: FlaskClient):
    """
    A batch that is too long is not read item by item.
    """
    body = {"evaluations": [None] * 5, "options": []}

    assert posted(client, body)["error"]["code"] == "too_many_evaluations"
