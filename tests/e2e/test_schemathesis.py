"""
The OpenAPI document against what is served.
"""

import subprocess
import sys
from pathlib import Path

from tests.e2e.serve import serving

CONFIG = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def test_what_is_served_is_what_is_described(tmp_path: Path) -> None:
    """
    Whatever the document lets callers send, and does not, is answered as the document says.
    """
    with serving() as address:
        done = subprocess.run(
            [
                *(SCHEMATHESIS, "--config-file", CONFIG),
                *("run", f"http://{address}/openapi.json", "--no-color"),
                *("--phases", "examples,coverage,fuzzing,stateful", "--checks", "all"),
                # The same cases in every run: a seed would say nothing.
                "--generation-deterministic",
                *("--max-examples", "150", "--mode", "all", "--continue-on-failure"),
                *("--request-timeout", "30"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout
