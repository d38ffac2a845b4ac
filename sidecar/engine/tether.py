"""
Become another program that ends when the process that started it does, even by SIGKILL.

Run as a script: `tether.py PARENT PROGRAM ARGUMENT…`. The kernel is asked to end the program with
the thread that started it. Where the kernel cannot, this process stays, and watches. It is also
asked not to wake the program for every timer on its own.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_TIMERSLACK: Final = 29
# Go looks after its threads every 20 µs while one works, and takes the core from it for that where
# there is no other. Measured: so much later is soon enough, and of 100 answers at a steady rate the
# slowest takes half as long.
_SLACK_NS: Final = 1_000_000
_LOOK_EVERY_S: Final = 0.1


def main(arguments: Sequence[str]) -> int:
    """
    Become the program, or watch over it.

    Args:
        arguments: The parent's process id, the program's path, and its arguments.

    Returns:
        The program's exit code, if it was watched; 1 where the parent is gone already.
    """
    parent, command = int(arguments[0]), list(arguments[1:])
    bound = _bind()
    _ask_kernel(_PR_SET_TIMERSLACK, _SLACK_NS)
    # Whoever dies before the kernel was asked, has died unnoticed.
    if os.getppid() != parent:
        return 1
    try:
        if bound:
            os.execv(command[0], command)
        return _watch(parent, command)
    except OSError as wrong:
        print(f"{command[0]}: {wrong.strerror}", file=sys.stderr, flush=True)
        return 127


def _bind() -> bool:
    """
    Ask the kernel to end this process with its parent, and say whether it will.
    """
    return _ask_kernel(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ask_kernel(option: int, value: int) -> bool:
    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (AttributeError, OSError):
        return False


def _watch(parent: int, command: list[str]) -> int:
    child = os.spawnv(os.P_NOWAIT, command[0], command)

    def forward(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    signal.signal(signal.SIGTERM, forward)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if os.getppid() != parent:
            os.kill(child, signal.SIGKILL)
        time.sleep(_LOOK_EVERY_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
