"""
A sidecar whose processes are looked at.
"""

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.serve import started
from tests.running import eventually

ASKED = {
    "subject": {"type": "csw", "id": "app"},
    "action": {"name": "use"},
    "resource": {
        "type": "information",
        "id": "acme",
        "properties": {"categories": ["company_name"]},
    },
    "context": {"purpose": "fulfil_request", "facts": {"processing_ground": "contract"}},
}


@dataclass(frozen=True, slots=True)
class Served:
    """
    A sidecar that was started.

    Attributes:
        address: Where it listens.

        process: gunicorn's master.

        temporary: The folder for its temporary files.
    """

    address: str
    process: subprocess.Popen[bytes]
    temporary: Path

    def ask(self, body: Any = ASKED, path: str = "/access/v1/evaluation") -> tuple[int, Any]:
        """
        Ask once, on a connection of its own.
        """
        return self._call("POST", path, json.dumps(body).encode())

    def get(self, path: str) -> tuple[int, Any]:
        """
        Get a page; what is no JSON comes as text.
        """
        return self._call("GET", path, None)

    def errors(self, code: str) -> float:
        """
        How often this error was counted.
        """
        _, text = self.get("/metrics")
        name = f'privacy_decision_errors_total{{code="{code}"}} '
        return sum(float(line[len(name) :]) for line in text.splitlines() if line.startswith(name))

    def family(self) -> list[int]:
        """
        The process ids of all that the master started, and of what those started.
        """
        return _below(self.process.pid)

    def opa(self) -> int:
        """
        OPA's process id.
        """
        return next(pid for pid in self.family() if b"--addr" in _command(pid))

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content.decode()


@contextmanager
def served(temporary: Path, **environment: str) -> Iterator[Served]:
    """
    Start a sidecar, wait until it lives, and end it.
    """
    with started(TMPDIR=str(temporary), **environment) as (address, process):
        sidecar = Served(address, process, temporary)
        assert eventually(lambda: process.poll() is not None or _lives(sidecar), 60)
        assert process.poll() is None, "it ended"
        yield sidecar


def gone(pids: list[int]) -> bool:
    """
    Whether none of these processes is left.
    """
    return not any(Path(f"/proc/{pid}/stat").exists() and _state(pid) != "Z" for pid in pids)


def _lives(sidecar: Served) -> bool:
    try:
        return sidecar.get("/healthz")[0] == 200
    except OSError:
        return False


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _below(pid: int) -> list[int]:
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                children.append(int(entry.name))
    return [each for child in children for each in (child, *_below(child))]
