"""
bench.bound: ten million questions, shortened.
"""

import subprocess
import sys

from tests.e2e.serve import ROOT

QUESTIONS = 100_000


def test_a_memory_stays_within_its_bound():
    """
    A process that keeps the decisions on many times more questions than fit into its memory does
    not grow by more than the memory's bound.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.bound", str(QUESTIONS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
