"""
Whether records are all there, unchanged and in their order.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sidecar.records.chain import NOTHING, Chain, digest_of
from sidecar.records.folder import (
    CHECKPOINTS,
    GONE,
    HEAD,
    SHORTENED,
    Checkpoint,
    Segment,
    checkpoint,
    mac,
    parted,
)

_PACKED: Final = ".gz"


@dataclass(slots=True)
class Found:
    """
    What was found.

    Attributes:
        records: How many records there are.

        chains: The names of their chains.

        problems: What is wrong, each with its place.
    """

    records: int = 0
    chains: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


class _Walk:
    """
    Follows one chain.

    Args:
        found: Gets what is found.

        known: The digests that records must have, by their numbers.

        chain: Where it begins; None for wherever the first record is.
    """

    def __init__(self, found: Found, known: dict[int, str], chain: Chain | None) -> None:
        self._found = found
        self._known = known
        self.chain = chain

    def follow(self, place: str, line: bytes) -> None:
        """
        Take the next record.
        """
        read = _link(line)
        if read is None:
            self._found.problems.append(f"{place}: this is no record")
            return
        name, seq, previous = read
        self._found.records += 1
        self._found.chains.add(name)
        digest = digest_of(line)
        if self.chain is not None:
            self._compare(place, self.chain, name, seq, previous)
        if self._known.get(seq, digest) != digest:
            self._found.problems.append(
                f"{place}: record {seq} of {name} is another one than its checkpoint says"
            )
        self.chain = Chain(name, seq, digest)

    def _compare(self, place: str, before: Chain, name: str, seq: int, previous: str) -> None:
        if name != before.id:
            self._found.problems.append(f"{place}: this is a record of {name}, not of {before.id}")
        elif seq > before.seq + 1:
            missing = f"{before.seq + 1} to {seq - 1}" if seq > before.seq + 2 else f"{seq - 1}"
            self._found.problems.append(
                f"{place}: before record {seq} of {name}, {missing} is missing"
            )
        elif seq <= before.seq:
            self._found.problems.append(
                f"{place}: record {seq} of {name} stands behind record {before.seq}"
            )
        elif previous != before.digest:
            self._found.problems.append(
                f"{place}: record {before.seq} of {name} is another one than record {seq} says"
            )


def verify_file(path: Path) -> Found:
    """
    Verify one file of records, of as many chains as may be. Where a chain ends, nothing says.
    """
    found = Found()
    walks: dict[str, _Walk] = {}
    for number, line in enumerate(_lines(path, found), 1):
        read = _link(line)
        walk = walks.setdefault(read[0] if read else "", _Walk(found, {}, None))
        walk.follow(f"{path.name}, line {number}", line)
    return found


def verify_folder(path: Path, key: bytes | None = None) -> Found:
    """
    Verify a folder of records against its checkpoints.

    Args:
        path: The folder.

        key: What checkpoints are sealed with; None where seals are not looked at.
    """
    found = Found()
    known = [*_heads(path, key, found), *_checkpoints(path, key, found)]
    shortened = any(each.kind == SHORTENED for each in known)
    known = [each for each in known if each.kind != SHORTENED]
    segments: dict[str, dict[int, Segment]] = {}
    for segment in _segments(path):
        segments.setdefault(segment.chain, {})[segment.number] = segment
    for chain in sorted(segments.keys() | {each.chain for each in known}):
        told = [each for each in known if each.chain == chain]
        _verify_chain(path, chain, segments.get(chain, {}), told, found, shortened)
    return found


def _verify_chain(
    path: Path,
    chain: str,
    segments: dict[int, Segment],
    told: list[Checkpoint],
    found: Found,
    shortened: bool,
) -> None:
    by_kind: dict[str, dict[int, Checkpoint]] = {}
    for each in told:
        by_kind.setdefault(each.kind, {})[each.segment] = each
    opened, sealed = by_kind.get("opened", {}), by_kind.get("sealed", {})
    gone = by_kind.get("shipped", {}) | by_kind.get("empty", {})
    heads = by_kind.get("head", {})
    digests = {each.seq: each.digest for each in told if each.kind not in GONE and each.seq}
    walk = _Walk(found, digests, Chain(chain) if min(opened, default=1) == 1 else None)
    before = 0
    for number in sorted(segments.keys() | opened.keys() | sealed.keys() | heads.keys()):
        if shortened and number > before + 1:
            # Those between were sent, and nothing tells of them any more.
            walk.chain = None
        before = number
        if number in opened and walk.chain is None:
            walk.chain = Chain(chain, opened[number].seq, opened[number].digest)
        if number not in segments:
            _verify_gone(Segment(chain, number), by_kind, found)
            if number in by_kind.get("shipped", {}):
                walk.chain = Chain(chain, gone[number].seq, gone[number].digest)
            elif number not in gone and not _half_made(path, chain, number):
                name = Segment(chain, number).name
                found.problems.append(f"{name}: it is missing, and was never sent")
                walk.chain = None
            continue
        segment = segments[number]
        if number not in opened:
            found.problems.append(f"{segment.name}: no checkpoint tells of it")
        for line_number, line in enumerate(_records(path, segment, found), 1):
            walk.follow(f"{segment.name}, line {line_number}", line)
        _verify_end(segment, walk.chain, sealed.get(number) or heads.get(number), found)


def _verify_gone(segment: Segment, by_kind: dict[str, dict[int, Checkpoint]], found: Found) -> None:
    """
    See that all of it was there when it was sent, or that nothing ever was.
    """
    for before, after in (("sealed", "shipped"), ("opened", "empty")):
        told = by_kind.get(before, {}).get(segment.number)
        gone = by_kind.get(after, {}).get(segment.number)
        if told and gone and gone.seq and (told.seq, told.digest) != (gone.seq, gone.digest):
            found.problems.append(
                f"{segment.name}: it was {after} at record {gone.seq}, and {before} at {told.seq}"
            )


def _half_made(path: Path, chain: str, number: int) -> bool:
    return (path / Segment(chain, number, open=True).hidden).exists()


def _verify_end(
    segment: Segment, chain: Chain | None, end: Checkpoint | None, found: Found
) -> None:
    last = chain.seq if chain else 0
    if end is None:
        found.problems.append(f"{segment.name}: no checkpoint says where it ends")
    elif last < end.seq:
        found.problems.append(
            f"{segment.name}: it ends with record {last}, and its checkpoint says {end.seq}"
        )
    elif last > end.seq and end.kind == "sealed":
        found.problems.append(
            f"{segment.name}: it goes on behind record {end.seq}, where its checkpoint says it ends"
        )


def _segments(path: Path) -> Iterator[Segment]:
    named = filter(None, (Segment.named(file.name) for file in sorted(path.iterdir())))
    # Where there are both, the plain one was not deleted yet: the last one counts.
    yield from sorted(named, key=lambda each: (each.chain, each.number, not each.packed))


def _records(path: Path, segment: Segment, found: Found) -> Iterator[bytes]:
    """
    Read a segment, also where it was sealed or compressed since.
    """
    files = (path / name for name in segment.names)
    there = next(filter(Path.exists, files), path / segment.name)
    yield from _lines(there, found, segment.open)


def _lines(path: Path, found: Found, growing: bool = False) -> Iterator[bytes]:
    content = path.read_bytes()
    if path.suffix == _PACKED:
        content = _unpacked(path.name, content, found)
    if growing:
        # What is behind the last line end is being written, or was when its process was killed.
        content = content[: content.rfind(b"\n") + 1]
    if content:
        yield from content.removesuffix(b"\n").split(b"\n")


def _unpacked(name: str, content: bytes, found: Found) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error):
        found.problems.append(f"{name}: it cannot be decompressed: it was changed, or cut off")
        return b""


def _link(line: bytes) -> tuple[str, int, str] | None:
    try:
        link = json.loads(line)["chain"]
        return str(link["id"]), int(link["seq"]), str(link["previous"])
    except (ValueError, KeyError, TypeError):
        return None


def _heads(path: Path, key: bytes | None, found: Found) -> Iterator[Checkpoint]:
    for file in sorted(path.glob(f"*{HEAD}")):
        content = file.read_bytes().rstrip()
        # An empty one is being made. Where one is needed, it is missed all the same.
        if content and (read := _read(file.name, content, key, found)):
            yield read[0]


def _checkpoints(path: Path, key: bytes | None, found: Found) -> Iterator[Checkpoint]:
    file = path / CHECKPOINTS
    before = NOTHING
    lines = _lines(file, found, growing=True) if file.is_file() else ()
    for number, line in enumerate(lines, 1):
        place = f"{CHECKPOINTS}, line {number}"
        read = _read(place, line, key, found)
        if read is None:
            continue
        told, previous = read
        if previous != before and not (number == 1 and told.kind == SHORTENED):
            found.problems.append(f"{place}: the checkpoint before it is another one, or missing")
        before = digest_of(line)
        yield told


def _read(
    place: str, line: bytes, key: bytes | None, found: Found
) -> tuple[Checkpoint, str | None] | None:
    said, seal = parted(line)
    try:
        read = checkpoint(line)
    except ValueError:
        found.problems.append(f"{place}: this is no checkpoint")
        return None
    if key is not None and seal != mac(key, said):
        found.problems.append(f"{place}: its seal is missing, or of another key")
    return read
