"""
sidecar.records.segments and .tender: what is on the disk, whatever happens.
"""

import errno
import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from sidecar.records.folder import CHECKPOINTS, Folder
from sidecar.records.tender import Tender, packed
from sidecar.records.verify import verify_folder
from tests.running import eventually
from tests.unit.records.keeping import kept, lines, record, records, segments


def _names(folder: Path, pattern: str) -> list[str]:
    return sorted(file.name[37:] for file in folder.glob(pattern))


def _tender(folder: Path, writing: Any) -> Tender:
    return Tender(Folder(folder), packed, writing, every_s=0.01)


def test_a_segment_is_sealed_when_it_is_large(tmp_path: Path):
    """
    The next record begins another one; a process' end seals the last.
    """
    writing = segments(tmp_path, segment_bytes=600)
    for number in range(1, 10):
        writing.write(records(number))

    assert _names(tmp_path, "*-00000*") == ["000001.jsonl", "000002.jsonl", "000003.open.jsonl"]
    writing.close()
    assert _names(tmp_path, "*-00000*") == ["000001.jsonl", "000002.jsonl", "000003.jsonl"]
    assert list(tmp_path.glob("*.head")) == []
    assert kept(lines(tmp_path)) == [f"d{number}" for number in range(1, 10)]
    assert verify_folder(tmp_path).problems == []


def test_the_bound_counts_what_all_have_written(tmp_path: Path):
    """
    Nothing is written that would not fit, of several chains, and nothing of it is left.
    """
    one, other = (segments(tmp_path, max_bytes=40_000) for _ in range(2))
    with pytest.raises(OSError, match="full"):
        for number in range(1000):
            (one, other)[number % 2].write(records(number, size=500))
    before = Folder(tmp_path).used()

    with pytest.raises(OSError, match="full"):
        one.write(records(1000, size=500))

    assert Folder(tmp_path).used() == before <= 40_000
    assert verify_folder(tmp_path).problems == []


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_a_disk_that_fails_leaves_nothing_half(tmp_path: Path, monkeypatch, call: str):
    """
    What was written in part is taken back; the chain goes on with what is there.
    """
    writing = segments(tmp_path, durable=True)
    writing.write(records(1))
    true_write = os.write
    failing = True

    def write(file: int, content: memoryview) -> int:
        if failing and len(content) > 40:
            return true_write(file, content[:40])
        if failing:
            raise OSError(errno.ENOSPC, "no space")
        return true_write(file, content)

    def fdatasync(_: int) -> None:
        if failing:
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, call, {"write": write, "fdatasync": fdatasync}[call])
    with pytest.raises(OSError):
        writing.write([b"{" + b" " * (40 * 3 - 2) + b"}"] if call == "fdatasync" else [b"{}"])
    failing = False
    writing.write(records(3))
    writing.close()

    assert kept(lines(tmp_path)) == ["d1", "d3"]
    found = verify_folder(tmp_path)
    assert (found.problems, len(found.chains)) == ([], 1)


def test_where_nothing_can_be_taken_back_another_chain_begins(tmp_path: Path, monkeypatch):
    """
    What is in the old one then, nobody knows; what comes next is safe all the same.
    """
    writing = segments(tmp_path, durable=True)
    writing.write(records(1))

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", broken)
        patched.setattr(os, "ftruncate", broken)
        with pytest.raises(OSError):
            writing.write(records(2))
    writing.write(records(3))
    _tender(tmp_path, writing).close(20)

    assert len({file.name[:36] for file in tmp_path.glob("*-00000*")}) == 2
    assert verify_folder(tmp_path).problems == []


