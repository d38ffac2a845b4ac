"""
An OCI registry, run for tests: Debian's docker-registry, as `make tools-bundles` installs it.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from tests.e2e.serve import free_port
from tests.running import eventually

_READY_WITHIN_S: Final = 30.0


@contextmanager
def registry_running(folder: Path, port: int | None = None, *, host: str = "") -> Iterator[str]:
    """
    Run a registry until the caller is done with it.

    Args:
        folder: A folder for what it keeps, and for its log: an empty one, or that of one before.

        port: Where it listens; None for any that is free.

        host: Where else than on the loopback it listens: `0.0.0.0` for everywhere.

    Returns:
        Its address, `host:port`, without TLS.
    """
    port = port or free_port()
    address = f"127.0.0.1:{port}"
    # JSON is YAML too.
    config = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": f"{folder}/kept"}},
        "http": {"addr": f"{host}:{port}" if host else address, "secret": "only for tests"},
    }
    (folder / "config.yml").write_text(json.dumps(config), "utf-8")
    command = ["docker-registry", "serve", f"{folder}/config.yml"]
    with (
        (folder / "log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            eventually(lambda: process.poll() is not None or _works(address), _READY_WITHIN_S)
            assert _works(address), (folder / "log").read_text("utf-8")
            yield address
        finally:
            process.kill()


def _works(address: str) -> bool:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
