"""
What stands behind a proxy, and what stands between it and the sidecar; both note what they get.
"""

import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import parse_headers
from io import BufferedIOBase
from typing import Any

SAYS = b"served"


@dataclass(frozen=True, slots=True)
class Received:
    """
    A request, as it came in.

    Attributes:
        method: The method.

        target: The request target, byte by byte.

        headers: Names and values of the headers, in their order.

        body: What has come of the body, without its chunks' borders.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytearray = field(default_factory=bytearray)

    def all(self, name: str) -> list[str]:
        """
        Say which values a header has, in any spelling that servers take for it.
        """
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower().replace("_", "-") == wanted]


@dataclass(slots=True)
class Upstream:
    """
    What stands behind the proxy, and serves everything.

    Attributes:
        port: Where it listens, on the loopback.

        received: What has reached it.
    """

    port: int
    received: list[Received] = field(default_factory=list)


@dataclass(slots=True)
class Wire:
    """
    What stands between the proxy and the sidecar.

    Attributes:
        port: Where it listens, on the loopback.

        asked: What the proxy has sent, on whichever connection.
    """

    port: int
    asked: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        """
        What the proxy has sent, in lower case: some proxies write headers' names so.
        """
        return self.asked.decode("latin-1").lower()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """
        Say what went wrong, unless the other side has just gone.
        """
        if not isinstance(sys.exception(), OSError):
            super().handle_error(*_)


@contextmanager
def upstream() -> Iterator[Upstream]:
    """
    Serve, until the caller is done with it.
    """

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (request := _head(self.rfile)) is not None:
                # At once: also one that is broken off has come this far.
                found.received.append(request)
                for part in _body(self.rfile, dict(request.headers)):
                    request.body.extend(part)
                if request.all("Upgrade"):
                    # From here on it is no longer HTTP: what comes is sent back.
                    self.wfile.write(_SWITCHED)
                    while data := self.request.recv(4096):
                        self.wfile.write(data)
                    return
                self.wfile.write(_SERVED)

    with _serving(Handler) as port:
        found = Upstream(port)
        yield found


@contextmanager
def wire(host: str, port: int) -> Iterator[Wire]:
    """
    Pass on whatever comes to an address, and whatever comes back.
    """

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection((host, port)) as onward:
                back = threading.Thread(target=_pump, args=(onward, self.request), daemon=True)
                back.start()
                _pump(self.request, onward, found.asked)
                back.join()

    with _serving(Handler) as own_port:
        found = Wire(own_port)
        yield found


_SERVED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(SAYS), SAYS)
_SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


@contextmanager
def _serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _pump(source: socket.socket, sink: socket.socket, noted: bytearray | None = None) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if noted is not None:
                noted += data
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _head(file: BufferedIOBase) -> Received | None:
    line = file.readline().decode("latin-1").rstrip("\r\n")
    if not line:
        return None
    method, _, rest = line.partition(" ")
    # Only the last space is the version's: a target may hold what is not allowed there.
    target, _, _ = rest.rpartition(" ")
    return Received(method, target, tuple(parse_headers(file).items()))


def _body(file: BufferedIOBase, headers: dict[str, str]) -> Iterator[bytes]:
    told = {name.lower(): value for name, value in headers.items()}
    if "transfer-encoding" not in told:
        yield file.read(int(told.get("content-length", "0")))
        return
    while size := int(file.readline().split(b";")[0] or b"0", 16):
        yield file.read(size)
        file.readline()
    while file.readline().strip():
        pass