@pytest.mark.parametrize(
    ("torn", "left"),
    [
        (b'{"decision_id":"d4","ch', [1, 2, 3]),
        (b"\0" * 300, [1, 2, 3]),
        (b"\0" * 300 + b"\n", [1, 2, 3]),
        (b'{"decision_id":"d4"}\n', [1, 2, 3]),
        (b"", [1, 2, 3]),
        (None, []),
    ],
)
def test_what_a_kill_left_is_mended(tmp_path: Path, torn: bytes | None, left: list[int]):
    """
    A torn last line is cut, and the segment sealed where it ends then; an empty one is removed.
    """
    killed = segments(tmp_path)
    killed.write(records(1, 2, 3))
    (file,) = tmp_path.glob("*.open.jsonl")
    if torn is None:
        os.truncate(file, 0)
    else:
        with file.open("ab") as opened:
            opened.write(torn)
    killed._let_go()
    tender = _tender(tmp_path, segments(tmp_path))

    assert eventually(lambda: not list(tmp_path.glob("*.open.jsonl")))
    tender.close(20)
    assert list(tmp_path.glob("*.head")) == []
    found = verify_folder(tmp_path)
    assert found.records == len(left)
    assert found.problems == []


def test_what_is_being_written_is_left_alone(tmp_path: Path):
    """
    A segment belongs to its writer as long as that lives; what is sealed is compressed.
    """
    writing = segments(tmp_path)
    writing.write(records(1))
    tender = _tender(tmp_path, writing)
    writing.rotate()
    writing.write(records(2))

    assert eventually(lambda: list(tmp_path.glob("*.gz")))
    tender.close(20)

    assert _names(tmp_path, "*-00000*") == ["000001.jsonl.gz", "000002.open.jsonl"]
    assert kept(gzip.decompress(next(tmp_path.glob("*.gz")).read_bytes()).splitlines()) == ["d1"]
    found = verify_folder(tmp_path)
    assert (found.problems, found.records) == ([], 2)


def test_compressing_that_was_cut_off_is_begun_again(tmp_path: Path):
    """
    Half a file is written over; where both are whole, the plain one goes.
    """
    writing = segments(tmp_path)
    for number in (1, 2):
        writing.write(records(number))
        writing.rotate()
    first, second = sorted(tmp_path.glob("*-00000*"))
    first.with_name(first.name + ".gz.part").write_bytes(b"half")
    second.with_name(second.name + ".gz").write_bytes(gzip.compress(second.read_bytes()))

    _tender(tmp_path, writing).close(20)

    assert _names(tmp_path, "*-00000*") == ["000001.jsonl.gz", "000002.jsonl.gz"]
    assert verify_folder(tmp_path).problems == []


def test_a_segment_that_was_only_being_made_is_removed(tmp_path: Path, monkeypatch):
    """
    Its process was killed before it had its name; nothing was in it, and nothing is missing.
    """
    killed = segments(tmp_path)
    killed.write(records(1))
    killed.rotate()

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", kill)
        with pytest.raises(KeyboardInterrupt):
            killed.write(records(2))
    assert len(list(tmp_path.glob(".*.open.jsonl"))) == 1
    assert verify_folder(tmp_path).problems == []

    _tender(tmp_path, segments(tmp_path)).close(20)

    assert list(tmp_path.glob("*.open.jsonl")) == []
    assert verify_folder(tmp_path).problems == []


def test_torn_checkpoints_are_cut(tmp_path: Path):
    """
    The next one stands in a line of its own.
    """
    writing = segments(tmp_path)
    writing.write(records(1))
    with (tmp_path / CHECKPOINTS).open("ab") as opened:
        opened.write(b'{"kind": "seal')
    assert verify_folder(tmp_path).problems == []
    writing.close()

    assert verify_folder(tmp_path).problems == []


def test_records_are_for_their_owner_alone(tmp_path: Path):
    """
    Nobody else may read the files.
    """
    writing = segments(tmp_path)
    writing.write([record(1)])
    writing.rotate()
    writing.write([record(2)])
    _tender(tmp_path, writing).close(20)

    assert list(tmp_path.glob("*.gz"))
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}
