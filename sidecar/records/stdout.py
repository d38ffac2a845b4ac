"""
Records on stdout.
"""

import fcntl
import os
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from sidecar.records.chain import Chain

# As much as Linux lets anybody have.
_PIPE_BYTES: Final = 1024 * 1024


class Stdout:
    """
    Writes records as lines, whole ones also where several processes write to one pipe.

    Args:
        chain: The chain that they are put into.

        lock: A file that only one process can lock; it may be shared with forks.

        descriptor: Where to write.
    """

    def __init__(self, chain: Chain, lock: int, descriptor: int = 1) -> None:
        self._chain = chain
        self._lock = lock
        self._descriptor = descriptor
        with suppress(OSError):
            # A pipe holds little at first; who writes more waits for the reader each time.
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def write(self, records: Sequence[bytes]) -> None:
        """
        Write records.

        Raises:
            OSError: Nobody reads them, or the disk is full.
        """
        lines, chain = self._chain.linked(records)
        with locked(self._lock):
            write_all(self._descriptor, lines)
        self._chain = chain

    def end(self) -> None:
        """
        Do nothing: who does not read holds up its own process alone.
        """

    def close(self) -> None:
        """
        Do nothing: stdout is not ours alone.
        """


@contextmanager
def locked(descriptor: int) -> Iterator[None]:
    """
    Be the only process that holds a file's lock. It ends with the process, whatever ends that.
    """
    fcntl.lockf(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(descriptor, fcntl.LOCK_UN)


def write_all(descriptor: int, content: bytes) -> None:
    """
    Write all of it.

    Raises:
        OSError: Not all of it could be written.
    """
    left = memoryview(content)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            # Whoever gave us the pipe has made it so, for itself.
            select.select([], [descriptor], [])
