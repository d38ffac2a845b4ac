"""
sidecar.records.segments and .tender: what is on the disk, whatever happens.
"""

import errno
import gzip
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sidecar.records.folder import CHECKPOINTS, Folder
from sidecar.records.tender import Tender, packed
from sidecar.records.verify import verify_folder
from tests.running import eventually
from tests.unit.records.keeping import KEY, kept, lines, record, records, segments


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


@pytest.mark.parametrize("left", range(1, 8))
def test_a_file_that_cannot_be_begun_costs_its_records_alone(tmp_path, monkeypatch, left: int):
    """
    Whichever step fails, the next record begins another file, in the same chain.
    """
    writing = segments(tmp_path, KEY, durable=True)
    steps = 0

    def failing(step: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == left:
                raise OSError(errno.EIO, "broken")
            return step(*arguments)

        return counted

    with monkeypatch.context() as patched:
        for name in ("pwrite", "fsync"):
            patched.setattr(os, name, failing(getattr(os, name)))
        patched.setattr(Path, "rename", failing(Path.rename))
        with suppress(OSError):
            writing.write(records(1))
    writing.write(records(2))
    tender = Tender(Folder(tmp_path, KEY), packed, writing, every_s=0.01)
    writing.write(records(3))
    tender.close(20)

    found = verify_folder(tmp_path, KEY)
    assert (found.problems, len(found.chains)) == ([], 1)
    assert kept(lines(tmp_path))[-2:] == ["d2", "d3"]


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
    ],
)
def test_what_a_kill_left_is_mended(tmp_path: Path, torn: bytes, left: list[int]):
    """
    A torn last line is cut, and the segment sealed where it ends then; an empty one is removed.
    """
    killed = segments(tmp_path)
    killed.write(records(1, 2, 3))
    (file,) = tmp_path.glob("*.open.jsonl")
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


@pytest.mark.parametrize("left", [0, 1, 2])
def test_what_was_cut_off_a_killed_one_is_found_after_mending(tmp_path: Path, left: int):
    """
    Mending does not make it whole: the head told how far it went.
    """
    killed = segments(tmp_path, KEY)
    killed.write(records(1, 2, 3))
    killed._let_go()
    (file,) = tmp_path.glob("*.open.jsonl")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:left]))
    assert len(verify_folder(tmp_path, KEY).problems) == 1

    tender = Tender(Folder(tmp_path, KEY), packed, segments(tmp_path, KEY), every_s=0.01)
    tender.close(20)

    assert list(tmp_path.glob("*.open.jsonl")) == []
    (problem,) = verify_folder(tmp_path, KEY).problems
    assert "3" in problem


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


class Killed(BaseException):
    """
    Stands for the end of a process: nothing catches it.
    """


class Steps:
    """
    Lets so many steps of a disk happen, and no more.

    Args:
        left: How many.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """
        Count a step.
        """

        def counted(*arguments: Any, **named: Any) -> Any:
            if not self.left:
                raise Killed()
            self.left -= 1
            return step(*arguments, **named)

        return counted


@pytest.mark.parametrize("mending", [False, True], ids=["writing", "mending"])
@pytest.mark.parametrize("left", range(60))
def test_an_end_between_any_two_steps(tmp_path: Path, monkeypatch, left: int, mending: bool):
    """
    Wherever a process is killed, while it writes or while it mends what another one left: what was
    kept is there, and nothing is taken for missing, before it is mended and after.
    """
    writing = segments(tmp_path, KEY, segment_bytes=400, durable=True)
    acknowledged: list[int] = []
    if mending:
        writing.write(records(0))
        acknowledged.append(0)
    tender = Tender.__new__(Tender)
    tender._folder, tender._handle = Folder(tmp_path, KEY), packed
    with monkeypatch.context() as patched:
        steps = Steps(left)
        for name in ("write", "pwrite", "fsync", "fdatasync", "ftruncate", "open"):
            patched.setattr(os, name, steps(getattr(os, name)))
        for name in ("rename", "unlink"):
            patched.setattr(Path, name, steps(getattr(Path, name)))
        with suppress(Killed):
            if mending:
                writing._let_go()
                tender.look()
            else:
                for number in range(1, 6):
                    writing.write(records(number))
                    acknowledged.append(number)
                writing.close()
    writing._let_go()

    for _ in range(2):
        found = verify_folder(tmp_path, KEY)
        assert found.problems == []
        assert found.records in (len(acknowledged), len(acknowledged) + 1)
        tender.look()
    assert list(tmp_path.glob("*.open.jsonl")) == []
    assert [file.name for file in tmp_path.glob("*.part")] == []


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
