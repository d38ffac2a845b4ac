"""
Private folders among the temporary files, that are swept where a killed sidecar left them.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def locked_folder(prefix: str) -> tuple[Path, int]:
    """
    Make a private folder, and remove those of the same prefix that a killed sidecar left.

    Args:
        prefix: How its name begins.

    Returns:
        The folder, and the file descriptor of the lock that says it is in use.
    """
    base = Path(tempfile.gettempdir())
    _sweep(base, prefix)
    # Gets its name only when it is locked: a sweep must not take it before.
    hidden = Path(tempfile.mkdtemp(prefix=f".{prefix}", dir=base))
    lock = os.open(hidden / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return hidden.rename(base / hidden.name[1:]), lock


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """
    Have such a folder for a while. Forked children may leave it: it is removed by who made it.

    Args:
        prefix: How its name begins.
    """
    owner = os.getpid()
    folder, lock = locked_folder(prefix)
    try:
        yield folder
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _sweep(base: Path, prefix: str) -> None:
    for folder in base.glob(f"{prefix}*"):
        try:
            if folder.lstat().st_uid == os.getuid():
                _remove_if_stale(folder)
        except OSError:
            # Still in use, or somebody else was quicker.
            continue


def _remove_if_stale(folder: Path) -> None:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
