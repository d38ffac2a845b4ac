"""
The private folder that an OPA process of ours lives in.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.errors import SettingsError
from sidecar.folders import locked_folder

_PREFIX: Final = "sidecar-opa-"
_LONGEST_SOCKET: Final = 107


@dataclass(frozen=True, slots=True)
class Home:
    """
    A folder that nobody else may enter, for OPA's socket and its files.

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
