"""
What is answered when OPA is away, ill or wrong: no decision where none was made, and nobody else's.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sidecar import errors
from tests.e2e.serve import Answer, Sidecar, alive, free_port, lives, running, started
from tests.fakes import OddServer, ScriptedOpa, http_answer, opa_answer
from tests.running import BUNDLES, evaluation, eventually

FAULTY = str(BUNDLES / "faulty")
DECISIONS = "privacy_decisions_total"
QUICK = "opa: {answer_timeout_s: 0.4}\n"


class AilingOpa:
    """
    An OPA elsewhere that permits, until it is given a fault.
    """

    def __init__(self) -> None:
        self.script = ScriptedOpa()
        self.fault: Callable[[bytes], bytes | None] | None = None
        self.everywhere = False
        self.server = OddServer(self._answered)

    def _answered(self, request: bytes) -> bytes | None:
        decides = request.startswith(b"POST /v1/data/a/")
        if self.fault and (decides or self.everywhere):
            return self.fault(request)
        return self.script(request)

    def without_bundle(self, _: bytes) -> bytes:
        """
        Answer like an OPA whose bundle is gone.
        """
        self.script.revision = None
        return opa_answer(None)

    def heal(self) -> None:
        """
        Be well again.
        """
        self.fault, self.everywhere, self.script.revision = None, False, "r1"


@pytest.fixture(scope="module")
def ailing() -> Iterator[AilingOpa]:
    """
    An OPA elsewhere that falls ill as a test says.
    """
    opa = AilingOpa()
    with opa.server:
        yield opa


@pytest.fixture(scope="module")
def _asking_ailing(ailing: AilingOpa) -> Iterator[Sidecar]:
    with running(QUICK, SIDECAR_OPA_URL=ailing.server.url) as sidecar:
        yield sidecar


@pytest.fixture
def asking_ailing(ailing: AilingOpa, _asking_ailing: Sidecar) -> Iterator[Sidecar]:
    """
    A sidecar that asks that OPA, which is well again after the test.
    """
    yield _asking_ailing
    ailing.heal()


@pytest.fixture(scope="module")
def faulty() -> Iterator[Sidecar]:
    """
    A sidecar with an OPA of its own, and a bundle that is at fault where it is asked to be.
    """
    with running("server: {workers: 2}\n", SIDECAR_BUNDLE=FAULTY) as sidecar:
        yield sidecar


def _hang(opa: AilingOpa) -> Callable[[bytes], bytes | None]:
    return opa.server.hang


def _saying(answer: bytes | None) -> Callable[[AilingOpa], Callable[[bytes], bytes | None]]:
    return lambda opa: lambda request: answer


def _internal_error(code: str) -> bytes:
    # What OPA says quotes the input: none of it may get through.
    said = {"code": "internal_error", "message": "SECRET", "errors": [{"code": code}]}
    return http_answer(json.dumps(said), "500 Internal Server Error")


FAULTS = {
    "hangs": (_hang, "engine_timeout"),
    "hangs up": (_saying(None), "engine_unreachable"),
    "has an error": (_saying(http_answer("{}", "500 Oops")), "engine_failed"),
    "does not know the path": (_saying(http_answer("no", "404 Not Found")), "engine_failed"),
    "fails to evaluate": (_saying(_internal_error("eval_builtin_error")), "evaluation_failed"),
    "answers no JSON": (_saying(http_answer("<html>SECRET")), "engine_nonsense"),
    "answers a bare true": (_saying(http_answer("true")), "engine_nonsense"),
    "does not say that it is OPA": (_saying(http_answer('{"result": true}')), "engine_nonsense"),
    "speaks no HTTP": (_saying(b"SSH-2.0-SECRET\r\n"), "engine_nonsense"),
    "breaks off": (
        _saying(http_answer(b'{"result": true', extra="Connection: close\r\n")[:-2]),
        "engine_nonsense",
    ),
    "redirects": (
        _saying(http_answer("", "302 Found", extra="Location: http://127.0.0.1:1/\r\n")),
        "engine_nonsense",
    ),
    "has no bundle": (lambda opa: opa.without_bundle, "bundle_not_active"),
}
POLICY_FAULTS = {
    "is undefined": (_saying(opa_answer()), "decision_undefined"),
    "is null": (_saying(opa_answer(result=None)), "decision_malformed"),
    "is a text": (_saying(opa_answer(result="true")), "decision_malformed"),
    "has a verdict of another type": (
        _saying(opa_answer(result={"decision": 1})),
        "decision_malformed",
    ),
}


def _sentence(code: str) -> str:
    kinds = errors.EngineError.__subclasses__()
    return next(kind.sentence for kind in kinds if kind.code == code)


def _no_decision(answer: Answer, code: str) -> None:
    assert answer.status == 503
    assert answer.json == {"error": {"code": code, "message": _sentence(code)}}
    assert "x-decision-id" not in answer.headers


@pytest.mark.parametrize("name", [*FAULTS, *POLICY_FAULTS])
def test_a_fault_is_no_decision(asking_ailing: Sidecar, ailing: AilingOpa, name):
    """
    Each fault is 503 with its own code, counted once; when it is over, decisions are made again.
    """
    kind, code = (FAULTS | POLICY_FAULTS)[name]
    before, decided = asking_ailing.errors(), asking_ailing.counts(DECISIONS)
    ailing.fault = kind(ailing)

    _no_decision(asking_ailing.decide(evaluation("read")), code)
    assert asking_ailing.errors() == before | {code: before.get(code, 0) + 1}
    assert asking_ailing.counts(DECISIONS) == decided

    ailing.heal()
    assert asking_ailing.decide(evaluation("read")).json == {"decision": True}


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "has no bundle"])
def test_a_fault_of_a_whole_batch_is_no_decision(asking_ailing: Sidecar, ailing: AilingOpa, name):
    """
    Where no item could be decided, the answer is 503 with the one code, counted once.
    """
    kind, code = FAULTS[name]
    before, decided = asking_ailing.errors(), asking_ailing.counts(DECISIONS)
    ailing.fault = kind(ailing)

    _no_decision(asking_ailing.decide_all(evaluation("read"), evaluation("read")), code)
    assert asking_ailing.errors() == before | {code: before.get(code, 0) + 1}
    assert asking_ailing.counts(DECISIONS) == decided


@pytest.mark.parametrize("name", FAULTS)
def test_an_ailing_opa_is_not_ready(asking_ailing: Sidecar, ailing: AilingOpa, name):
    """
    The process lives, and is not ready, with the fault's sentence for a reason; then ready again.
    """
    kind, code = FAULTS[name]
    ailing.fault, ailing.everywhere = kind(ailing), True

    assert asking_ailing.get("/healthz").status == 200
    told = asking_ailing.get("/readyz")
    assert told.status == 503
    assert told.json["state"] == "not ready"
    assert told.json["reason"] == _sentence(code)
    assert asking_ailing.counts("privacy_ready") == {(): 0}

    ailing.heal()
    assert asking_ailing.get("/readyz").status == 200
    assert asking_ailing.counts("privacy_ready") == {(): 1}


def test_what_opa_says_is_not_told_on(asking_ailing: Sidecar, ailing: AilingOpa):
    """
    OPA's own words quote the input: they get neither into an answer nor into the log.
    """
    ailing.fault = _saying(_internal_error("SECRET"))(ailing)
    answers = [asking_ailing.decide(evaluation("read")), asking_ailing.get("/readyz")]

    assert not any(b"SECRET" in answer.content for answer in answers)
    assert "SECRET" not in asking_ailing.stderr


def test_a_slow_answer_is_an_answer(asking_ailing: Sidecar, ailing: AilingOpa):
    """
    An OPA that takes its time within the limit is waited for.
    """
    pause = threading.Event()

    def slowly(_: bytes) -> bytes:
        pause.wait(0.1)
        return opa_answer(result=True)

    ailing.fault = slowly

    assert asking_ailing.decide(evaluation("read")).json == {"decision": True}


def test_a_late_answer_is_not_the_next_ones(asking_ailing: Sidecar, ailing: AilingOpa):
    """
    What comes after the limit is dropped with its connection: the next question has its own answer.
    """
    over = threading.Event()

    def late(_: bytes) -> bytes:
        over.wait(20)
        return opa_answer(result=False)

    ailing.fault = late
    _no_decision(asking_ailing.decide(evaluation("read")), "engine_timeout")
    ailing.fault = None
    over.set()

    assert [asking_ailing.decide(evaluation("read")).json for _ in range(20)] == [
        {"decision": True}
    ] * 20


@pytest.mark.parametrize("kind", ["port", "socket"])
def test_an_opa_that_was_never_there(kind, socket_path: Path):
    """
    The sidecar starts, says that it is not ready and why, and decides nothing.
    """
    url = f"http://127.0.0.1:{free_port()}" if kind == "port" else f"unix://{socket_path}"
    with alive(SIDECAR_OPA_URL=url) as sidecar:
        told = sidecar.get("/readyz")
        _no_decision(sidecar.decide(evaluation("read")), "engine_unreachable")
        _no_decision(sidecar.decide_all(evaluation("read")), "engine_unreachable")

        assert (told.status, told.json["state"]) == (503, "not ready")
        assert told.json["reason"] == _sentence("engine_unreachable")
        assert sidecar.get("/healthz").status == 200
        assert sidecar.errors() == {"engine_unreachable": 2}
        assert sidecar.counts(DECISIONS) == {}
        assert sidecar.stdout.endswith(f" with no bundle yet ({_sentence('engine_unreachable')})\n")


def test_an_opa_that_comes_late_is_used(socket_path: Path):
    """
    Once OPA is there, decisions are made; nobody has to restart the sidecar.
    """
    with alive(SIDECAR_OPA_URL=f"unix://{socket_path}") as sidecar:
        _no_decision(sidecar.decide(evaluation("read")), "engine_unreachable")
        with OddServer(ScriptedOpa(), socket_path):
            assert sidecar.decide(evaluation("read")).json == {"decision": True}
            assert sidecar.get("/readyz").status == 200


def test_a_killed_opa_comes_back():
    """
    While it is away each question is 503 and counted; then decisions are made by the same sidecar.
    """
    with running(SIDECAR_BUNDLE=FAULTY) as sidecar:
        workers, opa = sidecar.workers(), sidecar.opa()
        assert opa
        os.kill(opa, signal.SIGKILL)
        assert eventually(lambda: not lives(opa))
        answers: list[Answer] = []

        def again() -> bool:
            answers.append(sidecar.decide(evaluation("permit", "mine")))
            return answers[-1].status == 200

        assert eventually(again)
        *away, back = answers
        assert away
        for answer in away:
            _no_decision(answer, "engine_unreachable")
        assert back.json["context"]["asked"] == "mine"
        assert sidecar.errors() == {"engine_unreachable": len(away)}
        assert sidecar.counts(DECISIONS) == {("permit", "permitted", "other", "other"): 1}
        assert sidecar.counts("privacy_engine_restarts_total") == {(): 1}
        assert sidecar.workers() == workers
        assert sidecar.process.poll() is None
        assert eventually(lambda: sidecar.get("/readyz").status == 200)


BUNDLE_FAULTS = [
    (evaluation("count", "not a number"), "evaluation_failed"),
    (evaluation("contradict"), "evaluation_failed"),
    (evaluation("unheard of"), "decision_undefined"),
    (evaluation("answer", value="yes"), "decision_malformed"),
    (evaluation("answer", value={"decision": True, "context": []}), "decision_malformed"),
]


@pytest.mark.parametrize(("asked", "code"), BUNDLE_FAULTS)
def test_a_policy_at_fault_is_no_decision(faulty: Sidecar, asked, code):
    """
    A failing builtin, a conflict, no value and another shape are 503, counted once.
    """
    before, decided = faulty.errors(), faulty.counts(DECISIONS)

    _no_decision(faulty.decide(asked), code)
    assert faulty.errors() == before | {code: before.get(code, 0) + 1}
    assert faulty.counts(DECISIONS) == decided
    assert faulty.get("/readyz").status == 200


@pytest.mark.parametrize(("asked", "code"), BUNDLE_FAULTS)
def test_in_a_batch_only_the_culprit_fails(faulty: Sidecar, asked, code):
    """
    The others get their decisions, and one error is counted beside them.
    """
    before, decided = faulty.errors(), faulty.counts(DECISIONS)
    batch = [evaluation("permit", "one"), asked, evaluation("refuse", "three")]

    answer = faulty.decide_all(*batch)

    assert answer.status == 200
    one, culprit, three = answer.json["evaluations"]
    assert (one["decision"], one["context"]["asked"]) == (True, "one")
    assert culprit == {
        "decision": False,
        "context": {"error": {"code": code, "message": _sentence(code)}},
    }
    assert (three["decision"], three["context"]["asked"]) == (False, "three")
    assert faulty.errors() == before | {code: before.get(code, 0) + 1}
    assert sum(faulty.counts(DECISIONS).values()) == sum(decided.values()) + 2


def test_proxies_and_netrc_have_no_effect(tmp_path: Path):
    """
    OPA is asked directly and without credentials, whatever the environment says.
    """
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password SECRET\n", "utf-8")
    nowhere = f"http://127.0.0.1:{free_port()}"
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    astray = dict.fromkeys(proxies, nowhere) | {
        "HOME": str(tmp_path),
        "NETRC": str(tmp_path / ".netrc"),
        "REQUESTS_CA_BUNDLE": "/nowhere",
    }
    with OddServer(ScriptedOpa()) as opa, running("", **astray, SIDECAR_OPA_URL=opa.url) as sidecar:
        assert sidecar.decide(evaluation("read")).json == {"decision": True}
        assert opa.requests
        assert not any(b"authorization" in request.lower() for request in opa.requests)


def _own_answer(sidecar: Sidecar, number: int) -> Answer:
    """
    Ask alone or in a batch, and see that every answer is that of the question.
    """
    ids = [f"{number}-{i}" for i in range(1 + number % 3)]
    if len(ids) == 1:
        answer = sidecar.decide(evaluation("permit", ids[0]))
        answered = [answer.json]
    else:
        answer = sidecar.decide_all(*(evaluation("permit", id_) for id_ in ids))
        answered = answer.json.get("evaluations", [])
    if answer.status == 200:
        assert [item["context"].get("asked") for item in answered] == ids
    else:
        assert answer.status == 503
    return answer


def test_many_callers_get_their_own_answers():
    """
    More callers than threads, and several workers: each answer is its question's, none is lost.
    """
    config = "server: {workers: 3, threads: 2}\n"
    with running(config, SIDECAR_BUNDLE=FAULTY) as sidecar, ThreadPoolExecutor(16) as callers:
        answers = callers.map(lambda number: _own_answer(sidecar, number), range(300))

        assert [answer.status for answer in answers] == [200] * 300


def test_many_callers_get_their_own_answers_while_opa_dies():
    """
    When OPA is killed under load, each answer is its question's, or an error.
    """
    config = "server: {workers: 2, threads: 4}\n"
    with running(config, SIDECAR_BUNDLE=FAULTY) as sidecar, ThreadPoolExecutor(16) as callers:
        answers = [callers.submit(_own_answer, sidecar, number) for number in range(300)]
        assert eventually(lambda: answers[20].done())
        opa = sidecar.opa()
        assert opa
        os.kill(opa, signal.SIGKILL)

        assert {answer.result().status for answer in answers} <= {200, 503}
        assert eventually(lambda: sidecar.decide(evaluation("permit")).status == 200)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["master", "group"])
def test_a_stop_leaves_nothing(number, send: Callable[[int, int], None]):
    """
    After SIGTERM and Ctrl-C no process and no folder is left, and the exit code is 0.
    """
    with running("server: {workers: 2}\n", SIDECAR_BUNDLE=FAULTY) as sidecar:
        assert eventually(lambda: len(sidecar.workers()) == 2)
        children = sidecar.children()
        assert "opa" in children.values()
        send(sidecar.process.pid, number)

        assert sidecar.process.wait(20) == 0
        assert not any(map(lives, children))
        assert sidecar.left == set()


def test_a_killed_master_leaves_nothing_for_long():
    """
    After SIGKILL, workers and OPA end by themselves; what folders are left, the next start removes.
    """
    with running("server: {workers: 2}\n", SIDECAR_BUNDLE=FAULTY) as sidecar:
        assert eventually(lambda: len(sidecar.workers()) == 2)
        children = sidecar.children()
        sidecar.process.kill()
        sidecar.process.wait()

        assert eventually(lambda: not any(map(lives, children)))
        assert _kinds(sidecar.left) == {"sidecar-opa", "sidecar-metrics", "sidecar-bundle"}
        with running(SIDECAR_BUNDLE=FAULTY, TMPDIR=str(sidecar.temporary)) as successor:
            # Its own, and one of each.
            assert _kinds(sidecar.left) == {"sidecar-opa", "sidecar-metrics", "sidecar-bundle"}
            assert len(sidecar.left) == 3
            assert successor.decide(evaluation("permit")).status == 200
        assert sidecar.left == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_start_can_be_stopped(number):
    """
    A stop while the bundle is built leaves nothing; a kill leaves nothing after the next start.
    """
    with started(SIDECAR_BUNDLE=FAULTY) as sidecar:
        assert eventually(lambda: "sidecar-bundle" in _kinds(sidecar.left))
        sidecar.process.send_signal(number)
        sidecar.process.wait(20)

        if number == signal.SIGKILL:
            assert "sidecar-bundle" in _kinds(sidecar.left)
            with running(SIDECAR_BUNDLE=FAULTY, TMPDIR=str(sidecar.temporary)):
                pass
        assert sidecar.left == set()
        assert "Traceback" not in sidecar.stderr


def _kinds(names: set[str]) -> set[str]:
    return {name.rpartition("-")[0] for name in names}
