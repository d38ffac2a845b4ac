"""
sidecar.engine.client: the one door, its errors, and what OPA's answers are taken for.
"""

import inspect
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import opa_client.errors
import pytest
import requests.exceptions
import urllib3.exceptions
from opa_client import OpaClient

from sidecar import errors
from sidecar.bundle.build import BuiltBundle
from sidecar.engine.client import Answer, Opa, translated_errors
from sidecar.engine.decision import ABSENT
from sidecar.engine.endpoint import Endpoint
from sidecar.errors import EngineError
from tests.fakes import PROVENANCE, HangingServer, OddServer, http_answer
from tests.running import opa_running

ROOT = Path(__file__).parents[3]
ASKED = ("faulty", "decision", "decision")


def test_it_is_the_one_door():
    """
    One module of the sidecar imports the client's package, and one alone imports that.
    """
    assert _importing("opa_client") == ["sidecar/engine/library.py"]
    assert _importing("sidecar.engine.library") == ["sidecar/engine/client.py"]
    assert issubclass(Opa, OpaClient)


def _importing(module: str) -> list[str]:
    imports = re.compile(rf"^\s*(from|import) {re.escape(module)}\b", re.MULTILINE)
    return [
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "sidecar").rglob("*.py")
        if imports.search(file.read_text("utf-8"))
    ]


def test_its_other_half_is_left_to_those_who_want_it():
    """
    The package's asynchronous client is not loaded, and can be all the same.
    """
    code = (
        "import sys, sidecar.engine.client; print('aiohttp' in sys.modules); "
        "from opa_client.opa_async import AsyncOpaClient; print(AsyncOpaClient.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)

    assert done.stdout == b"False\nAsyncOpaClient\n"


def _errors_of(module: ModuleType) -> Iterator[type[BaseException]]:
    for _, found in inspect.getmembers(module, inspect.isclass):
        if issubclass(found, Exception) and found.__module__ == module.__name__:
            yield found


THEIRS = [
    *_errors_of(opa_client.errors),
    *_errors_of(requests.exceptions),
    *_errors_of(urllib3.exceptions),
    TimeoutError,
    ConnectionResetError,
    BrokenPipeError,
    FileNotFoundError,
]


@pytest.mark.parametrize("their", THEIRS, ids=lambda their: f"{their.__module__}.{their.__name__}")
def test_no_error_of_theirs_escapes(their: type[BaseException]):
    """
    Whatever the client, requests or urllib3 can raise, it leaves the door as ours.
    """
    try:
        raised = their("a message")
    except TypeError:
        # It wants more than a message, which the door does not look at.
        raised = their.__new__(their)

    with pytest.raises(EngineError) as ours, translated_errors():
        raise raised

    assert ours.value.__cause__ is raised
    assert "a message" not in ours.value.message


@pytest.mark.parametrize(
    ("their", "our"),
    [
        (requests.exceptions.ConnectTimeout(), errors.EngineTimeout),
        (requests.exceptions.ReadTimeout(), errors.EngineTimeout),
        (requests.exceptions.ConnectionError(), errors.EngineUnreachable),
        (requests.exceptions.ChunkedEncodingError(), errors.EngineNonsense),
        (urllib3.exceptions.ProtocolError("", TimeoutError()), errors.EngineTimeout),
        (urllib3.exceptions.ProtocolError("", ConnectionResetError()), errors.EngineUnreachable),
        (urllib3.exceptions.ProtocolError("Response ended early"), errors.EngineNonsense),
        (opa_client.errors.ConnectionsError("", ""), errors.EngineUnreachable),
        (opa_client.errors.PolicyNotFoundError("", ""), errors.EngineFailed),
    ],
    ids=repr,
)
def test_the_more_useful_word_is_chosen(their: Exception, our: type[EngineError]):
    """
    What is too slow is called that, also where it is a connection's error as well.
    """
    with pytest.raises(our), translated_errors():
        raise their


def test_what_is_not_theirs_is_left_alone():
    """
    A fault of our own does not pass for OPA's.
    """
    with pytest.raises(KeyError), translated_errors():
        raise KeyError("ours")


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "ad_hoc_query": ("true",),
    "bulk_query_rule": ([{}], "a"),
    "compile_query": ("true",),
    "delete_data": ("a",),
    "delete_policy": ("a",),
    "get_policy": ("a",),
    "patch_data": ("a", []),
    "policy_to_file": ("a",),
    "query_rule": ({}, "a"),
    "update_or_create_data": ({}, "a"),
    "update_policy_from_file": (__file__, "a"),
    "update_policy_from_string": ("package a", "a"),
    "update_policy_from_url": ("http://127.0.0.1:1/", "a"),
    "wait_for_ready": (0,),
}
METHODS = [
    name
    for name, _ in inspect.getmembers(Opa, inspect.isfunction)
    if name[0] != "_" and name not in ("ask", "check_health", "close_connection")
]


