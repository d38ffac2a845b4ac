"""
Files that are read again once they have changed.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

_Value = TypeVar("_Value")
_Stamp = tuple[tuple[int, int, int, int] | None, ...]

_SETTLED_AFTER_NS: Final = 100_000_000


class Watched(Generic[_Value]):
    """
    What is made of files, and made again once one of them has changed. Safe to share between
    threads: while one of them reads, the others wait.

    Args:
        files: Which they are.

        load: Makes the value, given the one before (None at first). It says itself what becomes
            of the value where the files are no good; what it raises is raised at each look.
    """

    def __init__(self, files: tuple[Path, ...], load: Callable[[_Value | None], _Value]) -> None:
        self._files = files
        self._load = load
        self._lock = threading.Lock()
        self._read: tuple[_Stamp, bool, _Value] | None = None

    def current(self) -> _Value:
        """
        Return what the files hold now.
        """
        stamp = self._stamp()
        with self._lock:
            if self._read is not None:
                before, settled, value = self._read
                if settled and stamp == before:
                    return value
                self._read = (stamp, _settled(stamp), self._load(value))
            else:
                self._read = (stamp, _settled(stamp), self._load(None))
            return self._read[2]

    def _stamp(self) -> _Stamp:
        # Before reading: what is written meanwhile makes another one.
        return tuple(_stamp_of(file) for file in self._files)


def _stamp_of(file: Path) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    # The first one tells of new rights, too.
    return found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino


def _settled(stamp: _Stamp) -> bool:
    """
    Say whether the next change makes another stamp: clocks of file systems tick slowly, and two
    writes within one tick look the same.
    """
    now = time.time_ns()
    return all(each is None or abs(now - each[0]) > _SETTLED_AFTER_NS for each in stamp)
