"""
The server around the application: starting, stopping, and callers of every kind.
"""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.e2e.serve import COMMAND, ROOT, Answer, Sidecar, free_port, running, started
from tests.fakes import OddServer, ScriptedOpa
from tests.running import BUNDLES, evaluation, eventually

FAULTY = str(BUNDLES / "faulty")
LIMITS = """\
server: {threads: 2, receive_within_s: 1}
limits: {body_bytes: 1024}
"""
HEAD = b"POST /access/v1/evaluation HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = (
    b'{"subject":{"type":"u","id":"1"},"action":{"name":"permit"},"resource":{"type":"t","id":"1"}}'
)


@pytest.fixture(scope="module")
def limited() -> Iterator[Sidecar]:
    """
    A sidecar with few threads, that takes little and waits briefly.
    """
    with running(LIMITS, SIDECAR_BUNDLE=FAULTY) as sidecar:
        yield sidecar


def _connect(sidecar: Sidecar) -> socket.socket:
    host, _, port = sidecar.address.rpartition(":")
    return socket.create_connection((host, int(port)), 20)


def _received(connection: socket.socket) -> bytes:
    """
    Receive until the sidecar closes.
    """
    received = b""
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionResetError:
        # It had more to read when it closed.
        pass
    return received


def _sent(sidecar: Sidecar, *parts: bytes) -> bytes:
    """
    Send what need not be HTTP, and return all that comes back.
    """
    with _connect(sidecar) as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        return _received(connection)


