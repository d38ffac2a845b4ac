"""
Where OPA's binary is had from.

In this order: on the PATH, in the cache, built with Go into the cache. The first that is new enough
is taken. Go checks what it builds against its public log of modules, so that nothing has to be
believed of what was downloaded. Where all of this fails, a sentence says what to do.
"""

import fcntl
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sidecar.bundle.go import GoMissing, go_binary
from sidecar.errors import MissingPart

# Older ones had an index that could give wrong results, or took unsigned bundles.
AT_LEAST: Final = (1, 22, 2)
PINNED: Final = "1.22.2"

_MODULE: Final = f"github.com/open-policy-agent/opa@v{PINNED}"
_VERSION: Final = re.compile(r"^Version: (\d+)\.(\d+)\.(\d+)", re.MULTILINE)
_SAYS_VERSION_WITHIN_S: Final = 20
_BUILT_WITHIN_S: Final = 1800

_log = logging.getLogger(__name__)


def opa_binary() -> Path:
    """
    Find OPA's binary, or build it.

    Returns:
        Path of a binary that is new enough.

    Raises:
        MissingPart: There is none, and none can be built; the message says what to do.
    """
    return _on_path() or _cached() or _built()


def version(opa: Path) -> tuple[int, int, int] | None:
    """
    Ask a binary for its version; None where it is no OPA, or does not run.
    """
    try:
        done = subprocess.run(
            [opa, "version"],
            capture_output=True,
            text=True,
            timeout=_SAYS_VERSION_WITHIN_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    said = _VERSION.search(done.stdout)
    return (int(said[1]), int(said[2]), int(said[3])) if said else None


def _is_new_enough(opa: Path) -> bool:
    return (version(opa) or (0, 0, 0)) >= AT_LEAST


def _on_path() -> Path | None:
    found = (shutil.which("opa", path=folder) for folder in os.get_exec_path())
    paths = (Path(opa).absolute() for opa in found if opa)
    return next(filter(_is_new_enough, paths), None)


def _cached() -> Path | None:
    opa = _cache() / "opa"
    return opa if _is_new_enough(opa) else None


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        cache = Path(base) if base.startswith("/") else Path.home() / ".cache"
    except RuntimeError:
        raise _missing("there is no home directory to build one in") from None
    return cache / "sidecar" / f"opa-{PINNED}"


def _built() -> Path:
    try:
        with _alone(_cache()):
            # Who had to wait, waited for the one that built it.
            return _cached() or _install()
    except OSError as wrong:
        raise _missing(f"{_cache()} cannot be written to") from wrong


def _install() -> Path:
    with tempfile.TemporaryDirectory(dir=_cache()) as folder:
        try:
            go = go_binary(Path(folder, "go"))
            _log.warning("Building OPA %s with Go. This takes a minute or two, once.", PINNED)
            subprocess.run(
                [go, "install", _MODULE],
                cwd=folder,
                env=_go_environment(folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_BUILT_WITHIN_S,
                check=True,
            )
        except GoMissing as wrong:
            raise _missing(str(wrong)) from wrong
        except subprocess.TimeoutExpired as wrong:
            raise _missing("Go does not get done building one") from wrong
        except subprocess.CalledProcessError as wrong:
            raise _missing(f"Go could not build one ({_last_line(wrong.stderr)})") from wrong
        if not _is_new_enough(opa := Path(folder, "opa")):
            raise _missing("the one that Go built does not run")
        # Put in place only when it is whole.
        return opa.replace(_cache() / "opa")


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it did not say why"])[-1]


def _go_environment(folder: str) -> Mapping[str, str]:
    # Without cgo, the binary runs in a container that has nothing else.
    ours = {"CGO_ENABLED": "0", "GOBIN": folder, "GOFLAGS": "", "GOOS": "", "GOARCH": ""}
    return {**os.environ, **ours}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _missing(why: str) -> MissingPart:
    least = ".".join(map(str, AT_LEAST))
    return MissingPart(
        f"OPA {least} or newer is needed: it is not on the PATH, and {why}. Install OPA and put it "
        "on the PATH as opa, or install Go, and start again."
    )
