"""
Who looks after segments that nobody writes any more: those of processes that were killed are
mended, and whole ones are compressed, or sent and deleted.
"""

import fcntl
import gzip
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from sidecar.records.chain import Chain, digest_of
from sidecar.records.folder import Folder, Segment, private
from sidecar.records.segments import Segments, recovered

_log = structlog.stdlib.get_logger("sidecar")

_LOOKS_EVERY_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0
_PART: Final = ".part"

Handle = Callable[[Folder, Segment], None]


class Tender:
    """
    Looks after a folder, in a thread of its own.

    Args:
        folder: The folder.

        handle: What is done with a whole segment. What it raises is logged, and it is tried again,
            later and later.

        segments: What is written by this process; sealed before each look where `rotates`.

        every_s: How often to look.

        rotates: Whether segments are not to grow old, as long as all goes well.
    """

    def __init__(
        self,
        folder: Folder,
        handle: Handle,
        segments: Segments,
        *,
        every_s: float = _LOOKS_EVERY_S,
        rotates: bool = False,
    ) -> None:
        self._folder = folder
        self._handle = handle
        self._segments = segments
        self._every_s = every_s
        self._rotates = rotates
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="records-tender", daemon=True)
        self._thread.start()

    def close(self, within_s: float) -> None:
        """
        Look once more, and end.
        """
        self._ended.set()
        self._thread.join(within_s)

    def look(self) -> bool:
        """
        Look after each segment that nobody else does, oldest first.

        Returns:
            Whether all went well.
        """
        try:
            self._folder.sweep()
            for segment in self._folder.segments():
                if not segment.packed:
                    self._tend(segment)
        except Exception as wrong:
            _log.error("files of records wait", exc_info=wrong)
            return False
        return True

    def _run(self) -> None:
        wait = 0.0
        well = True
        while not self._ended.wait(wait):
            # Where nobody takes them, they would only become many.
            if self._rotates and well:
                self._segments.rotate()
            well = self.look()
            wait = self._every_s if well else min(max(2 * wait, 0.1), _LONGEST_WAIT_S)
        self.look()

    def _tend(self, segment: Segment) -> None:
        with _taken(self._folder.path / segment.name) as file:
            if file is None:
                return
            whole = recovered(self._folder, segment, file) if segment.open else segment
            if whole:
                self._handle(self._folder, whole)


@contextmanager
def _taken(path: Path) -> Iterator[int | None]:
    """
    Hold a segment's lock; None where somebody else does, or where it is gone.
    """
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It may have been deleted, or renamed, between the two.
        yield file if _is_at(path, file) else None
    except BlockingIOError:
        yield None
    finally:
        os.close(file)


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file))
    except FileNotFoundError:
        return False


def packed(folder: Folder, segment: Segment) -> None:
    """
    Compress a segment.
    """
    plain = folder.path / segment.name
    target = folder.path / Segment(segment.chain, segment.number, packed=True).name
    if not target.exists():
        part = target.with_name(target.name + _PART)
        with plain.open("rb") as source, open(part, "wb", opener=private) as file:
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as sink:
                shutil.copyfileobj(source, sink)
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
        folder.sync()
    plain.unlink()


def deleted(folder: Folder, segment: Segment, last: bytes) -> None:
    """
    Delete a segment that was sent.

    Args:
        folder: Where it is.

        segment: The segment.

        last: Its last line.
    """
    seq = int(json.loads(last)["chain"]["seq"])
    with folder.locked():
        folder.note("shipped", segment, Chain(segment.chain, seq, digest_of(last)))
        (folder.path / segment.name).unlink()
