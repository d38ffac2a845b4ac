"""
Workers are forks, and must not share the master's connections.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.bundle.build import BuiltBundle
from sidecar.engine.endpoint import Endpoint
from tests.running import opa_running
from tests.unit.engine import forking

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_workers_never_get_each_others_answers(
    over: str,
    built: Callable[[str], BuiltBundle],
    opa_binary: Path,
    free_port: int,
    socket_path: Path,
    tmp_path: Path,
):
    """
    After a fork from a process that has asked already, and goes on asking, each gets its own
    answers, and none fails.
    """
    url = f"http://127.0.0.1:{free_port}" if over == "tcp" else f"unix://{socket_path}"
    bundle = ("--bundle", built("faulty").path)
    with opa_running(opa_binary, Endpoint(url), *bundle, log=tmp_path / "log"):
        done = subprocess.run(
            [sys.executable, "-m", forking.__name__, url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )

    processes_and_threads = str(forking.CHILDREN + 3)
    assert done.stdout.split() == ["0", "0", processes_and_threads], done.stderr
