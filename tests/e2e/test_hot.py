"""
The way on which the server's loop answers by itself: what comes in pieces, in rows, or never.
"""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.e2e.serve import Sidecar, running
from tests.running import BUNDLES, evaluation, eventually

SETTINGS = """\
server: {threads: 2, keepalive_s: 1}
limits: {evaluations: 2000}
"""
ASKED = evaluation("permit", "alice")
ONE = json.dumps(ASKED).encode()


@pytest.fixture(scope="module")
def sidecar() -> Iterator[Sidecar]:
    """
    A sidecar that remembers, with two threads, and little patience for who is idle.
    """
    with running(SETTINGS, SIDECAR_BUNDLE=str(BUNDLES / "faulty")) as found:
        # Each answer counts as one from memory, or the tests would be about another way.
        assert eventually(lambda: found.decide(ASKED).status == 200 and _hits(found))
        yield found


def _hits(sidecar: Sidecar) -> float:
    return sidecar.counts("privacy_decision_cache_total").get(("hit",), 0)


def connected(sidecar: Sidecar) -> socket.socket:
    """
    Connect, to be closed by the caller.
    """
    host, _, port = sidecar.address.rpartition(":")
    return socket.create_connection((host, int(port)), 20)


def asking(content: bytes, path: str = "evaluation", name: str = "r-1") -> bytes:
    """
    Write a request.
    """
    return (
        f"POST /access/v1/{path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        f"X-Request-ID: {name}\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content


class Answers:
    """
    Reads answers from a connection.

    Args:
        connection: Where they come from.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")

    def __next__(self) -> tuple[int, dict[str, str], bytes]:
        """
        Read one: its status, its headers, and its body.
        """
        status = int(self._file.readline().split()[1])
        lines = iter(self._file.readline, b"\r\n")
        headers = dict(line.decode("latin-1").rstrip("\r\n").split(": ", 1) for line in lines)
        return status, headers, self._file.read(int(headers["Content-Length"]))


def test_a_request_in_pieces(sidecar: Sidecar):
    """
    Wherever a request is cut, it is answered as if it had come whole, and so is the next one.
    """
    request = asking(ONE)
    with connected(sidecar) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = Answers(connection)
        for at in range(1, len(request), 13):
            connection.sendall(request[:at])
            # Something else is answered between the two: the first piece was received.
            assert sidecar.get("/healthz").status == 200
            connection.sendall(request[at:])
            assert next(answers)[0] == 200
            connection.sendall(request)
            assert next(answers)[0] == 200


def test_requests_in_a_row(sidecar: Sidecar):
    """
    What comes at once is answered one after the other, each by its own name.
    """
    names = [f"r-{number}" for number in range(20)]
    with connected(sidecar) as connection:
        connection.sendall(b"".join(asking(ONE, name=name) for name in names))
        answers = Answers(connection)
        found = [next(answers) for _ in names]

    assert [status for status, _, _ in found] == [200] * len(names)
    assert [headers["X-Request-ID"] for _, headers, _ in found] == names


def test_a_name_that_is_out_of_the_ordinary(sidecar: Sidecar):
    """
    A request is given its name back whatever it is, and no other one's.
    """
    with connected(sidecar) as connection:
        answers = Answers(connection)
        for name in (
            "plain-1",
            'a "quoted", one',
            "plain-2",
            "ü".encode().decode("latin-1"),
            "b c",
        ):
            connection.sendall(
                asking(ONE, name="N").replace(b"N\r\n", f"{name}\r\n".encode("latin-1"), 1)
            )
            assert next(answers)[1]["X-Request-ID"] == name


def test_a_caller_who_does_not_read(sidecar: Sidecar):
    """
    Answers that are larger than what fits between two sockets are sent as a whole, once somebody
    reads them; others are answered meanwhile.
    """
    many = json.dumps({"evaluations": [ASKED] * 2000}).encode()
    with socket.socket() as slow, connected(sidecar) as other:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = sidecar.address.rpartition(":")
        slow.connect((host, int(port)))
        slow.settimeout(20)
        answers, others = Answers(slow), Answers(other)
        for number in range(3):
            slow.sendall(asking(many, "evaluations", f"r-{number}"))
            other.sendall(asking(ONE))
            assert next(others)[0] == 200
            status, headers, content = next(answers)
            assert (status, headers["X-Request-ID"]) == (200, f"r-{number}")
            assert len(json.loads(content)["evaluations"]) == 2000


def test_who_goes_without_a_word(sidecar: Sidecar):
    """
    Callers who hang up before, amid and after a request hold up nobody.
    """
    request = asking(ONE)
    for sent in (b"", request[:40], request[:-1], request):
        with connected(sidecar) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(sent)

    assert sidecar.decide(ASKED).status == 200
    assert len(sidecar.workers()) == 1


def test_who_is_idle_is_let_go_and_who_asks_is_not(sidecar: Sidecar):
    """
    A connection stays as long as it is used, beside one that is not, and closes like that one.
    """
    with connected(sidecar) as idle, connected(sidecar) as busy:
        for connection in (idle, busy):
            connection.sendall(asking(ONE))
        Answers(idle).__next__()
        answers = Answers(busy)
        next(answers)
        idle.setblocking(False)

        def gone() -> bool:
            busy.sendall(asking(ONE))
            assert next(answers)[0] == 200
            try:
                return idle.recv(1) == b""
            except BlockingIOError:
                return False

        assert eventually(gone)
        assert busy.recv(1) == b""
