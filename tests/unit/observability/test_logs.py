"""
sidecar.observability.logs: one JSON line an event, and nothing of what callers sent.
"""

import json
import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest
import structlog

from sidecar.observability import logs
from tests.e2e.serve import Sidecar, running
from tests.running import BUNDLES, evaluation

LEVELS: Final = ["debug", "info", "warning", "error"]
MARK: Final = "M4RKER"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("level", LEVELS)
def test_levels(capsys: pytest.CaptureFixture[str], level):
    """
    What is below the level is left out, of our own events and of the libraries' alike.
    """
    logs.set_up(level)
    for name in LEVELS:
        getattr(structlog.stdlib.get_logger("sidecar.test"), name)("ours")
        getattr(logging.getLogger("some.library"), name)("theirs")

    told = [(line["event"], line["level"]) for line in _lines(capsys)]
    wanted = LEVELS[LEVELS.index(level) :]
    assert told == [(event, name) for name in wanted for event in ("ours", "theirs")]


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]):
    """
    Time, level, event and fields are one JSON object in one line, whatever is in them.
    """
    logs.set_up("info")
    structlog.stdlib.get_logger("sidecar.test").info("a\nb", code="x\r\n{}", number=1, odd=object)
    logging.getLogger("some.library").info("%s and %s", "c\n", "d")

    ours, theirs = _lines(capsys)
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "a\nb",
        "level": "info",
        "code": "x\r\n{}",
        "number": 1,
        "odd": repr(object),
    }
    assert theirs["event"] == "c\n and d"


@pytest.mark.parametrize("how", [{"exc_info": True}, {"exc_info": "itself"}])
def test_an_exception_is_told_without_its_text(capsys: pytest.CaptureFixture[str], how):
    """
    Its kind and where it came from are told; its text, which may quote anything, is not.
    """
    logs.set_up("info")
    try:
        raise ValueError(MARK)
    except ValueError as wrong:
        given = {"exc_info": wrong} if how["exc_info"] == "itself" else how
        structlog.stdlib.get_logger("sidecar.test").error("ours", **given)
        logging.getLogger("some.library").error("theirs", **given)

    for line in _lines(capsys):
        assert line["exception"] == "ValueError"
        (at,) = line["at"]
        assert "test_logs.py:" in at
        assert MARK not in json.dumps(line)


def test_where_there_is_no_exception_none_is_told(capsys: pytest.CaptureFixture[str]):
    """
    Asking for one where there is none changes nothing.
    """
    logs.set_up("info")
    logging.getLogger("some.library").error("theirs", exc_info=True)
    structlog.stdlib.get_logger("sidecar.test").error("ours", exc_info=True)

    assert all("exception" not in line for line in _lines(capsys))


def test_setting_up_again_does_not_double(capsys: pytest.CaptureFixture[str]):
    """
    There is one handler, however often it is set up.
    """
    logs.set_up("info")
    logs.set_up("info")
    logging.getLogger("some.library").info("theirs")

    assert len(_lines(capsys)) == 1


def _events(sidecar: Sidecar) -> list[dict[str, Any]]:
    return [json.loads(line) for line in sidecar.stderr.splitlines()]


def _requests(sidecar: Sidecar) -> list[tuple[Any, ...]]:
    keys = ("method", "route", "status", "request_id")
    return [
        tuple(event[key] for key in keys)
        for event in _events(sidecar)
        if event["event"] == "request"
    ]


def test_at_info_each_request_is_logged_once():
    """
    Method, route, status, and the names of request and decision; no path but a known one.
    """
    config, path = "log: {level: info}\n", "/access/v1/evaluation"
    with running(config, SIDECAR_BUNDLE=str(BUNDLES / "faulty")) as sidecar:
        before = len(_requests(sidecar))
        decided = sidecar.post(path, evaluation("permit"), **{"X-Request-ID": "one"})
        sidecar.post(path, evaluation("nothing"), **{"X-Request-ID": "two"})
        sidecar.post(path, {})
        sidecar.get(f"/{MARK}?{MARK}")

        assert _requests(sidecar)[before:] == [
            ("POST", path, 200, "one"),
            ("POST", path, 503, "two"),
            ("POST", path, 400, None),
            ("GET", None, 404, None),
        ]
        named = [event for event in _events(sidecar) if event.get("request_id")]
        assert [(event["event"], event["request_id"]) for event in named] == [
            ("request", "one"),
            ("no decision", "two"),
            ("request", "two"),
        ]
        assert named[0]["decision_id"] == decided.headers["x-decision-id"]
        assert named[2]["decision_id"] is None


def test_at_warning_no_request_is_logged():
    """
    Unless asked for, only what went wrong on our side is logged, once each.
    """
    with running(SIDECAR_BUNDLE=str(BUNDLES / "faulty")) as sidecar:
        before = len(_events(sidecar))
        sidecar.decide(evaluation("permit"))
        sidecar.decide({})
        sidecar.decide(evaluation("nothing"))

        (event,) = _events(sidecar)[before:]
        assert event["event"] == "no decision"
        assert (event["level"], event["code"]) == ("error", "decision_undefined")


@pytest.mark.parametrize("level", ["debug", "warning"])
def test_nothing_that_was_sent_is_logged(level):
    """
    Neither bodies nor ids, categories, facts, headers, credentials, paths or queries get to stderr.
    """
    credentials = {"Authorization": f"Bearer {MARK}", "Cookie": f"c={MARK}", f"X-{MARK}": MARK}
    whole = {
        "subject": {"type": MARK, "id": MARK, "properties": {MARK: MARK}},
        "action": {"name": MARK, "properties": {"a": MARK}},
        "resource": {"type": MARK, "id": MARK, "properties": {"categories": [MARK]}},
        "context": {"purpose": MARK, "facts": {MARK: MARK}, "value": MARK},
    }
    asked: list[object] = [
        whole,
        *(
            whole | {"action": {"name": name}}
            for name in ("permit", "refuse", "answer", "count", "contradict")
        ),
        whole | {"subject": MARK},
        MARK,
        f'{{"{MARK}'.encode(),
        b"\xff" + MARK.encode(),
    ]
    config = f"log: {{level: {level}}}\n"
    with running(config, SIDECAR_BUNDLE=str(BUNDLES / "faulty")) as sidecar:
        for body in asked:
            sidecar.post(f"/access/v1/evaluation?{MARK}={MARK}", body, **credentials)
            sidecar.post(f"/access/v1/{MARK}", body, **credentials)
        sidecar.decide_all(*asked[:6])
        sidecar.get(f"/{MARK}", **credentials)
        sidecar.post("/access/v1/evaluation", b"{}", **{"Content-Type": MARK})
        sidecar.post("/access/v1/evaluation", b"{}", **{"Transfer-Encoding": MARK})

        assert len(_events(sidecar)) >= 2
        assert MARK not in sidecar.stderr
        assert MARK not in sidecar.get("/metrics").content.decode()
