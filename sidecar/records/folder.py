"""
The folder of records: whose files are which, how much there may be, and the checkpoints.

* `<chain>-<number>.open.jsonl` a segment that is being written; its writer holds its lock
* `<chain>-<number>.jsonl`      one that is whole, perhaps compressed (`.jsonl.gz`)
* `<chain>.head`                how far a chain goes whose process lives: written anew each time
* `checkpoints.jsonl`           what segments there are, and where each one ends
* `lock`                        who may write checkpoints, and check the bound
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from sidecar.records.chain import NOTHING, Chain, digest_of

CHECKPOINTS: Final = "checkpoints.jsonl"
HEAD: Final = ".head"
GONE: Final = frozenset({"shipped", "empty"})
SHORTENED: Final = "shortened"

_LOCK: Final = "lock"
_NAME: Final = re.compile(
    r"(?P<chain>[0-9a-f-]{36})-(?P<number>[0-9]{6})(?P<open>\.open)?\.jsonl(?P<packed>\.gz)?"
)
_MAC: Final = re.compile(rb',"mac":"([0-9a-f]{64})"}')
_HEAD_BYTES: Final = 512
_TAIL_BYTES: Final = 8192
_LARGE_BYTES: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class Segment:
    """
    A file of records.

    Attributes:
        chain: The name of the chain that they are of.

        number: Which of the chain's files it is, from 1.

        open: Whether it is being written, or was when its process ended.

        packed: Whether it is compressed.
    """

    chain: str
    number: int
    open: bool = False
    packed: bool = False

    @classmethod
    def named(cls, name: str) -> Self | None:
        """
        Read a file's name; None where it is none of a segment.
        """
        found = _NAME.fullmatch(name)
        if not found:
            return None
        return cls(found["chain"], int(found["number"]), bool(found["open"]), bool(found["packed"]))

    @property
    def hidden(self) -> str:
        """
        The file's name while it is made.
        """
        return f".{self.name}"

    @property
    def name(self) -> str:
        """
        The file's name.
        """
        opened = ".open" if self.open else ""
        packed = ".gz" if self.packed else ""
        return f"{self.chain}-{self.number:06d}{opened}.jsonl{packed}"

    @property
    def names(self) -> tuple[str, ...]:
        """
        The file's name, and those that it gets once it is whole and once it is compressed.
        """
        later = (type(self)(self.chain, self.number, packed=packed) for packed in (False, True))
        return tuple(dict.fromkeys((self.name, *(each.name for each in later))))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """
    What was so at one time.

    Attributes:
        kind: opened, sealed, shipped (and deleted), empty (and deleted), head, or shortened: the
            checkpoints were written anew, without those of segments that are gone.

        chain: The name of the chain.

        segment: The number of the segment.

        seq: The number of the last record then.

        digest: Its digest.
    """

    kind: str
    chain: str
    segment: int
    seq: int
    digest: str


class Folder:
    """
    The folder of records, as one thread has it. Several may have it at once, of one process or of
    many.

    Args:
        path: Where it is.

        key: What checkpoints are sealed with; None where they are not.
    """

    def __init__(self, path: Path, key: bytes | None = None) -> None:
        self.path = path
        self._key = key
        self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        self._large = _LARGE_BYTES

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Be the only one that writes checkpoints, and checks the bound.
        """
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        """
        Let go of it.
        """
        os.close(self._lock)

    def used(self) -> int:
        """
        Say how many bytes its files have.
        """
        used = 0
        with os.scandir(self.path) as entries:
            for entry in entries:
                # A file may be deleted meanwhile.
                with suppress(FileNotFoundError):
                    used += entry.stat().st_size
        return used

    def segments(self) -> list[Segment]:
        """
        List the segments, oldest first.
        """
        found = filter(None, map(Segment.named, os.listdir(self.path)))
        return sorted(found, key=lambda each: (each.chain, each.number, each.packed))

    def sweep(self) -> None:
        """
        Remove segments whose process was killed while it made them: nothing is in them.
        """
        if not any(self._half_made()):
            return
        with self.locked():
            # They are made under the lock: whatever is there now was left.
            for segment in self._half_made():
                self.note("empty", segment, Chain(segment.chain))
                self.drop_head(segment)
                (self.path / segment.hidden).unlink()

    def _half_made(self) -> list[Segment]:
        named = (Segment.named(name[1:]) for name in os.listdir(self.path) if name[:1] == ".")
        return [segment for segment in named if segment]

    def note(self, kind: str, segment: Segment, chain: Chain) -> None:
        """
        Add a checkpoint. The lock must be held.
        """
        file = os.open(self.path / CHECKPOINTS, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            end, previous = _last(file)
            line = self._sealed(
                {
                    "kind": kind,
                    "chain": segment.chain,
                    "segment": segment.number,
                    "seq": chain.seq,
                    "digest": chain.digest,
                    "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                    "previous": previous,
                }
            )
            os.pwrite(file, line + b"\n", end)
            os.fsync(file)
        finally:
            os.close(file)
        if end > self._large:
            self._shorten()

    def head(self, segment: Segment, chain: Chain) -> bytes:
        """
        Write down how far a chain goes, in as many bytes each time.
        """
        said = {
            "kind": "head",
            "chain": segment.chain,
            "segment": segment.number,
            "seq": chain.seq,
            "digest": chain.digest,
        }
        return self._sealed(said).ljust(_HEAD_BYTES - 1) + b"\n"

    def drop_head(self, segment: Segment) -> None:
        """
        Remove a chain's head, unless it tells of another segment. The lock must be held.
        """
        file = self.path / f"{segment.chain}{HEAD}"
        # One that cannot be read stays: whoever verifies is to find it.
        with suppress(FileNotFoundError, ValueError):
            content = file.read_bytes().rstrip()
            if not content or checkpoint(content)[0].segment == segment.number:
                file.unlink()

    def told(self, segment: Segment) -> Chain | None:
        """
        Read how far a chain went in a segment, by its head; None where that does not tell.
        """
        with suppress(FileNotFoundError, ValueError):
            content = (self.path / f"{segment.chain}{HEAD}").read_bytes().rstrip()
            said, seal = parted(content)
            read, _ = checkpoint(content)
            good = self._key is None or seal == mac(self._key, said)
            if good and read.segment == segment.number:
                return Chain(read.chain, read.seq, read.digest)
        return None

    def sync(self) -> None:
        """
        Make the names of its files safe.
        """
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _shorten(self) -> None:
        """
        Write the checkpoints anew, without what they say of segments that were sent and deleted.
        """
        file = self.path / CHECKPOINTS
        lines = file.read_bytes().splitlines()
        gone = set()
        for line in lines:
            said, seal = parted(line)
            if self._key is not None and seal != mac(self._key, said):
                # Whoever looks is to find it as it is.
                return
            read, _ = checkpoint(line)
            if read.kind in GONE:
                gone.add((read.chain, read.segment))
        left = [json.loads(parted(line)[0]) for line in lines]
        previous = digest_of(lines[-1])
        content = b""
        for said in [
            {"kind": SHORTENED, "chain": "", "segment": 0, "seq": 0, "digest": NOTHING},
            *(each for each in left if each["kind"] != SHORTENED and _of(each) not in gone),
        ]:
            line = self._sealed({**said, "previous": previous})
            previous = digest_of(line)
            content += line + b"\n"
        part = file.with_name(f"{CHECKPOINTS}.part")
        with open(part, "wb", opener=private) as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        part.rename(file)
        self._large = max(_LARGE_BYTES, 2 * len(content))

    def _sealed(self, said: dict[str, Any]) -> bytes:
        line = msgspec.json.encode(said)
        if self._key is None:
            return line
        return line[:-1] + b',"mac":"' + mac(self._key, line).encode() + b'"}'


def mac(key: bytes, line: bytes) -> str:
    """
    Return the seal of a checkpoint's line.
    """
    return hmac.new(key, line, hashlib.sha256).hexdigest()


def parted(line: bytes) -> tuple[bytes, str | None]:
    """
    Part a checkpoint's line into what it says and its seal, where it has one.
    """
    found = _MAC.search(line)
    if found is None or found.end() != len(line):
        return line, None
    return line[: found.start()] + b"}", found[1].decode()


def checkpoint(line: bytes) -> tuple[Checkpoint, str | None]:
    """
    Read a checkpoint, and the digest of the one before it, where it tells that.

    Raises:
        ValueError: It is none.
    """
    try:
        said = json.loads(line)
        read = Checkpoint(
            str(said["kind"]),
            str(said["chain"]),
            int(said["segment"]),
            int(said["seq"]),
            str(said["digest"]),
        )
        return read, said.get("previous")
    except (KeyError, TypeError, AttributeError) as wrong:
        raise ValueError("no checkpoint") from wrong


def private(path: str, flags: int) -> int:
    """
    Open a file that is its owner's alone.
    """
    return os.open(path, flags, 0o600)


def _of(said: dict[str, Any]) -> tuple[str, int]:
    return said["chain"], said["segment"]


def _last(file: int) -> tuple[int, str]:
    """
    Say where a file's whole lines end, and the digest of the last one. What was torn is cut off.
    """
    size = os.fstat(file).st_size
    tail = os.pread(file, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    whole = tail.rpartition(b"\n")[0]
    if len(tail) != len(whole) + 1:
        size -= len(tail) - (len(whole) + 1 if b"\n" in tail else 0)
        os.ftruncate(file, size)
    last = whole.rpartition(b"\n")[2]
    return size, digest_of(last) if last else NOTHING
