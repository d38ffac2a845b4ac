"""
sidecar.engine.transport: what it does with connections. Its errors are the client's to translate.
"""

import gc
import logging
import socket
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    EmptyPoolError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from sidecar.bundle.build import BuiltBundle
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.pool import Pool
from sidecar.engine.transport import Response, Session
from sidecar.errors import EngineUnreachable
from tests.fakes import HangingServer, OddServer, asked, http_answer
from tests.running import TLS, eventually, opa_running


def _echo(request: bytes) -> bytes:
    return http_answer(request.partition(b"\r\n\r\n")[2])


def test_connections_are_kept():
    """
    Many requests in a row take one connection.
    """
    with OddServer(_echo) as server:
        session = Session(Endpoint(server.url))
        for n in range(20):
            assert session.post(f"{server.url}/v1", json={"n": n}).json() == {"n": n}
        session.close()

    assert (server.connections, len(server.requests)) == (1, 20)


def test_more_threads_than_connections(caplog: pytest.LogCaptureFixture):
    """
    Threads wait for one another: no answer is another's, and no connection is opened in excess or
    thrown away.
    """
    caplog.set_level(logging.WARNING)
    with OddServer(_echo) as server, ThreadPoolExecutor(16) as threads:
        session = Session(Endpoint(server.url, connections=3, wait_s=20))

        def ask(n: int) -> object:
            return session.post(f"{server.url}/v1", json=n).json()

        answers = list(threads.map(ask, range(1600)))
        session.close()

    assert answers == list(range(1600))
    assert server.connections <= 3
    assert not caplog.records


def test_busy_is_said_after_a_bounded_wait():
    """
    Who finds no connection free waits as long as was said, not less, and then no longer.
    """
    with HangingServer() as server, ThreadPoolExecutor(1) as threads:
        session = Session(Endpoint(server.url, connections=1, wait_s=0.2, read_timeout_s=10))
        first = threads.submit(session.post, f"{server.url}/v1", json=1)
        assert eventually(lambda: server.requests)

        start = time.monotonic()
        with pytest.raises(EmptyPoolError):
            session.post(f"{server.url}/v1", json=2)
        waited = time.monotonic() - start
        server.__exit__()

        assert 0.2 <= waited < 2
        assert isinstance(first.exception(), HTTPError)
        session.close()


def test_a_freed_connection_is_taken():
    """
    Who waits gets the connection as soon as the other is done, and is not told that it is busy.
    """
    go_on = threading.Event()

    def answering(request: bytes) -> bytes:
        go_on.wait(20)
        return _echo(request)

    with OddServer(answering) as server, ThreadPoolExecutor(2) as threads:
        session = Session(Endpoint(server.url, connections=1, wait_s=20, read_timeout_s=20))
        asking = [threads.submit(session.post, f"{server.url}/v1", json=n) for n in range(2)]
        assert eventually(lambda: server.requests)
        go_on.set()

        assert [answer.result().json() for answer in asking] == [0, 1]
        session.close()


def _dropping(*answered: int) -> Callable[[bytes], bytes | None]:
    """
    Close the connection on every request that is not one of those to answer, counted from 0.
    """
    count = iter(range(1000))
    return lambda request: _echo(request) if next(count) in answered else None


@pytest.mark.parametrize("over_unix", [False, True])
def test_a_dropped_connection_is_tried_once_more(over_unix: bool, socket_path: Path):
    """
    OPA may close a kept connection just when it is used again: then the question is asked again.
    """
    with OddServer(_dropping(0, 2), socket_path if over_unix else None) as server:
        session = Session(Endpoint(server.url))
        url = f"{session._root}/v1"
        answers = [session.post(url, json=n).json() for n in range(2)]
        session.close()

    assert answers == [0, 1]
    assert (server.connections, len(server.requests)) == (2, 3)


def test_it_is_tried_no_more_than_once():
    """
    Where the second connection breaks too, that is said.
    """
    with OddServer(_dropping(0)) as server:
        session = Session(Endpoint(server.url))
        session.post(f"{server.url}/v1", json=0)
        with pytest.raises(ProtocolError):
            session.post(f"{server.url}/v1", json=1)
        session.close()

    assert len(server.requests) == 3


def test_a_fresh_connection_that_breaks_is_not_tried_again():
    """
    Where nothing was kept, there is nothing to try again for.
    """
    with OddServer(_dropping()) as server:
        session = Session(Endpoint(server.url))
        with pytest.raises(ProtocolError):
            session.post(f"{server.url}/v1", json=0)
        session.close()

    assert len(server.requests) == 1


