"""
A sidecar started as `make run` starts it.
"""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from prometheus_client.parser import text_string_to_metric_families

from tests.running import eventually, stop

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 30
COMMAND = (sys.executable, "-m", "sidecar", "serve")


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a sidecar answered.

    Attributes:
        status: The HTTP status.

        headers: The headers, by their names in lower case.

        content: The body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    @classmethod
    def to(cls, connection: http.client.HTTPConnection, *request: Any) -> Self:
        """
        Ask on a connection.
        """
        connection.request(*request)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return cls(response.status, headers, response.read())

    @property
    def json(self) -> Any:
        """
        The body as parsed JSON.
        """
        return json.loads(self.content)

    @property
    def code(self) -> str | None:
        """
        The error's code, where there is an error.
        """
        error = self.json.get("error")
        return error["code"] if error else None


@dataclass(frozen=True, slots=True)
class Sidecar:
    """
    A sidecar that runs.

    Attributes:
        process: gunicorn's master.

        address: The `host:port` where it is to listen.

        temporary: Its place for temporary files, and nobody else's.

        tls: How it is asked over TLS; None where it serves none.
    """

    process: subprocess.Popen[bytes]
    address: str
    temporary: Path
    tls: ssl.SSLContext | None = None

    @property
    def stdout(self) -> str:
        """
        What it has printed.
        """
        return (self.temporary / "stdout").read_text("utf-8")

    @property
    def stderr(self) -> str:
        """
        What it has logged.
        """
        return (self.temporary / "stderr").read_text("utf-8", "replace")

    @property
    def left(self) -> set[str]:
        """
        Names of what is in the place for temporary files, and is the sidecar's.
        """
        return {entry.name for entry in self.temporary.iterdir()} - {"stdout", "stderr", "config"}

    def connected(self, timeout_s: float = 20) -> http.client.HTTPConnection:
        """
        Make a connection, to be closed by the caller.
        """
        if self.tls:
            return http.client.HTTPSConnection(self.address, timeout=timeout_s, context=self.tls)
        return http.client.HTTPConnection(self.address, timeout=timeout_s)

    def get(self, path: str, **headers: str) -> Answer:
        """
        Ask with GET, on a connection of its own.
        """
        with closing(self.connected()) as connection:
            return Answer.to(connection, "GET", path, None, headers)

    def post(self, path: str, body: object, **headers: str) -> Answer:
        """
        Ask with POST, on a connection of its own.
        """
        headers = {"Content-Type": "application/json", **headers}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        with closing(self.connected()) as connection:
            return Answer.to(connection, "POST", path, content, headers)

    def decide(self, evaluation: object) -> Answer:
        """
        Ask for one decision.
        """
        return self.post("/access/v1/evaluation", evaluation)

    def decide_all(self, *evaluations: object) -> Answer:
        """
        Ask for many.
        """
        return self.post("/access/v1/evaluations", {"evaluations": evaluations})

    def counts(self, name: str) -> dict[tuple[str, ...], float]:
        """
        Read a metric: its values by its labels' values, in the order of the labels' names.
        """
        answer = self.get("/metrics")
        assert answer.status == 200, self.stderr
        text = answer.content.decode()
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }

    def errors(self) -> dict[str, float]:
        """
        Read how many errors there were, by their codes.
        """
        return {code: n for (code,), n in self.counts("privacy_decision_errors_total").items()}

    def children(self) -> dict[int, str]:
        """
        Say which processes it has started, and what each of them is: "opa" or "worker".
        """
        pid = self.process.pid
        return {child: "opa" if _is_opa(child) else "worker" for child in _children(pid)}

    def workers(self) -> set[int]:
        """
        Say which its workers are.
        """
        return {pid for pid, kind in self.children().items() if kind == "worker"}

    def opa(self) -> int | None:
        """
        Say which its OPA is.
        """
        return next((pid for pid, kind in self.children().items() if kind == "opa"), None)


