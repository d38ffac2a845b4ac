"""
What callers see when OPA, or what should be OPA, fails: an error with its code, no decision.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sidecar.engine.endpoint import Endpoint
from tests.e2e.processes import ASKED, Served, gone, served
from tests.fakes import HangingServer, OddServer, http_answer
from tests.running import BUNDLES, eventually, opa_running

Build = Callable[[str], Any]


def _faulty(how: str) -> dict[str, Any]:
    return {**ASKED, "context": {"how": how}}


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Served]:
    """
    A sidecar with an OPA of its own.
    """
    with served(tmp_path) as running:
        yield running


def _fails(sidecar: Served, code: str, body: Any = ASKED) -> None:
    before = sidecar.errors(code)
    status, answer = sidecar.ask(body)

    assert (status, answer["error"]["code"]) == (503, code)
    assert "decision" not in answer
    assert sidecar.errors(code) == before + 1


def test_opa_is_killed_and_comes_back(sidecar: Served) -> None:
    """
    A killed OPA is an error until it is back, and then decisions go on as before.
    """
    assert sidecar.ask()[1]["decision"] is True
    first = sidecar.opa()
    os.kill(first, signal.SIGKILL)
    seen = set()

    def back() -> bool:
        status, answer = sidecar.ask()
        seen.add((status, answer.get("decision"), answer.get("error", {}).get("code")))
        return status == 200 and gone([first])

    assert eventually(back)
    assert seen <= {
        (200, True, None),
        (503, None, "engine_unreachable"),
        (503, None, "engine_timeout"),
    }
    assert sidecar.get("/readyz")[0] == 200
    assert "privacy_engine_restarts_total 1.0" in sidecar.get("/metrics")[1]


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_behind(sidecar: Served, with_signal: signal.Signals) -> None:
    """
    A sidecar that is told to stop takes OPA, its workers and its folders with it.
    """
    family = sidecar.family()
    assert sidecar.opa() in family

    sidecar.process.send_signal(with_signal)

    assert sidecar.process.wait(30) == 0
    assert eventually(lambda: gone(family))
    assert list(sidecar.temporary.iterdir()) == []


def test_a_killed_sidecar_leaves_no_opa(sidecar: Served) -> None:
    """
    Not even a kill of the sidecar leaves OPA or a worker behind.
    """
    family = sidecar.family()

    sidecar.process.kill()

    assert eventually(lambda: gone(family))


def test_opa_is_away(tmp_path: Path, opa_binary: Path, built: Build, free_port: int) -> None:
    """
    An OPA that goes away elsewhere is an error with its own code, and the process lives on.
    """
    endpoint = Endpoint(f"http://127.0.0.1:{free_port}")
    bundle = ["--bundle", built("faulty").path]
    with opa_running(opa_binary, endpoint, *bundle, log=tmp_path / "log") as opa:
        (tmp_path / "tmp").mkdir()
        with served(tmp_path / "tmp", SIDECAR_OPA_URL=endpoint.url) as sidecar:
            assert sidecar.get("/readyz")[0] == 200
            opa.process.kill()
            opa.process.wait()

            _fails(sidecar, "engine_unreachable")
            assert sidecar.get("/healthz")[0] == 200
            status, told = sidecar.get("/readyz")
            assert (status, told["state"]) == (503, "not ready")
            assert "privacy_ready 0.0" in sidecar.get("/metrics")[1]


def _nonsense(_: bytes) -> bytes:
    return http_answer(b"<html>It works</html>")


def _refusal(_: bytes) -> bytes:
    return http_answer(b'{"code": "internal_error"}', "500 Odd")


@pytest.mark.parametrize(
    ("server", "code"),
    [
        (HangingServer, "engine_timeout"),
        (lambda: OddServer(_nonsense), "engine_nonsense"),
        (lambda: OddServer(_refusal), "engine_failed"),
    ],
    ids=["hanging", "nonsense", "error status"],
)
def test_what_listens_there_is_no_opa(
    tmp_path: Path, server: Callable[[], OddServer], code: str
) -> None:
    """
    Whatever else answers, or does not, it is an error with its own code.
    """
    with server() as odd, served(tmp_path, SIDECAR_OPA_URL=odd.url) as sidecar:
        _fails(sidecar, code)
        assert sidecar.get("/healthz")[0] == 200
        assert sidecar.get("/readyz")[0] == 503


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """
    A sidecar whose policy fails on request, amid proxies and credentials in the environment.
    """
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine localhost login a password b\n")
    (home / ".netrc").chmod(0o600)
    odd = {name: "http://127.0.0.1:1" for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY")}
    with served(
        tmp_path_factory.mktemp("tmp"),
        SIDECAR_BUNDLE=str(BUNDLES / "faulty"),
        HOME=str(home),
        XDG_CACHE_HOME=os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        **odd,
    ) as running:
        yield running


def _acting(action: str, subject: str = "1", **context: Any) -> dict[str, Any]:
    return {
        "subject": {"type": "user", "id": subject},
        "action": {"name": action},
        "resource": {"type": "thing", "id": "1"},
        "context": context,
    }


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (_acting("nothing"), "decision_undefined"),
        (_acting("answer", value=5), "decision_malformed"),
        (_acting("answer", value={"decision": "yes"}), "decision_malformed"),
        (_acting("answer", value=None), "decision_malformed"),
        (_acting("count", "one"), "evaluation_failed"),
        (_acting("contradict"), "evaluation_failed"),
    ],
)
def test_a_policy_that_fails_is_an_error(faulty: Served, asked: dict[str, Any], code: str) -> None:
    """
    A policy that has no answer, or one of another shape, or fails, never refuses and never permits.
    """
    _fails(faulty, code, asked)


def test_only_the_culprit_of_a_batch_fails(faulty: Served) -> None:
    """
    One evaluation that fails fails alone, and counts as an error.
    """
    before = faulty.errors("evaluation_failed")
    items = [_acting("permit"), _acting("count", "one"), _acting("refuse"), _acting("count", "2")]

    status, answer = faulty.ask({"evaluations": items}, "/access/v1/evaluations")

    assert status == 200
    assert [item["decision"] for item in answer["evaluations"]] == [True, False, False, True]
    assert answer["evaluations"][1]["context"]["error"]["code"] == "evaluation_failed"
    assert faulty.errors("evaluation_failed") == before + 1


def test_a_batch_of_which_nothing_can_be_decided_is_503(faulty: Served) -> None:
    """
    Where no item could be decided, the whole is an error.
    """
    status, answer = faulty.ask(
        {"evaluations": [_acting("count", "one"), _acting("nothing")]}, "/access/v1/evaluations"
    )

    assert status == 503
    assert answer["error"]["code"] in ("evaluation_failed", "decision_undefined")


def test_several_workers_answer_each_their_own(tmp_path: Path) -> None:
    """
    Two workers with more callers than threads mix nothing up, and count everything once.
    """
    config = tmp_path / "sidecar.yaml"
    config.write_text("server: {workers: 2, threads: 2}\n")
    (tmp_path / "tmp").mkdir()
    with served(
        tmp_path / "tmp", SIDECAR_BUNDLE=str(BUNDLES / "faulty"), SIDECAR_CONFIG=str(config)
    ) as sidecar:
        names = [f"caller-{number}" for number in range(400)]
        with ThreadPoolExecutor(16) as callers:
            answers = list(callers.map(lambda name: sidecar.ask(_acting("permit", name)), names))

        assert [answer["context"]["asked"] for _, answer in answers] == names
        text = sidecar.get("/metrics")[1]
        assert 'privacy_decision_duration_seconds_count{stage="total"} 400.0' in text


def test_what_is_under_way_is_finished(tmp_path: Path) -> None:
    """
    A request that waits for OPA when the sidecar is told to stop still gets its answer.
    """
    asked = threading.Event()
    go_on = threading.Event()

    def slow(request: bytes) -> bytes:
        asked.set()
        go_on.wait(10)
        return http_answer(b"{}", "500 Odd")

    config = tmp_path / "sidecar.yaml"
    config.write_text("opa: {answer_timeout_s: 10.0, start_within_s: 0.1}\n")
    (tmp_path / "tmp").mkdir()
    with (
        OddServer(_refusal) as odd,
        served(tmp_path / "tmp", SIDECAR_OPA_URL=odd.url, SIDECAR_CONFIG=str(config)) as sidecar,
    ):
        odd._answering = slow
        with ThreadPoolExecutor(1) as caller:
            waiting = caller.submit(sidecar.ask)
            assert asked.wait(10)
            sidecar.process.send_signal(signal.SIGTERM)
            go_on.set()

            assert waiting.result(20)[0] == 503
        assert sidecar.process.wait(30) == 0