def test_what_changes_something_is_not_tried_again():
    """
    A change may have been made before the connection broke.
    """
    with OddServer(_dropping(0)) as server:
        session = Session(Endpoint(server.url))
        session.patch(f"{server.url}/v1", json=0)
        with pytest.raises(ProtocolError):
            session.patch(f"{server.url}/v1", json=1)
        session.close()

    assert len(server.requests) == 2


def test_a_timeout_is_not_tried_again():
    """
    Who did not answer in time is not asked once more, on a kept connection either.
    """
    answered: list[bytes] = []

    def answering(request: bytes) -> bytes | None:
        answered.append(request)
        return _echo(request) if len(answered) == 1 else server.hang(request)

    with OddServer(answering) as server:
        session = Session(Endpoint(server.url, read_timeout_s=0.1))
        session.post(f"{server.url}/v1", json=0)
        with pytest.raises(ReadTimeoutError):
            session.post(f"{server.url}/v1", json=1)
        session.close()

    assert len(server.requests) == 2


def _redirecting(request: bytes) -> bytes:
    path, _ = asked(request)
    if path == "/v1/policies/":
        return http_answer("", "301 Moved Permanently", extra="Location: /v1/policies\r\n")
    return http_answer("{}")


def test_get_follows_redirections():
    """
    OPA redirects some of its own addresses.
    """
    with OddServer(_redirecting) as server:
        session = Session(Endpoint(server.url))
        answer = session.get(f"{server.url}/v1/policies/")
        session.close()

    assert (answer.status_code, answer.json()) == (200, {})


def test_get_does_not_follow_for_ever_or_elsewhere():
    """
    A redirection to itself, and one to another host, are errors.
    """
    for location in ("/v1/loop", "http://elsewhere.invalid/"):
        moved = http_answer("", "302 Found", extra=f"Location: {location}\r\n")
        with OddServer(lambda _, moved=moved: moved) as server:  # type: ignore[misc]
            session = Session(Endpoint(server.url))
            with pytest.raises(HTTPError):
                session.get(f"{server.url}/v1/loop")
            session.close()

        assert len(server.requests) <= 4


def test_post_does_not_follow():
    """
    What is asked never gets anywhere else: the redirection itself is the answer, and an error.
    """
    with OddServer(_redirecting) as server:
        session = Session(Endpoint(server.url))
        answer = session.post(f"{server.url}/v1/policies/", json={"secret": 1})
        session.close()

    assert len(server.requests) == 1
    with pytest.raises(requests.exceptions.HTTPError):
        answer.raise_for_status()


def test_nobody_but_opa_is_asked():
    """
    The client takes addresses from its caller in places: only OPA's own are asked.
    """
    session = Session(Endpoint("http://127.0.0.1:1"))

    for url in ("http://elsewhere.invalid/health", "http://127.0.0.1:11/health"):
        with pytest.raises(requests.exceptions.InvalidURL):
            session.get(url)


def test_nothing_else_gets_into_a_request():
    """
    Neither an address nor a header of a trace can hold another request.
    """
    with OddServer(_echo) as server:
        session = Session(Endpoint(server.url))
        session.get(f"{server.url}/v1/a b\r\nX: y\r\n\r\n", headers={})
        for odd in ("a\r\nX: y", "a\nb", "é"):
            with pytest.raises(requests.exceptions.InvalidHeader):
                session.get(f"{server.url}/v1", headers={"traceparent": odd})
        session.close()

    assert [asked(request)[0] for request in server.requests] == [
        "/v1/a%20b%0D%0AX:%20y%0D%0A%0D%0A"
    ]


@pytest.mark.parametrize(
    ("status", "well"), [(200, True), (204, True), (201, False), (302, False), (500, False)]
)
def test_only_what_opa_answers_with_is_well(status: int, well: bool):
    """
    OPA knows two statuses for an answer.
    """
    response = Response(status, b"")

    if well:
        response.raise_for_status()
    else:
        with pytest.raises(requests.exceptions.HTTPError) as raised:
            response.raise_for_status()
        assert raised.value.response is response


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_said(body: bytes):
    """
    A body that is no JSON raises one error, whatever is wrong with it, and can still be read.
    """
    response = Response(200, body)

    with pytest.raises(requests.exceptions.InvalidJSONError):
        response.json()
    assert isinstance(response.text, str)