def _chunks(body: bytes, size: int = 100) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    framed = (f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return b"".join(framed) + b"0\r\n\r\n"


def _padded(length: int) -> bytes:
    return BODY.ljust(length)


def _run(**settings: str) -> subprocess.CompletedProcess[str]:
    """
    Start a sidecar that will not do, and wait for its end.
    """
    return subprocess.run(
        COMMAND, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=60
    )


# Starting


def test_one_line_says_where_it_listens():
    """
    The start prints one line, with the address and the bundle's revision, and nothing else.
    """
    with running(SIDECAR_BUNDLE=FAULTY) as sidecar:
        said = f"listening on http://{sidecar.address} with bundle revision faulty-1\n"

        assert sidecar.stdout == said


def test_any_free_port():
    """
    With port 0 the line says which port was taken.
    """
    with started(SIDECAR_LISTEN="127.0.0.1:0", SIDECAR_BUNDLE=FAULTY) as sidecar:
        assert eventually(lambda: "\n" in sidecar.stdout), sidecar.stderr
        found = re.match(r"listening on http://(127\.0\.0\.1:[1-9]\d*) ", sidecar.stdout)
        assert found
        there = Sidecar(sidecar.process, found[1], sidecar.temporary)

        assert there.decide(evaluation("permit")).status == 200


def test_ipv6():
    """
    An IPv6 address is listened on, and printed, in brackets.
    """
    with running(SIDECAR_LISTEN=f"[::1]:{free_port()}", SIDECAR_BUNDLE=FAULTY) as sidecar:
        assert sidecar.stdout.startswith(f"listening on http://{sidecar.address} ")


def test_a_taken_port_stops_the_start():
    """
    One sentence names the setting, the exit code is 2, and neither a folder nor a process is left.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with started(SIDECAR_LISTEN=address, SIDECAR_BUNDLE=FAULTY) as sidecar:
            assert sidecar.process.wait(20) == 2
            assert sidecar.left == set()
            assert sidecar.stdout == ""
            assert sidecar.stderr.startswith(
                "sidecar: SIDECAR_LISTEN must be an address of this machine that is free: "
                "Address already in use"
            )
            assert sidecar.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_another_machine_stops_the_start(host):
    """
    What cannot be listened on is said in one sentence; the exit code is 2.
    """
    with started("listen_beyond_loopback: true\n", SIDECAR_LISTEN=f"{host}:0") as sidecar:
        assert sidecar.process.wait(20) == 2
        warning, wrong = sidecar.stderr.splitlines()
        assert warning.startswith("WARNING: other machines can ask too")
        assert wrong.startswith("sidecar: SIDECAR_LISTEN must be an address of this machine")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"SIDECAR_LISTEN": "8080"}, "SIDECAR_LISTEN must be host:port"),
        ({"SIDECAR_LISTEN": "0.0.0.0:1"}, "SIDECAR_LISTEN must be on the loopback"),
        ({"SIDECAR_PORT": "8080"}, "SIDECAR_PORT is unknown"),
        ({"SIDECAR_BUNDLE": "/nowhere"}, "there is no bundle /nowhere"),
        ({"SIDECAR_OPA_URL": "ftp://opa"}, "SIDECAR_OPA_URL must be http://host:port"),
        ({"SIDECAR_CONFIG": "/nowhere"}, "/nowhere cannot be read: No such file"),
    ],
)
def test_a_wrong_setting_stops_the_start(settings, sentence):
    """
    One sentence says what is wrong, and the exit code is 2.
    """
    done = _run(**{"SIDECAR_LISTEN": "127.0.0.1:0"} | settings)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"sidecar: {sentence}")
    assert done.stderr.count("\n") == 1


def test_without_opa_there_is_no_start(tmp_path: Path):
    """
    With neither OPA nor Go a sentence says what to do, and the exit code is 3.
    """
    nothing = {"PATH": "", "XDG_CACHE_HOME": str(tmp_path), "PIP_NO_INDEX": "1"}
    done = _run(SIDECAR_LISTEN="127.0.0.1:0", **nothing)

    assert (done.returncode, done.stdout) == (3, "")
    said = done.stderr.splitlines()[-1]
    assert said.startswith("sidecar: OPA 1.22.2 or newer is needed: it is not on the PATH")


def test_an_opa_elsewhere_needs_neither_opa_nor_bundle(tmp_path: Path):
    """
    Where OPA runs elsewhere, none is looked for here, and none is started.
    """
    nothing = {"PATH": "", "XDG_CACHE_HOME": str(tmp_path), "SIDECAR_BUNDLE": "/nowhere"}
    with (
        OddServer(ScriptedOpa()) as opa,
        running("", **nothing, SIDECAR_OPA_URL=opa.url) as sidecar,
    ):
        assert sidecar.opa() is None
        assert sidecar.stdout.endswith("with bundle revision r1\n")
        assert sidecar.counts("privacy_engine_restarts_total") == {}


# Stopping


def test_a_stop_finishes_what_is_under_way():
    """
    After SIGTERM nobody new is let in; a request that OPA still thinks about gets its answer.
    """
    go_on = threading.Event()
    script, asked = _thinking(go_on, 20)
    with (
        OddServer(script) as opa,
        running("opa: {answer_timeout_s: 20}\n", SIDECAR_OPA_URL=opa.url) as sidecar,
        ThreadPoolExecutor(1) as caller,
    ):
        answer = caller.submit(sidecar.decide, evaluation("read"))
        assert asked.wait(20)
        sidecar.process.terminate()

        assert eventually(lambda: not _lets_in(sidecar))
        assert not answer.done()
        go_on.set()
        assert answer.result().json == {"decision": True}
        assert sidecar.process.wait(20) == 0
        assert sidecar.left == set()


def _thinking(until: threading.Event, within_s: float) -> tuple[ScriptedOpa, threading.Event]:
    """
    Make an OPA that thinks about a decision until it is told to answer, and a sign that it does.
    """
    script, asked = ScriptedOpa(), threading.Event()

    def thinking(path: str) -> None:
        if path == "a/decision":
            asked.set()
            until.wait(within_s)

    script.before_answering = thinking
    return script, asked


def _lets_in(sidecar: Sidecar) -> bool:
    try:
        _connect(sidecar).close()
    except ConnectionError:
        return False
    return True


def test_a_stop_has_an_end():
    """
    What is not finished within server.stop_within_s is not waited for.
    """
    ended = threading.Event()
    script, asked = _thinking(ended, 60)
    config = "server: {stop_within_s: 1}\nopa: {answer_timeout_s: 60}\n"
    with (
        OddServer(script) as opa,
        running(config, SIDECAR_OPA_URL=opa.url) as sidecar,
        _connect(sidecar) as connection,
    ):
        connection.sendall(HEAD + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
        assert asked.wait(20)
        sidecar.process.terminate()

        assert sidecar.process.wait(15) == 0
        assert sidecar.left == set()
        ended.set()


def test_who_says_nothing_does_not_delay_a_stop():
    """
    Idle connections, used before or not, do not hold up the end for their whole time.
    """
    with running(SIDECAR_BUNDLE=FAULTY) as sidecar, ExitStack() as held:
        held.enter_context(_connect(sidecar))
        used = held.enter_context(closing(sidecar.connected()))
        assert Answer.to(used, "GET", "/healthz").status == 200
        before = time.monotonic()
        sidecar.process.terminate()

        assert sidecar.process.wait(20) == 0
        assert time.monotonic() - before < 9


def test_a_reload_changes_nothing_for_callers():
    """
    After SIGHUP new workers answer on the same port, with the counts of the old ones.
    """
    with running(SIDECAR_BUNDLE=FAULTY) as sidecar:
        before = sidecar.workers()
        assert sidecar.decide(evaluation("permit")).status == 200
        sidecar.process.send_signal(signal.SIGHUP)

        assert eventually(lambda: sidecar.workers() and not sidecar.workers() & before)
        assert sidecar.decide(evaluation("permit")).status == 200
        assert sum(sidecar.counts("privacy_decisions_total").values()) == 2


# Counting


WORKERS = "server: {workers: 4, threads: 2}\n"


def test_counts_of_all_workers_add_up():
    """
    Any worker's /metrics counts every request once, whoever answered; also after a worker's death.
    """
    with (
        # Else the stage in OPA is not every decision's.
        running(f"{WORKERS}memory: {{entries: 0}}\n", SIDECAR_BUNDLE=FAULTY) as sidecar,
        ThreadPoolExecutor(8) as callers,
    ):
        assert eventually(lambda: len(sidecar.workers()) == 4)
        _ask_hundredfold(sidecar, callers)
        _check_counts(sidecar, 1)

        victim = min(sidecar.workers())
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda: len(sidecar.workers() - {victim}) == 4)
        _check_counts(sidecar, 1)

        _ask_hundredfold(sidecar, callers)
        _check_counts(sidecar, 2)


def _ask_hundredfold(sidecar: Sidecar, callers: ThreadPoolExecutor) -> None:
    asked = [evaluation("permit"), evaluation("refuse"), evaluation("nothing"), {}] * 25
    answers = [*callers.map(sidecar.decide, asked)]
    assert [answer.status for answer in answers] == [200, 200, 503, 400] * 25


def _check_counts(sidecar: Sidecar, times: int) -> None:
    decided = {("permit", "permitted"): 25 * times, ("refuse", "denied"): 25 * times}
    stages = {(stage,): 50 * times for stage in ("parse", "opa", "answer", "total")}
    for _ in range(8):
        # Different workers answer.
        assert sidecar.counts("privacy_decisions_total") == {
            (action, outcome, "other", "other"): n for (action, outcome), n in decided.items()
        }
        assert sidecar.errors() == {
            "decision_undefined": 25 * times,
            "missing_attribute": 25 * times,
        }
        assert sidecar.counts("privacy_decision_duration_seconds_count") == stages


# Callers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil@example:99/x"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off", "X-Forwarded-Protocol": "ssl"},
        {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "evil", "X-Forwarded-Prefix": "/x"},
        {"Forwarded": "for=192.0.2.1;host=evil;proto=https", "X-Real-IP": "192.0.2.1"},
        {"SCRIPT_NAME": "/access"},
        {"SCRIPT-NAME": "/access", "PATH_INFO": "/healthz"},
        {"X-Original-URL": "/healthz", "X-Rewrite-URL": "/healthz"},
        {"X-HTTP-Method-Override": "GET"},
        {"Authorization": "Bearer SECRET", "Cookie": "a=SECRET"},
        {"Expect": "100-continue"},
    ],
    ids=lambda headers: "-".join(headers),
)
def test_headers_change_nothing(limited: Sidecar, headers):
    """
    Neither who is asked, nor from where, nor through whom, makes another answer.
    """
    body = {**evaluation("permit"), "context": {"answer": "bare"}}
    plain = limited.post("/access/v1/evaluation", body)
    answer = limited.post("/access/v1/evaluation", body, **headers)
    vary = {"date", "x-decision-id"}

    assert (answer.status, answer.json) == (200, {"decision": True})
    assert {k: v for k, v in answer.headers.items() if k not in vary} == {
        k: v for k, v in plain.headers.items() if k not in vary
    }


def test_script_name_of_the_environment_changes_nothing():
    """
    Variables that gunicorn would heed move neither the paths nor the address.
    """
    astray = {"SCRIPT_NAME": "/x", "PORT": "1", "WEB_CONCURRENCY": "7", "FORWARDED_ALLOW_IPS": "*"}
    with running("", **astray, SIDECAR_BUNDLE=FAULTY) as sidecar:
        assert sidecar.get("/healthz", **{"X-Forwarded-Proto": "https"}).status == 200
        assert len(sidecar.workers()) == 1


def test_a_body_may_be_as_large_as_the_limit(limited: Sidecar):
    """
    At the limit a body is taken, and one byte more is 413, with a length and in chunks alike.
    """
    answers = [
        _sent(limited, head)
        for length in (1024, 1025)
        for head in (
            HEAD
            + f"Content-Length: {length}\r\nConnection: close\r\n\r\n".encode()
            + _padded(length),
            HEAD
            + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            + _chunks(_padded(length)),
        )
    ]

    assert [answer.split(b" ")[1] for answer in answers] == [b"200", b"200", b"413", b"413"]
    assert all(b'"code":"body_too_large"' in answer for answer in answers[2:])


def test_a_body_without_end_is_not_read_to_its_end(limited: Sidecar):
    """
    What goes over the limit is answered while it is still being sent.
    """
    with _connect(limited) as connection:
        connection.sendall(CHUNKED)
        for _ in range(20):
            connection.sendall(b"64\r\n" + b" " * 100 + b"\r\n")

        assert b"413" in connection.recv(65536).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "broken",
    [
        CHUNKED + b"5\r\n{",
        CHUNKED + b"SECRET\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n",
        CHUNKED + f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n",
        HEAD + b"Content-Length: 500\r\n\r\n" + BODY[:20],
    ],
)
def test_a_body_that_breaks_off_is_the_callers_fault(limited: Sidecar, broken):
    """
    A body that ends too early, or is framed wrongly, is 400, and no fault of the sidecar's.
    """
    before = limited.errors()
    answer = _sent(limited, broken)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"malformed_json"' in answer
    counted = before | {"malformed_json": before.get("malformed_json", 0) + 1}
    assert limited.errors() == counted
    assert "SECRET" not in limited.stderr


@pytest.mark.parametrize(
    "garbage",
    [
        b"SECRET\r\n\r\n",
        b"GET /SECRET HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nBearer SECRET\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nSECRET : x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nX: \0SECRET\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nExpect: SECRET\r\n\r\n",
        HEAD + b"Transfer-Encoding: SECRET\r\n\r\n",
        HEAD + b"Content-Length: SECRET\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /" + b"SECRET" * 2000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nX: " + b"SECRET" * 2000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"SECRET: x\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01\x02\x00SECRET\r\n\r\n",
    ],
    ids=lambda garbage: garbage[:70].decode("latin-1").encode("unicode_escape").decode(),
)
def test_what_is_not_http_is_400(limited: Sidecar, garbage):
    """
    It is answered with an error like any other, which quotes nothing; neither does the log.
    """
    answer = _sent(limited, garbage)
    head, _, body = answer.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"application/json" in head
    assert body == (
        b'{"error":{"code":"bad_request","message":"The request is not an AuthZEN request."}}'
    )
    assert "SECRET" not in limited.stderr


def _drip(connections: Sequence[socket.socket]) -> None:
    for connection in connections:
        try:
            connection.sendall(b"X-A: b\r\n")
        except OSError:
            # Closed by the sidecar, as it should be.
            continue


@pytest.mark.parametrize("beginning", [b"GET /healthz HTTP/1.1\r\n", CHUNKED + b"5\r\n"])
def test_slow_callers_are_cut_off(limited: Sidecar, beginning):
    """
    Who takes longer than server.receive_within_s to send a request, drop by drop, makes room.
    """
    with ExitStack() as held:
        slow = [held.enter_context(_connect(limited)) for _ in range(6)]
        for connection in slow:
            connection.sendall(beginning)
        stop = threading.Event()
        dripping = threading.Thread(target=lambda: _keep_on(stop, slow))
        dripping.start()
        try:
            assert limited.get("/healthz").status == 200
            ends = [_received(connection) for connection in slow]
        finally:
            stop.set()
            dripping.join()

    assert all(end == b"" or end.startswith(b"HTTP/1.1 400 ") for end in ends)


def _keep_on(stop: threading.Event, connections: Sequence[socket.socket]) -> None:
    while not stop.wait(0.2):
        _drip(connections)


def test_who_says_nothing_holds_no_thread(limited: Sidecar):
    """
    Connections on which nothing was sent yet, more than there are threads, keep nobody waiting.
    """
    with ExitStack() as held:
        for _ in range(10):
            held.enter_context(_connect(limited))
        before = time.monotonic()

        assert limited.get("/healthz").status == 200
        assert time.monotonic() - before < 3


def test_who_never_says_anything_is_let_go(limited: Sidecar):
    """
    A connection on which nothing comes within server.receive_within_s is closed.
    """
    with _connect(limited) as connection:
        assert _received(connection) == b""


def test_who_does_not_hang_up_keeps_nobody_waiting(limited: Sidecar):
    """
    A caller that got its last answer, and does not close, is not waited for before the next one.
    """
    with _connect(limited) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert connection.recv(65536)
        before = time.monotonic()

        assert limited.get("/healthz").status == 200
        assert time.monotonic() - before < 1


def test_a_connection_is_kept():
    """
    Many requests go over one connection, errors too; idle for server.keepalive_s, it is closed.
    """
    with (
        running("server: {keepalive_s: 1}\n", SIDECAR_BUNDLE=FAULTY) as sidecar,
        closing(sidecar.connected()) as connection,
    ):
        for path, status in [("/healthz", 200), ("/nothing", 404), ("/readyz", 200)] * 3:
            assert Answer.to(connection, "GET", path).status == status
            assert connection.sock
        assert connection.sock.recv(1) == b""


def test_requests_in_a_row_are_answered_in_a_row(limited: Sidecar):
    """
    Requests sent at once on one connection are all answered, in order.
    """
    request = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    last = b"GET /nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    answers = _sent(limited, request * 5 + last)

    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200"] * 5 + [b"404"]


def test_the_answer_of_one_is_not_the_next_ones():
    """
    A caller that hangs up while OPA thinks takes nothing away, and leaves nothing behind.
    """
    script, asked, go_on = ScriptedOpa(), threading.Event(), threading.Event()

    def thinking(_: str) -> None:
        asked.set()
        go_on.wait(20)

    with (
        OddServer(script) as opa,
        running("server: {threads: 1}\n", SIDECAR_OPA_URL=opa.url) as sidecar,
    ):
        script.before_answering = thinking
        with _connect(sidecar) as connection:
            connection.sendall(HEAD + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
            assert asked.wait(20)
        script.before_answering = lambda path: None
        script.results["a/decision"] = False
        go_on.set()

        assert sidecar.decide(evaluation("read")).json == {"decision": False}
