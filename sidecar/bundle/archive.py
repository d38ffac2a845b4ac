"""
A bundle's tarball, unpacked without trusting it.
"""

import json
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sidecar.errors import SettingsError

MOST_BYTES: Final = 256 * 1024 * 1024
"""
How large a bundle's files may be, all together: a small tarball can hold very much.
"""

_MOST_FILES: Final = 10_000


TOO_LARGE: Final = "holds more than a bundle may"
"""
What is said of a tarball that holds too much.
"""


def unpack(bundle: Path, folder: Path) -> None:
    """
    Unpack a tarball.

    Args:
        bundle: The tarball.

        folder: An empty folder.

    Raises:
        SettingsError: It is no tarball, it is too large, or an entry is no plain file in a folder
            below, such as a link or a path that leads elsewhere.
    """
    try:
        with tarfile.open(bundle, "r:gz") as tar:
            left = MOST_BYTES
            for count, member in enumerate(tar, 1):
                left -= member.size
                if left < 0 or count > _MOST_FILES:
                    raise SettingsError(f"{bundle} {TOO_LARGE}")
                if not (member.isfile() or member.isdir()):
                    raise SettingsError(f"{bundle} holds something else than files and folders")
                tar.extract(member, folder, filter="data")
    except FileNotFoundError as wrong:
        raise SettingsError(f"there is no bundle {bundle}") from wrong
    except tarfile.FilterError as wrong:
        raise SettingsError(f"{bundle} holds a path that leads out of it") from wrong
    except (OSError, EOFError, tarfile.TarError) as wrong:
        raise SettingsError(f"{bundle} is no gzipped tarball, or is broken off") from wrong


def document(folder: Path, name: str) -> Any:
    """
    Read a document of JSON in an unpacked bundle; None where it is not there or is not JSON.
    """
    try:
        return json.loads(Path(folder, *PurePosixPath(name).parts).read_bytes())
    except (OSError, ValueError):
        return None
