"""
Private folders: the one that an OPA process of ours lives in, and others for a while.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.errors import SettingsError

_PREFIX: Final = "sidecar-opa-"
_LONGEST_SOCKET: Final = 107


@dataclass(frozen=True, slots=True)
class Home:
    """
    A folder that nobody else may enter, for OPA's socket and its bundle.

    Attributes:
        folder: Where it is.

        lock: File descriptor of a lock that is held while anybody uses the folder. Forked children
            hold it too; the kernel lets go of it when all are gone.
    """

    folder: Path
    lock: int

    @property
    def socket(self) -> Path:
        """
        Where OPA listens.
        """
        return self.folder / "opa.sock"

    @property
    def bundle(self) -> Path:
        """
        The bundle. The file's name is the bundle's, in OPA's answers.
        """
        return self.folder / "decision"

    @classmethod
    def made(cls) -> "Home":
        """
        Make a folder, and remove those that a killed sidecar left.

        Raises:
            SettingsError: The place for temporary files is too deep for a socket.
        """
        home = cls(*locked_folder(_PREFIX))
        if len(os.fsencode(home.socket)) > _LONGEST_SOCKET:
            home.remove()
            base = home.folder.parent
            raise SettingsError(f"TMPDIR must be a shorter path: {base} is too long for a socket")
        return home

    def remove(self) -> None:
        """
        Remove the folder and all in it.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)


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
