"""
A server that bundles are fetched from: plain HTTP, with entity tags.
"""

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.credentials import replace


@dataclass(slots=True)
class BundleServer:
    """
    Serves the files of a folder.

    Attributes:
        folder: The folder.

        port: Where it listens; the same after it was away.
    """

    folder: Path
    port: int = 0
    _held: list[tuple[ThreadingHTTPServer, threading.Thread]] = field(default_factory=list)
    _connections: set[socket.socket] = field(default_factory=set)

    @property
    def url(self) -> str:
        """
        Its address.
        """
        return f"http://127.0.0.1:{self.port}"

    @property
    def fetching(self) -> dict[str, dict[str, Any]]:
        """
        OPA's configuration to fetch `policy` from here, each second.
        """
        polling = {"min_delay_seconds": 1, "max_delay_seconds": 1}
        policy = {"service": "shop", "resource": "policy.tar.gz", "polling": polling}
        return {"services": {"shop": {"url": self.url}}, "bundles": {"policy": policy}}

    def put(self, name: str, content: bytes) -> None:
        """
        Offer a file from now on.
        """
        replace(self.folder / name, content)

    def come(self) -> None:
        """
        Begin to listen.
        """
        folder, connections = self.folder, self._connections

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                connections.add(self.connection)

            def finish(self) -> None:
                connections.discard(self.connection)
                super().finish()

            def do_GET(self) -> None:
                try:
                    content = (folder / self.path[1:]).read_bytes()
                except OSError:
                    self.send_error(404)
                    return
                tag = f'"{hashlib.sha256(content).hexdigest()}"'
                known = self.headers["If-None-Match"] == tag
                self.send_response(304 if known else 200)
                self.send_header("ETag", tag)
                if not known:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if not known:
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self._held.append((server, thread))

    def go(self) -> None:
        """
        Listen no more.
        """
        while self._held:
            server, thread = self._held.pop()
            server.shutdown()
            server.server_close()
            thread.join()
        # Those that are kept would go on being answered.
        for connection in [*self._connections]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def bundle_server(folder: Path) -> Iterator[BundleServer]:
    """
    Serve a folder until the caller is done with it.
    """
    folder.mkdir(exist_ok=True)
    server = BundleServer(folder)
    server.come()
    try:
        yield server
    finally:
        server.go()
