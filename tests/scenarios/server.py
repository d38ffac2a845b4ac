"""
An OPA of the test's own, on a Unix socket, asked as the sidecar asks.
"""

import http.client
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sidecar.bundle.opa import opa_binary

DECISION = "/v1/data/privacy/decision/decision?strict-builtin-errors=true"
TODAY = "2026-01-15"
_DEADLINE_S = 30.0


class NoDecision(Exception):
    """
    OPA gave no decision; the message is OPA's own.
    """


class Server:
    """
    A running OPA.
    """

    def __init__(self, path: Path) -> None:
        self._connection = _UnixConnection(path)

    def decide(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """
        Ask for one decision, on a fixed day.

        Args:
            request: An evaluation request, as a caller sends it.

        Returns:
            The value of the decision rule.

        Raises:
            NoDecision: OPA answered an error, or the rule is undefined.
        """
        evaluation = {**request, "environment": {"date": TODAY}}
        status, answer = self.ask("POST", DECISION, {"input": evaluation})
        if status != http.HTTPStatus.OK or "result" not in answer:
            raise NoDecision(f"{status}: {json.dumps(answer)}")
        return dict(answer["result"])

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """
        Ask OPA something: (status, answer).
        """
        self._connection.request(method, path, json.dumps(body))
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        """
        Close the connection.
        """
        self._connection.close()


@contextmanager
def serve(policies: Path) -> Iterator[Server]:
    """
    Run OPA with a bundle, and end it.

    Args:
        policies: A built bundle, or a bundle's root folder; tests in it are left out.

    Raises:
        RuntimeError: OPA did not come up; the message is OPA's own.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "opa.sock")
        command = [str(opa_binary()), "run", "--server", "--skip-version-check"]
        command += ["--log-level", "error", "--addr", f"unix://{path}"]
        command += ["--ignore", "*_test.rego", "--bundle", str(policies)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield _ready(process, path)
            finally:
                process.terminate()


def _ready(process: subprocess.Popen[str], path: Path) -> Server:
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        server = Server(path)
        try:
            if server.ask("GET", "/health")[0] == http.HTTPStatus.OK:
                return server
        except OSError:
            time.sleep(0.02)
        server.close()
    process.terminate()
    raise RuntimeError(process.communicate()[1])


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_DEADLINE_S)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)