def test_numbers_pass_as_they_are():
    """
    Large numbers and odd letters reach OPA as the caller wrote them.
    """
    odd = {"large": 10**30, "small": -(10**30), "exact": 0.1, "letters": "é\u2028\U0001f600"}
    with OddServer(_echo) as server:
        session = Session(Endpoint(server.url))
        answer = session.post(f"{server.url}/v1", json=odd).json()
        session.close()

    assert answer == odd


def test_a_socket_that_takes_nobody_in(socket_path: Path):
    """
    A listener whose queue is full is too slow, and one that is gone is not there.
    """
    session = Session(Endpoint(f"unix://{socket_path}", connect_timeout_s=0.1))
    with pytest.raises(NewConnectionError):
        session.get("http://localhost:80/health")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(str(socket_path))
        listener.listen(0)
        waiting.connect(str(socket_path))
        with pytest.raises(ConnectTimeoutError) as slow:
            session.get("http://localhost:80/health")

    assert not isinstance(slow.value, NewConnectionError)


def test_the_environment_has_no_say(
    built: Callable[[str], BuiltBundle],
    opa_binary: Path,
    free_port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """
    Proxies, .netrc and CA bundles in the environment change nothing, over TCP or TLS.
    """
    (tmp_path / ".netrc").write_text("machine localhost login a password b\n", "utf-8")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "nothing.pem"))

    with OddServer(_echo) as server:
        session = Session(Endpoint(server.url.replace("127.0.0.1", "localhost")))
        assert session.post(f"{session._root}/v1", json=1).json() == 1
        session.close()

    assert b"authorization" not in server.requests[0].lower()

    endpoint = _tls(free_port, cert=TLS / "client.pem", key=TLS / "client.key")
    arguments = _serving_tls(built("faulty"))
    with opa_running(opa_binary, endpoint, *arguments, log=tmp_path / "log"):
        opa = Opa(endpoint)
        assert opa.ask(["faulty", "agreement", "switches"], {}).result == {"strict": True}
        opa.close_connection()


def _tls(port: int, **how: Path) -> Endpoint:
    return Endpoint(f"https://localhost:{port}", ca=TLS / "ca.pem", **how)  # type: ignore[arg-type]


def _serving_tls(bundle: BuiltBundle) -> list[str | Path]:
    return [
        *("--tls-cert-file", TLS / "server.pem", "--tls-private-key-file", TLS / "server.key"),
        *("--tls-ca-cert-file", TLS / "ca.pem", "--authentication", "tls"),
        *("--bundle", bundle.path),
    ]


def test_tls_trusts_whom_it_was_told(
    built: Callable[[str], BuiltBundle], opa_binary: Path, free_port: int, tmp_path: Path
):
    """
    Without our authority, or without our certificate where OPA asks for one, nothing is answered.
    """
    endpoint = _tls(free_port, cert=TLS / "client.pem", key=TLS / "client.key")
    arguments = _serving_tls(built("faulty"))
    with opa_running(opa_binary, endpoint, *arguments, log=tmp_path / "log"):
        for refused in (Endpoint(endpoint.url), _tls(free_port)):
            opa = Opa(refused)
            with pytest.raises(EngineUnreachable):
                opa.ask(["faulty"], {})
            opa.close_connection()


def test_connections_are_kept_over_tls(
    built: Callable[[str], BuiltBundle], opa_binary: Path, free_port: int, tmp_path: Path
):
    """
    What TLS itself sends between two answers is not taken for something that nobody asked for.
    """
    endpoint = _tls(free_port, cert=TLS / "client.pem", key=TLS / "client.key")
    arguments = _serving_tls(built("faulty"))
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with opa_running(opa_binary, endpoint, *arguments, log=tmp_path / "log"):
        pool = Pool(endpoint)
        for _ in range(3):
            connection = pool.take()
            assert connection.ask(request, endpoint.timeout()).status == 200
            pool.put(connection)
            assert connection.is_connected
        pool.close()


def test_hooks_do_not_keep_sessions():
    """
    A session that nobody uses any more is gone, though children were to renew it.
    """
    session = Session(Endpoint("http://127.0.0.1:1"))
    gone = weakref.ref(session)
    del session
    gc.collect()

    assert gone() is None


def test_a_closed_session_stays_closed():
    """
    Renewing opens nothing that was closed.
    """
    session = Session(Endpoint("http://127.0.0.1:1"))
    session.close()
    session.renew()

    with pytest.raises(HTTPError):
        session.get("http://127.0.0.1:1/health")
