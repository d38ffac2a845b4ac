"""
Doubles: what listens where OPA should, and is not OPA, or not well.
"""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

Answering = Callable[[bytes], bytes | None]

PROVENANCE: Final = {"version": "1.22.2"}


def http_answer(
    body: bytes | str, status: str = "200 OK", kind: str = "application/json", extra: str = ""
) -> bytes:
    """
    Write an HTTP answer; `extra` are further header lines, each with its line end.
    """
    content = body if isinstance(body, bytes) else body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
    return f"{head}{extra}\r\n".encode() + content


def opa_answer(revision: str | None = "r1", name: str = "decision", **said: Any) -> bytes:
    """
    Write an answer as OPA gives it: with its version, and the revision of its one bundle.
    """
    bundles = {} if revision is None else {"bundles": {name: {"revision": revision}}}
    return http_answer(json.dumps({"provenance": PROVENANCE | bundles, **said}))


def asked(request: bytes) -> tuple[str, Any]:
    """
    Read a request: (path with its query, body).
    """
    head, _, body = request.partition(b"\r\n\r\n")
    return head.split(b" ")[1].decode(), json.loads(body or b"null")


class OddServer:
    """
    Listens like OPA, and answers each request as a test says.

    Args:
        answering: Given a request, returns all bytes of the answer; None closes the connection
            without one, and `hang` never answers.

        path: Where to listen; a free port of the loopback where there is none.

    Attributes:
        requests: All requests, as they came.

        connections: How many connections were opened.
    """

    def __init__(self, answering: Answering, path: Path | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answering = answering
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._ended = threading.Event()
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen(128)
            self.url = f"unix://{path}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for connection in (self._listener, *self._open):
            # Wakes whoever waits for it, which closing alone does not.
            _shut(connection)
        for thread in self._threads:
            thread.join()
        for connection in (self._listener, *self._open):
            connection.close()

    def hang(self, request: bytes) -> bytes | None:
        """
        Answer nothing as long as the server lives.
        """
        self._ended.wait()
        return None

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            while request := _read(connection):
                self.requests.append(request)
                answer = self._answering(request)
                if answer is None:
                    break
                connection.sendall(answer)
                if b"Connection: close" in answer:
                    break
        except OSError:
            pass
        _shut(connection)


class HangingServer(OddServer):
    """
    Takes every request, and answers none.
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(self.hang, path)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # Closed by the other side, or never connected.
        return


def _read(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (more := connection.recv(65536)):
            return b""
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class ScriptedOpa:
    """
    Answers like an OPA in which bundles come and go, for what a real one does only now and then.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.revision: str | None = "r1"
        self.decision = "a/decision"
        self.batch: str | None = "a/batch"
        self.more: dict[str, Any] = {}
        self.agreement: dict[str, str] = {}
        self.others: dict[str, str] = {}
        self.results: dict[str, Any] = {"a/decision": True}
        self.before_answering: Callable[[str], None] = lambda path: None

    def __call__(self, request: bytes) -> bytes:
        address, body = asked(request)
        path = address.partition("?")[0].removeprefix("/v1/data/")
        self.paths.append(path)
        self.before_answering(path)
        if self.revision is None:
            return opa_answer(None)
        if path == "system/bundles":
            authzen = {"decision": self.decision} | ({"batch": self.batch} if self.batch else {})
            authzen |= self.more
            metadata: dict[str, Any] = {"authzen": authzen}
            if self.agreement:
                metadata["agreement"] = self.agreement
            manifest = {"revision": self.revision, "metadata": metadata}
            return self._answer(result={"decision": {"manifest": manifest}})
        if path == "a/batch" and path not in self.results:
            items = body["input"]["items"]
            decisions = {str(n): self.results[self.decision] for n in range(len(items))}
            return self._answer(result=decisions)
        result = self.results.get(path)
        return self._answer(**({} if result is None else {"result": result}))

    def _answer(self, **said: Any) -> bytes:
        bundles = {"decision": self.revision, **self.others}
        told = {name: {"revision": revision} for name, revision in bundles.items()}
        return http_answer(json.dumps({"provenance": PROVENANCE | {"bundles": told}, **said}))
