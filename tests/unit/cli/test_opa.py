"""
`sidecar opa path`.
"""

import os
import subprocess
import sys
from pathlib import Path


def _path(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", "opa", "path"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_path_is_that_of_a_binary():
    """
    What is printed, and nothing else, can be run as OPA.
    """
    done = _path()

    assert done.returncode == 0
    assert "Version: " in subprocess.check_output([done.stdout.strip(), "version"], text=True)


def test_where_there_is_none_a_sentence_says_what_to_do(tmp_path: Path):
    """
    With neither OPA nor Go the exit code is 3, and nothing is printed that could be run.
    """
    cache = str(tmp_path)
    done = _path(PATH=cache, XDG_CACHE_HOME=cache, PIP_NO_INDEX="1")

    assert (done.returncode, done.stdout) == (3, "")
    assert "Install OPA" in done.stderr
