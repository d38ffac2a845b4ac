"""
Whom sidecars and Alertmanager need: who hands out bundles, takes records, and is told of alerts.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Backstage:
    """
    All three in one server.

    Attributes:
        bundles: What is handed out, by name.

        away: Names of those whose records are not taken.

        alerts: What was told, in order: each alert as Alertmanager sends it.

        url: Where it listens.
    """

    def __init__(self) -> None:
        self.bundles: dict[str, bytes] = {}
        self.away: set[str] = set()
        self.alerts: list[dict[str, Any]] = []
        self.url = ""

    def told(self, status: str, after: int = 0) -> list[dict[str, Any]]:
        """
        Return the alerts that were told with a status, firing or resolved, but for the first ones.
        """
        return [alert for alert in self.alerts[after:] if alert["status"] == status]


@contextmanager
def backstage() -> Iterator[Backstage]:
    """
    Run it.
    """
    made = Backstage()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, made.bundles[self.path.removeprefix("/")])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/alerts":
                made.alerts += json.loads(body)["alerts"]
            away = self.path.removeprefix("/logs/") in made.away
            self._answer(503 if away else 200, b"{}")

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            # Who asks may be killed meanwhile.
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