@contextmanager
def started(
    config: str = "",
    tls: ssl.SSLContext | None = None,
    stdout: IO[bytes] | None = None,
    /,
    **settings: str,
) -> Iterator[Sidecar]:
    """
    Start a sidecar, and end it when the caller is done with it, whether it got ready or not.

    Args:
        config: What stands in the file SIDECAR_CONFIG.

        tls: How it is asked over TLS, where it serves that.

        stdout: Where it prints to; a file of its own unless said.

        settings: Settings of the environment, beside that.
    """
    # Short enough for a socket's path.
    with tempfile.TemporaryDirectory(prefix="e2e-", ignore_cleanup_errors=True) as folder:
        temporary = Path(folder)
        settings = {"SIDECAR_LISTEN": f"127.0.0.1:{free_port()}", "TMPDIR": folder, **settings}
        if config:
            (temporary / "config").write_text(config, "utf-8")
            settings["SIDECAR_CONFIG"] = f"{folder}/config"
        with (temporary / "stdout").open("wb") as out, (temporary / "stderr").open("wb") as err:
            process = subprocess.Popen(
                COMMAND,
                cwd=ROOT,
                env=os.environ | settings,
                stdout=stdout or out,
                stderr=err,
                # A group of its own, as a shell gives it: what is sent to one is not for the tests.
                process_group=0,
            )
        sidecar = Sidecar(process, settings["SIDECAR_LISTEN"], temporary, tls)
        try:
            yield sidecar
        finally:
            assert stop(process, STOPPED_WITHIN_S), "it did not end in time"


@contextmanager
def running(
    config: str = "",
    tls: ssl.SSLContext | None = None,
    stdout: IO[bytes] | None = None,
    /,
    **settings: str,
) -> Iterator[Sidecar]:
    """
    Run a sidecar that is ready, until the caller is done with it.

    Args:
        config: What stands in the file SIDECAR_CONFIG.

        tls: How it is asked over TLS, where it serves that.

        stdout: Where it prints to; a file of its own unless said.

        settings: Settings of the environment, beside that.

    Raises:
        RuntimeError: It ended, or was not ready in time.
    """
    with started(config, tls, stdout, **settings) as sidecar:
        _wait(sidecar, "/readyz")
        yield sidecar


@contextmanager
def alive(config: str = "", **settings: str) -> Iterator[Sidecar]:
    """
    Run a sidecar that need not be ready.

    Raises:
        RuntimeError: It ended, or was not there in time.
    """
    with started(config, **settings) as sidecar:
        _wait(sidecar, "/healthz")
        yield sidecar


@contextmanager
def serving(**settings: str) -> Iterator[str]:
    """
    Run a sidecar with its own OPA, until the caller is done with it.

    Args:
        settings: Settings of the environment, beside the address.

    Returns:
        The ``host:port`` where it listens, once it is ready.

    Raises:
        RuntimeError: It ended, or was not ready in time.
    """
    with running("", **settings) as sidecar:
        yield sidecar.address


def free_port() -> int:
    """
    Find a port of the loopback that nobody listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lives(pid: int) -> bool:
    """
    Say whether a process is there, and has not ended.
    """
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def _children(pid: int) -> list[int]:
    # OPA is started by a thread: it is that thread's child.
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text("utf-8").split()]


def _is_opa(pid: int) -> bool:
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b"--unix-socket-perm" in command
    return False


def _wait(sidecar: Sidecar, path: str) -> None:
    process = sidecar.process
    # One that ended will not get ready: it is not waited for.
    eventually(lambda: process.poll() is not None or _answers(sidecar, path), READY_WITHIN_S)
    if process.poll() is not None or not _answers(sidecar, path):
        raise RuntimeError(f"the sidecar ended, or was not ready in time:\n{sidecar.stderr}")


def _answers(sidecar: Sidecar, path: str) -> bool:
    connection = sidecar.connected(timeout_s=5)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status == 200
    return False
