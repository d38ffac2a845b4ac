"""
Where records are read from: files, folders of files, and stores that speak S3. Files may be
written, sealed, compressed or taken away meanwhile.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, Literal

from sidecar.errors import SettingsError
from sidecar.records.bucket import Bucket
from sidecar.records.folder import CHECKPOINTS, Segment

Kind = Literal["lines", "packed", "parquet"]
Fetch = Callable[[str], BinaryIO]

_ENDINGS: Final = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet")
_BEGINS: Final[Mapping[bytes, Kind]] = {b"PAR1": "parquet", b"\x1f\x8b": "packed"}
_ENDING: Final[Mapping[Kind, str]] = {
    "lines": ".jsonl",
    "packed": ".jsonl.gz",
    "parquet": ".parquet",
}

# What is held open, or fetched, at once.
_FILES: Final = 200
_BYTES: Final = 536_870_912
_FETCHERS: Final = 8


@dataclass(frozen=True, slots=True)
class Opened:
    """
    A file of records that can be read for as long as its batch is held, whatever becomes of its
    name.

    Attributes:
        place: Where it is, for people.

        path: Where it can be read.

        kind: Lines of JSON, the same compressed with gzip, or Parquet.

        size: How large it is, in bytes.
    """

    place: str
    path: Path
    kind: Kind
    size: int


@dataclass(frozen=True, slots=True)
class _Found:
    """
    Files that are at one place.

    Attributes:
        sizes: How large each one is, in bytes, by its name.

        place: Says where one is, for people.

        fetch: Opens one.
    """

    sizes: Mapping[str, int]
    place: Callable[[str], str]
    fetch: Fetch


class Source:
    """
    Files of records.

    Args:
        places: Files, folders that hold files, and addresses such as `s3://bucket/prefix`.

    Raises:
        SettingsError: Something is not there, or cannot be read; the message names it.
        MissingPart: There is an address, and what speaks S3 is not installed.

    Attributes:
        size: How large all of them are, in bytes.
    """

    def __init__(self, places: Iterable[str]) -> None:
        self._found = [
            _in_bucket(place) if Bucket.is_at(place) else _here(place) for place in places
        ]
        self.size = sum(sum(found.sizes.values()) for found in self._found)

    def batches(self) -> Iterator[Sequence[Opened]]:
        """
        Open the files, some at a time: each batch can be read until the next one is asked for.

        Raises:
            SettingsError: A file cannot be read.
        """
        for found in self._found:
            for names in _parted(found.sizes):
                with _opened(found, names) as batch:
                    yield batch


def _here(place: str) -> _Found:
    path = Path(place)
    if not path.exists():
        raise SettingsError(f"{place} is not there")
    if not path.is_dir():
        return _Found({place: _size(path)}, str, _open)
    seen: dict[str, None] = {}
    # A file that is renamed while names are read may be in none of them.
    while not seen.keys() >= (names := _names_below(path)).keys():
        seen |= names
    return _Found({name: _size(Path(name)) for name in _chosen(seen)}, str, _open)


def _in_bucket(address: str) -> _Found:
    bucket = Bucket(address)
    sizes = bucket.sizes()
    # One object by its key is taken whatever its name.
    chosen = [*sizes] if address == bucket.place(next(iter(sizes), "")) else _chosen(sizes)
    if not chosen:
        raise SettingsError(f"{address} holds no files of records")
    return _Found({key: sizes[key] for key in chosen}, bucket.place, partial(_fetched, bucket))


def _names_below(folder: Path) -> dict[str, None]:
    return {str(file): None for file in folder.rglob("*") if file.is_file()}


def _chosen(names: Iterable[str]) -> list[str]:
    """
    Choose what holds records; and of a segment that is there open, whole and compressed, or was
    when it was copied, the last.
    """
    chosen: dict[tuple[str, ...], str] = {}
    for name in sorted(names):
        folder, _, file = name.rpartition("/")
        if file[:1] == "." or file == CHECKPOINTS or not file.endswith(_ENDINGS):
            continue
        segment = Segment.named(file)
        key = (folder, segment.chain, str(segment.number)) if segment else (name,)
        if key not in chosen or _rank(chosen[key]) < _rank(name):
            chosen[key] = name
    return [*chosen.values()]


def _rank(name: str) -> int:
    segment = Segment.named(name.rpartition("/")[2])
    return 0 if segment is None or segment.open else 1 + segment.packed


def _parted(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    names: list[str] = []
    taken = 0
    for name, size in sizes.items():
        if names and (len(names) == _FILES or taken + size > _BYTES):
            yield names
            names, taken = [], 0
        names.append(name)
        taken += size
    if names:
        yield names


@contextmanager
def _opened(found: _Found, names: Sequence[str]) -> Iterator[list[Opened]]:
    """
    Open files, each under a name that lasts and says what it is.
    """
    with TemporaryDirectory(prefix="sidecar-records-") as folder, ExitStack() as held:
        with ThreadPoolExecutor(_FETCHERS) as pool:
            files = [held.enter_context(file) for file in pool.map(found.fetch, names)]
        batch = []
        for number, (name, file) in enumerate(zip(names, files, strict=True)):
            kind = _kind(file)
            path = Path(folder, f"{number}{_ENDING[kind]}")
            path.symlink_to(f"/proc/{os.getpid()}/fd/{file.fileno()}")
            batch.append(Opened(found.place(name), path, kind, found.sizes[name]))
        yield batch


def _open(name: str) -> BinaryIO:
    """
    Open a file, also where it was sealed or compressed since its name was read.
    """
    path = Path(name)
    segment = Segment.named(path.name)
    for now in segment.names if segment else (path.name,):
        try:
            return path.with_name(now).open("rb")
        except FileNotFoundError:
            continue
        except OSError as wrong:
            raise SettingsError(f"{name} cannot be read: {wrong.strerror}") from wrong
    raise SettingsError(f"{name} is not there")


def _fetched(bucket: Bucket, key: str) -> BinaryIO:
    with TemporaryDirectory(prefix="sidecar-fetched-") as folder:
        target = Path(folder, "object")
        bucket.fetch(key, target)
        # Without a name it is gone once it is closed.
        return target.open("rb")


def _size(path: Path) -> int:
    # It may have another name now: it is found when it is opened.
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _kind(file: BinaryIO) -> Kind:
    begins = os.pread(file.fileno(), 4, 0)
    return next((kind for magic, kind in _BEGINS.items() if begins.startswith(magic)), "lines")
