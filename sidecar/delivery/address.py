"""
The address at which decisions are asked for, whichever OPA process is behind it.
"""

from pathlib import Path
from typing import Final

from sidecar.engine.supervisor import Supervisor

_SOCKET: Final = "opa.sock"


class Address:
    """
    A Unix socket's path that stays while the processes behind it are exchanged: a link, replaced as
    a whole.

    Args:
        folder: The folder that it is in.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _SOCKET
        self._behind: Supervisor | None = None

    @property
    def url(self) -> str:
        """
        The address, as OPA's client takes it.
        """
        return f"unix://{self._path}"

    def lead_to(self, supervisor: Supervisor) -> None:
        """
        Have another OPA behind the address. Questions on their way to the one before are answered
        by it, and then it ends.

        Args:
            supervisor: It was started, and is stopped from here.
        """
        beside = self._path.with_name(f".{_SOCKET}")
        beside.unlink(missing_ok=True)
        beside.symlink_to(supervisor.folder / _SOCKET)
        beside.replace(self._path)
        before, self._behind = self._behind, supervisor
        if before:
            before.stop()

    def stop(self) -> None:
        """
        End the OPA behind the address.
        """
        if self._behind:
            self._behind.stop()
            self._behind = None
