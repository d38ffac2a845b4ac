"""
A sidecar started as `make run` starts it.
"""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.running import eventually

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 30


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
    with started(**settings) as (address, process):
        # One that ended will not get ready: it is not waited for.
        eventually(lambda: process.poll() is not None or _is_ready(address), READY_WITHIN_S)
        if process.poll() is not None or not _is_ready(address):
            raise RuntimeError("the sidecar ended, or was not ready in time")
        yield address


@contextmanager
def started(**settings: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """
    Start a sidecar, and end it. Returns where it will listen, and gunicorn's master.
    """
    address = f"127.0.0.1:{_free_port()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecar", "serve"],
        cwd=ROOT,
        env=os.environ | {"SIDECAR_LISTEN": address} | settings,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield address, process
    finally:
        process.terminate()
        process.wait(STOPPED_WITHIN_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    with suppress(OSError), closing(connection):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False