@pytest.mark.parametrize("name", METHODS)
def test_whatever_is_called_raises_our_errors(name: str, free_port: int):
    """
    Inherited methods too, where nobody listens.
    """
    opa = Opa(Endpoint(f"http://127.0.0.1:{free_port}"))

    with pytest.raises(errors.EngineUnreachable):
        getattr(opa, name)(*ARGUMENTS.get(name, ()))


def test_inherited_methods_work(opa_binary: Path, free_port: int, tmp_path: Path):
    """
    The transport is all that the client needs: reading, writing, and OPA's redirections.
    """
    endpoint = Endpoint(f"http://127.0.0.1:{free_port}")
    with opa_running(opa_binary, endpoint, log=tmp_path / "log"):
        opa = Opa(endpoint)

        assert opa.check_connection() and opa.wait_for_ready() and opa.check_health()
        assert opa.update_policy_from_string("package a\n\nb := 1\n", "a")
        assert opa.get_policies_list() == ["a"]
        assert opa.get_data("a/b")["result"] == 1
        assert opa.update_or_create_data({"d": 1}, "c")
        assert opa.patch_data("c", [{"op": "replace", "path": "/d", "value": 2}])
        assert opa.bulk_query_rule([{}, {}], "a", "b") == [1, 1]
        assert opa.get_data("c")["result"] == {"d": 2}
        assert opa.delete_data("c") and opa.delete_policy("a")
        assert "go_info" in opa.get_metrics()
        with pytest.raises(errors.EngineFailed):
            opa.get_policy("a")
        with pytest.raises(errors.EngineFailed):
            opa.get_status()
        opa.close_connection()

        with pytest.raises(errors.EngineUnreachable):
            opa.get_config()


def test_health_is_a_word(free_port: int):
    """
    Whatever goes wrong is "not well": nobody there, nonsense, no answer.
    """
    nobody = Opa(Endpoint(f"http://127.0.0.1:{free_port}"))
    assert nobody.check_health() is False

    with OddServer(lambda _: b"nonsense\r\n\r\n") as server:
        opa = Opa(Endpoint(server.url))
        assert opa.check_health({"bundles": "true"}) is False
        opa.close_connection()
    with HangingServer() as server:
        opa = Opa(Endpoint(server.url, read_timeout_s=0.05))
        assert opa.check_health() is False
        opa.close_connection()


