"""
Records in files of a folder.
"""

import errno
import fcntl
import json
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from sidecar.names import new_id
from sidecar.records.chain import Chain, digest_of
from sidecar.records.folder import HEAD, Folder, Segment
from sidecar.records.stdout import write_all

# What checkpoints and heads may need beside the records.
_RESERVE: Final = 16_384
# Twice as many as there can be workers.
_SHARES: Final = 128


class Segments:
    """
    Writes records into the segments of a chain. Safe to share between threads.

    Args:
        folder: Where they are.

        chain: The chain that records are put into.

        segment_bytes: How large a segment gets.

        max_bytes: How large all that is in the folder may get, of all processes.

        durable: Whether a record is to outlive the machine's power.
    """

    def __init__(
        self,
        folder: Folder,
        chain: Chain,
        *,
        segment_bytes: int,
        max_bytes: int,
        durable: bool,
    ) -> None:
        self._folder = folder
        self._chain = chain
        self._segment_bytes = segment_bytes
        self._max_bytes = max_bytes
        self._durable = durable
        self._lock = threading.Lock()
        self._number = 0
        self._file: int | None = None
        self._head: int | None = None
        self._length = 0
        self._room = 0

    def write(self, records: Sequence[bytes]) -> None:
        """
        Write records: all or none.

        Raises:
            OSError: There is no room for them, or the disk does not take them.
        """
        lines, chain = self._chain.linked(records)
        with self._lock:
            with self._folder.locked():
                self._make_room(len(lines))
                if self._file is None:
                    self._open()
                file = self._descriptor()
                try:
                    write_all(file, lines)
                except OSError:
                    self._take_back()
                    raise
            try:
                if self._durable:
                    os.fdatasync(file)
            except OSError:
                self._take_back()
                raise
            self._length += len(lines)
            self._chain = chain
            self._write_head(self._segment, chain)
            if self._length >= self._segment_bytes:
                self._seal()

    def end(self) -> None:
        """
        Do nothing: no write takes long.
        """

    def close(self) -> None:
        """
        Seal the last segment.
        """
        self.rotate()

    def rotate(self) -> None:
        """
        Seal the segment that is being written; the next record begins another one.
        """
        with self._lock:
            if self._file is not None:
                self._seal()

    @property
    def _segment(self) -> Segment:
        return Segment(self._chain.id, self._number, open=True)

    def _descriptor(self) -> int:
        assert self._file is not None
        return self._file

    def _make_room(self, size: int) -> None:
        """
        See that there is room. Far from the bound the folder is not looked through each time: of
        what is free, each process takes so little that all together cannot get there.
        """
        if size > self._room:
            free = self._max_bytes - _RESERVE - self._folder.used()
            if size > free:
                self._room = 0
                raise OSError(errno.EDQUOT, "the folder of records is full")
            self._room = max(size, free // _SHARES)
        self._room -= size

    def _open(self) -> None:
        # Where it comes to nothing, the number is used up: a checkpoint may tell of it.
        self._number += 1
        segment = self._segment
        path = self._folder.path / segment.name
        # Gets its name only when it is locked: nobody is to take it for one that was left.
        hidden = path.with_name(segment.hidden)
        file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._write_head(segment, self._chain)
            self._folder.note("opened", segment, self._chain)
            hidden.rename(path)
            if self._durable:
                self._folder.sync()
        except BaseException:
            # What is there now is removed by whoever looks after the folder.
            os.close(file)
            self._let_go()
            raise
        self._file, self._length = file, 0

    def _write_head(self, segment: Segment, chain: Chain) -> None:
        if self._head is None:
            path = self._folder.path / f"{segment.chain}{HEAD}"
            self._head = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(self._head, self._folder.head(segment, chain), 0)

    def _take_back(self) -> None:
        """
        Cut off what was written of records that do not count.
        """
        with suppress(OSError):
            os.ftruncate(self._descriptor(), self._length)
            return
        # What is there, nobody knows: another chain begins, and this one is cut at the next start.
        self._let_go()
        self._chain = Chain(new_id())
        self._number = 0

    def _seal(self) -> None:
        segment = self._segment
        with self._folder.locked():
            if self._durable:
                os.fsync(self._descriptor())
            sealed(self._folder, segment, self._chain)
        self._let_go()

    def _let_go(self) -> None:
        for file in (self._file, self._head):
            if file is not None:
                os.close(file)
        self._file = self._head = None


def sealed(folder: Folder, segment: Segment, chain: Chain) -> Segment:
    """
    Note where a segment ends that was written. Both locks must be held.
    """
    whole = Segment(segment.chain, segment.number)
    folder.note("sealed", segment, chain)
    (folder.path / segment.name).rename(folder.path / whole.name)
    folder.drop_head(segment)
    return whole


def recovered(folder: Folder, segment: Segment, file: int) -> Segment | None:
    """
    Seal a segment whose process has ended without: its last line may be torn, and is cut then. What
    was answered is in whole lines.

    Args:
        folder: Where it is.

        segment: The segment; its lock is held.

        file: Its descriptor, to read and to write.

    Returns:
        The segment as it is now; None where no record was in it.
    """
    with os.fdopen(os.dup(file), "rb") as opened:
        content = opened.read()
    end, chain = _whole(content, segment)
    os.ftruncate(file, end)
    with folder.locked():
        if (told := folder.told(segment)) and told.seq >= chain.seq:
            # What is less than was there once, or another, is to be found by whoever verifies.
            chain = told
        if not end:
            folder.note("empty", segment, chain)
            (folder.path / segment.name).unlink()
            folder.drop_head(segment)
            return None
        return sealed(folder, segment, chain)


def _whole(content: bytes, segment: Segment) -> tuple[int, Chain]:
    """
    Say where the last line ends that is a record, and how far the chain goes there.
    """
    end = content.rfind(b"\n") + 1
    while end:
        begin = content.rfind(b"\n", 0, end - 1) + 1
        last = content[begin : end - 1]
        # Where the power failed, a line may be of the right length and hold anything.
        with suppress(ValueError, KeyError, TypeError):
            seq = int(json.loads(last)["chain"]["seq"])
            return end, Chain(segment.chain, seq, digest_of(last))
        end = begin
    return 0, Chain(segment.chain)
