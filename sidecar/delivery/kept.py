"""
What was active last, kept for the next start.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from sidecar.delivery.state import replaced

_CONFIRMED: Final = "confirmed.json"


class Kept:
    """
    Tarballs of the active bundles, and when each was last seen to be the newest.

    Args:
        folder: Where they are kept; None to keep nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def bundles(self, names: Sequence[str]) -> dict[str, Path] | None:
        """
        Return the tarballs; None where one of them is not kept.
        """
        if self._folder is None:
            return None
        files = {name: self._file(self._folder, name) for name in names}
        return files if all(file.is_file() for file in files.values()) else None

    def keep(self, bundles: Mapping[str, Path]) -> None:
        """
        Keep what has become active.

        Raises:
            OSError: It cannot be kept.
        """
        if self._folder is None:
            return
        for name, bundle in bundles.items():
            file = self._file(self._folder, name)
            replaced(file, bundle.read_bytes())

    def confirmed(self) -> dict[str, float]:
        """
        Say when bundles were confirmed, by their names, in seconds since 1970.
        """
        if self._folder is None:
            return {}
        try:
            found = (self._folder / _CONFIRMED).read_bytes()
            return msgspec.json.decode(found, type=dict[str, float])
        except (OSError, msgspec.DecodeError):
            return {}

    def confirm(self, confirmed: Mapping[str, float]) -> None:
        """
        Note when bundles were confirmed.

        Raises:
            OSError: It cannot be written.
        """
        if self._folder is not None:
            replaced(self._folder / _CONFIRMED, msgspec.json.encode(confirmed))

    @staticmethod
    def _file(folder: Path, name: str) -> Path:
        return folder / f"{name}.tar.gz"
