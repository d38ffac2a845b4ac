"""
Other programs, started so that no worker is forked in the midst of it.

A worker that is forked while a thread starts a program gets that program's pipes along. It keeps
them open, and whoever waits for their end would wait for the worker's.
"""

import os
import subprocess
import threading
from pathlib import Path
from typing import Any, Final

_starting: Final = threading.Lock()


class Popen(subprocess.Popen[bytes]):
    """
    A program, as `subprocess` starts one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with _starting:
            super().__init__(*args, **kwargs)


def run(
    command: list[str], *, folder: Path, given: str | None, within_s: float
) -> "subprocess.CompletedProcess[str]":
    """
    Run a program to its end.

    Args:
        command: The program and its arguments.

        folder: Where it runs.

        given: What it reads; None where it reads what this process does.

        within_s: How long it may take.

    Returns:
        What it has printed, as text, and its exit code, whatever that is.

    Raises:
        OSError: It cannot be run.
        subprocess.TimeoutExpired: It took too long, and was ended.
    """
    stdin = None if given is None else subprocess.PIPE
    with Popen(
        command, cwd=folder, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            out, err = process.communicate(None if given is None else given.encode(), within_s)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(
        command, process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
    )


os.register_at_fork(
    before=_starting.acquire,
    after_in_parent=_starting.release,
    after_in_child=_starting.release,
)
