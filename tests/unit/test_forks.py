"""
sidecar.forks: no process is forked in the midst of a program's start.
"""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from sidecar import forks


def _forked() -> None:
    """
    Fork a process that ends at once.
    """
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def test_a_fork_waits_until_a_program_has_started():
    """
    Whoever forks meanwhile gets none of the program's pipes.
    """
    forked = threading.Event()

    def fork() -> None:
        _forked()
        forked.set()

    thread = threading.Thread(target=fork)
    with forks._starting:
        thread.start()
        assert not forked.wait(0.2)
    thread.join(20)

    assert forked.is_set()


def test_programs_end_though_processes_are_forked_all_the_while(tmp_path: Path):
    """
    Programs are started in one thread, and processes that stay are forked in another: each program
    is seen to end, as none of those holds its pipes.
    """
    stays, ends = os.pipe()
    children: list[int] = []
    for _ in range(10):
        starting = threading.Thread(
            target=lambda: forks.run(["true"], folder=tmp_path, given="", within_s=20)
        )
        starting.start()
        pid = os.fork()
        if pid == 0:
            # Until the test lets go.
            os.close(ends)
            os.read(stays, 1)
            os._exit(0)
        children.append(pid)
        starting.join(10)
        assert not starting.is_alive()
    os.close(ends)
    os.close(stays)
    for pid in children:
        os.waitpid(pid, 0)


def test_what_a_program_prints(tmp_path: Path):
    """
    Its output, its errors and its exit code are what they are, whether it is given something or
    not.
    """
    command = ["sh", "-c", "cat; pwd; echo wrong >&2; exit 3"]
    done = forks.run(command, folder=tmp_path, given="this\n", within_s=20)

    assert (done.stdout, done.stderr, done.returncode) == (f"this\n{tmp_path}\n", "wrong\n", 3)


def test_a_program_that_takes_too_long(tmp_path: Path):
    """
    It is ended.
    """
    with pytest.raises(subprocess.TimeoutExpired):
        forks.run(["sleep", "60"], folder=tmp_path, given="", within_s=0.1)