@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        (http_answer("<html>", kind="text/html"), errors.EngineNonsense),
        (http_answer("true"), errors.EngineNonsense),
        (http_answer("[]"), errors.EngineNonsense),
        (http_answer(""), errors.EngineNonsense),
        (http_answer('{"result": true'), errors.EngineNonsense),
        (http_answer(b'{"result": "\xff"}'), errors.EngineNonsense),
        (http_answer("{}"), errors.EngineNonsense),
        (http_answer('{"result": true}'), errors.EngineNonsense),
        (http_answer('{"result": true, "provenance": {}}'), errors.EngineNonsense),
        (http_answer("", "204 No Content"), errors.EngineNonsense),
        (http_answer("{}", "201 Created"), errors.EngineNonsense),
        (http_answer("", "302 Found", extra="Location: /\r\n"), errors.EngineNonsense),
        (http_answer("<html>", "502 Bad Gateway"), errors.EngineFailed),
        (http_answer("[]", "500 Internal Server Error"), errors.EngineFailed),
        (http_answer("{}", "400 Bad Request"), errors.EngineFailed),
        (http_answer('{"errors": []}', "500 Internal Server Error"), errors.EngineFailed),
        (http_answer('{"errors": [1]}', "500 Internal Server Error"), errors.EngineFailed),
        (
            http_answer('{"errors": [{"code": "rego_type_error"}]}', "500 Oh"),
            errors.EngineFailed,
        ),
        (
            http_answer('{"errors": [{"code": "eval_builtin_error"}]}', "500 Oh"),
            errors.EvaluationFailed,
        ),
        (http_answer("zip", extra="Content-Encoding: gzip\r\n"), errors.EngineNonsense),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", errors.EngineNonsense),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", errors.EngineNonsense),
        (b"\x00\x01\x02\r\n\r\n", errors.EngineNonsense),
        (None, errors.EngineUnreachable),
    ],
)
def test_nonsense_is_no_decision(answer: bytes | None, ours: type[EngineError] | None):
    """
    Whatever else than OPA answers, or whatever else than an answer OPA gives, is an error.
    """
    with OddServer(lambda _: answer) as server:
        opa = Opa(Endpoint(server.url))
        with pytest.raises(ours or errors.EngineNonsense):
            opa.ask(ASKED, {})
        opa.close_connection()


def test_a_status_without_its_response():
    """
    An error of requests' that has no response is nonsense too.
    """
    with pytest.raises(errors.EngineNonsense), translated_errors():
        raise requests.exceptions.HTTPError("no response")


@pytest.mark.parametrize(
    ("provenance", "revisions"),
    [
        ({}, {}),
        ({"bundles": {}}, {}),
        ({"bundles": {"a": {"revision": "1"}, "b": {"revision": ""}}}, {"a": "1", "b": ""}),
    ],
)
def test_an_answer_says_which_bundles_are_active(
    provenance: dict[str, Any], revisions: dict[str, str]
):
    """
    There may be none, and a bundle may have no revision.
    """
    answer = Answer.from_body({"provenance": PROVENANCE | provenance, "result": None})

    assert answer == Answer(None, revisions)


@pytest.mark.parametrize(
    "bundles", [None, [], "x", {"a": None}, {"a": {}}, {"a": {"revision": 1}}, {"a": "revision"}]
)
def test_odd_bundles_are_nonsense(bundles: object):
    """
    OPA says of each bundle which revision it has, as text.
    """
    with pytest.raises(errors.EngineNonsense):
        Answer.from_body({"provenance": PROVENANCE | {"bundles": bundles}})


def test_undefined_is_told_from_null():
    """
    A rule without a value gives no result; null is one.
    """
    assert Answer.from_body({"provenance": PROVENANCE}).result is ABSENT
    assert Answer.from_body({"provenance": PROVENANCE, "result": None}).result is None


def test_a_failing_builtin_is_an_error(
    built: Callable[[str], BuiltBundle], opa_binary: Path, free_port: int, tmp_path: Path
):
    """
    OPA is asked with strict builtin errors: nothing fails open.
    """
    endpoint = Endpoint(f"http://127.0.0.1:{free_port}")
    bundle = ("--bundle", built("faulty").path)
    with opa_running(opa_binary, endpoint, *bundle, log=tmp_path / "log"):
        opa = Opa(endpoint)
        with pytest.raises(errors.EvaluationFailed) as failed:
            opa.ask(ASKED, {"action": {"name": "count"}, "subject": {"id": "secret"}})
        opa.close_connection()

    assert "secret" not in str(failed.value)


def test_larger_questions_may_take_longer():
    """
    A batch's time grows with its items, on the connections that are there.
    """
    with HangingServer() as server:
        opa = Opa(Endpoint(server.url, read_timeout_s=0.01, item_timeout_s=0.01))
        start = time.monotonic()
        with pytest.raises(errors.EngineTimeout):
            opa.ask(ASKED, {}, items=31)
        waited = time.monotonic() - start
        opa.close_connection()

    assert 0.3 <= waited < 5
