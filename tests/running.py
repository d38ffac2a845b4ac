"""
Real OPAs for tests, each ended by its own process id.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint

BUNDLES = Path(__file__).with_name("bundles")
TLS = Path(__file__).with_name("tls")
READY_WITHIN_S = 20.0


def evaluation(action: str, subject: str = "s", **context: Any) -> dict[str, Any]:
    """
    Make an evaluation that the bundle `faulty` answers as the action says.
    """
    return {
        "subject": {"type": "user", "id": subject},
        "action": {"name": action},
        "resource": {"type": "thing", "id": "1"},
        "context": context,
    }


def eventually(condition: Callable[[], object], within_s: float = READY_WITHIN_S) -> bool:
    """
    Wait until a condition holds, and say whether it came to that.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def stop(process: "subprocess.Popen[bytes]", within_s: float) -> bool:
    """
    Tell a process to end, wait until it has, and say whether it did so in time: else it is killed.
    """
    process.terminate()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


@dataclass(frozen=True, slots=True)
class RunningOpa:
    """
    An OPA that runs elsewhere, as far as the sidecar knows.

    Attributes:
        endpoint: Where it listens.

        process: The process.
    """

    endpoint: Endpoint
    process: subprocess.Popen[bytes]


@contextmanager
def opa_running(
    opa: Path, endpoint: Endpoint, *arguments: str | Path, log: Path
) -> Iterator[RunningOpa]:
    """
    Run OPA, wait until it is ready, and end it.

    Args:
        opa: The binary.

        endpoint: Where it is to listen.

        arguments: Further arguments, such as a bundle.

        log: Where its log goes.
    """
    address = endpoint.url if endpoint.socket else f"{endpoint.host}:{endpoint.port}"
    command: Sequence[str | Path] = [
        *(opa, "run", "--server", "--skip-version-check", "--log-level", "error"),
        *("--addr", address, *arguments),
    ]
    with log.open("ab") as said, subprocess.Popen(command, stderr=said) as process:
        try:
            client = Opa(endpoint)
            well = eventually(lambda: process.poll() is not None or client.check_health())
            client.close_connection()
            assert well and process.poll() is None, log.read_text("utf-8")
            yield RunningOpa(endpoint, process)
        finally:
            process.kill()
