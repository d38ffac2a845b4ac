"""
What examples/README.md shows is what happens.
"""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.e2e.pages import asked_and_answered, blocks, run, same_each_time
from tests.e2e.serve import ROOT, STOPPED_WITHIN_S, free_port, serving
from tests.running import eventually

README = ROOT / "examples/README.md"
SHOWN_PYTHON = ".venv/bin/python"
SHOWN_PORT = "8081"
SHOWN_ADDRESS = f"127.0.0.1:{SHOWN_PORT}"


def _answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("GET", "/")
        return connection.getresponse().status == 404
    return False


@contextmanager
def _served(command: str, sidecar: str, folder: Path) -> Iterator[str]:
    """
    Start the service with the page's command, and end it; say where it listens.
    """
    port = free_port()
    settings = {
        "PRIVACY_URL": f"http://{sidecar}",
        "BILLING_DATABASE": str(folder / "billing.sqlite"),
    }
    own = command.replace(SHOWN_PYTHON, sys.executable).replace(SHOWN_PORT, str(port))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {own}"],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=log,
            stderr=log,
        )
    try:
        address = f"127.0.0.1:{port}"
        eventually(lambda: process.poll() is not None or _answers(address))
        assert process.poll() is None, (folder / "log").read_text("utf-8")
        yield address
    finally:
        process.terminate()
        process.wait(STOPPED_WITHIN_S)


def test_the_readme_of_the_examples_answers_as_it_says(tmp_path):
    """
    The page's requests, to a service started as it says, give its answers; the last one does once
    the sidecar is stopped.
    """
    start, serve, *_ = [block.text.strip() for block in blocks(README)]
    *shown, (last, not_decided) = asked_and_answered(README)
    sidecar = f"127.0.0.1:{free_port()}"

    assert start == "make run"
    with _served(serve, sidecar, tmp_path) as address:
        with serving(SIDECAR_LISTEN=sidecar):
            answers = [run(command, address, SHOWN_ADDRESS) for command, _ in shown]
        without = run(last, address, SHOWN_ADDRESS)

    assert shown
    assert [same_each_time(answer) for answer in answers] == [
        same_each_time(expected) for _, expected in shown
    ]
    assert without == not_decided
