"""
sidecar.records.verify: whatever is done to records is found, with its place.
"""

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.records.folder import CHECKPOINTS, Folder, Segment
from sidecar.records.tender import deleted, packed
from sidecar.records.verify import verify_file, verify_folder
from tests.unit.records.keeping import KEY, record, records, segments

Tamper = Callable[[list[bytes]], list[bytes]]


def _filled(folder: Path, *, seal: bool, key: bytes | None = KEY) -> Path:
    """
    Keep nine records in three segments, and return the middle one (or the last where not sealed).
    """
    writing = segments(folder, key)
    for begin in (1, 4, 7):
        for number in range(begin, begin + 3):
            writing.write([record(number)])
        if begin < 7 or seal:
            writing.rotate()
    return sorted(folder.glob("*-00000*.jsonl"))[1 if seal else 2]


def _compressed(folder: Path) -> list[Path]:
    opened = Folder(folder)
    for segment in opened.segments():
        packed(opened, segment)
    return sorted(folder.glob("*-00000*.jsonl.gz"))


def _lines(file: Path) -> list[bytes]:
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).splitlines()


def _rewrite(file: Path, lines: list[bytes]) -> None:
    content = b"".join(line + b"\n" for line in lines)
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)


def _changed(line: bytes) -> bytes:
    return line.replace(b"xx", b"xy", 1)


TAMPERS: dict[str, Tamper] = {
    "changed": lambda lines: [lines[0], _changed(lines[1]), lines[2]],
    "changed first": lambda lines: [_changed(lines[0]), *lines[1:]],
    "changed last": lambda lines: [*lines[:2], _changed(lines[2])],
    "removed": lambda lines: [lines[0], lines[2]],
    "removed first": lambda lines: lines[1:],
    "truncated": lambda lines: lines[:2],
    "emptied": lambda lines: [],
    "reordered": lambda lines: [lines[1], lines[0], lines[2]],
    "doubled": lambda lines: [lines[0], lines[1], lines[1], lines[2]],
    "added": lambda lines: [*lines, lines[2]],
    "foreign": lambda lines: [lines[0], b'{"chain": 5}', *lines[1:]],
    "no JSON": lambda lines: [lines[0], b"{", *lines[1:]],
}


@pytest.mark.parametrize("seal", [True, False], ids=["sealed", "open"])
@pytest.mark.parametrize("tamper", TAMPERS)
def test_what_is_done_to_records_is_found(tmp_path: Path, tamper: str, seal: bool):
    """
    A record that was changed, removed, moved or added is found, and its file is named; also in the
    segment that is being written.
    """
    file = _filled(tmp_path, seal=seal)
    assert verify_folder(tmp_path, KEY).problems == []
    lines = TAMPERS[tamper](file.read_bytes().splitlines())
    file.write_bytes(b"".join(line + b"\n" for line in lines))

    problems = verify_folder(tmp_path, KEY).problems

    assert problems
    assert any(problem.startswith(file.name) for problem in problems) or "first" in tamper


@pytest.mark.parametrize("tamper", TAMPERS)
def test_it_is_found_in_compressed_segments(tmp_path: Path, tamper: str):
    """
    Whoever compresses again what was changed is found as well.
    """
    _filled(tmp_path, seal=True)
    _, file, _ = _compressed(tmp_path)
    _rewrite(file, TAMPERS[tamper](_lines(file)))

    problems = verify_folder(tmp_path, KEY).problems

    assert problems
    assert any(problem.startswith(file.name) for problem in problems) or "first" in tamper


@pytest.mark.parametrize("left", [0, 10, -8, -1])
def test_a_compressed_segment_that_was_cut_off_is_found(tmp_path: Path, left: int):
    """
    However little is missing, and also where it is verified by itself.
    """
    _filled(tmp_path, seal=True)
    _, file, _ = _compressed(tmp_path)
    file.write_bytes(file.read_bytes()[:left])

    assert any(file.name in problem for problem in verify_folder(tmp_path, KEY).problems)
    assert verify_file(file).problems or left == 0


@pytest.mark.parametrize("place", [3, 20, 60, -5])
def test_a_flipped_bit_in_a_compressed_segment_is_found(tmp_path: Path, place: int):
    """
    In its head, in its content, in its sum.
    """
    _filled(tmp_path, seal=True)
    _, file, _ = _compressed(tmp_path)
    content = bytearray(file.read_bytes())
    content[place] ^= 4
    file.write_bytes(content)

    assert any(file.name in problem for problem in verify_folder(tmp_path, KEY).problems)


BORDERS: dict[str, Callable[[list[bytes], list[bytes]], tuple[list[bytes], list[bytes]]]] = {
    "the last one moved on": lambda one, two: (one[:2], [one[2], *two]),
    "the first one moved back": lambda one, two: ([*one, two[0]], two[1:]),
    "two changed places": lambda one, two: ([*one[:2], two[0]], [one[2], *two[1:]]),
    "two segments changed places": lambda one, two: (two, one),
    "both gone at the border": lambda one, two: (one[:2], two[1:]),
    "one twice": lambda one, two: ([*one, two[0]], two),
}


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("border", BORDERS)
def test_what_is_moved_across_a_border_is_found(tmp_path: Path, border: str, compress: bool):
    """
    A record belongs to its segment: where one ends and the next begins, nothing can be moved,
    though each record would still follow the one before it.
    """
    _filled(tmp_path, seal=True)
    files = _compressed(tmp_path) if compress else sorted(tmp_path.glob("*-00000*.jsonl"))
    one, two = BORDERS[border](_lines(files[0]), _lines(files[1]))
    _rewrite(files[0], one)
    _rewrite(files[1], two)

    problems = verify_folder(tmp_path, KEY).problems

    assert any(problem.startswith((files[0].name, files[1].name)) for problem in problems)


def test_what_is_right_is_right(tmp_path: Path):
    """
    Nothing is found where nothing is wrong: several chains, compressed segments, with a key or
    without.
    """
    _filled(tmp_path, seal=True)
    _filled(tmp_path, seal=False)
    folder = Folder(tmp_path)
    for segment in folder.segments()[:2]:
        packed(folder, segment)

    for key in (KEY, None):
        found = verify_folder(tmp_path, key)

        assert (found.problems, found.records, len(found.chains)) == ([], 18, 2)


def test_a_segment_that_is_gone_is_found(tmp_path: Path):
    """
    A file that was deleted, and was not sent.
    """
    file = _filled(tmp_path, seal=True)
    file.unlink()

    assert verify_folder(tmp_path, KEY).problems == [
        f"{file.name}: it is missing, and was never sent"
    ]


def test_a_whole_chain_that_is_gone_is_found(tmp_path: Path):
    """
    Checkpoints tell of it.
    """
    _filled(tmp_path, seal=True)
    for file in tmp_path.glob("*-00000*.jsonl"):
        file.unlink()

    assert len(verify_folder(tmp_path, KEY).problems) == 3


def test_a_file_that_nobody_wrote_is_found(tmp_path: Path):
    """
    A segment under another chain's name.
    """
    file = _filled(tmp_path, seal=True)
    other = Segment("0" * 36, 1)
    (tmp_path / other.name).write_bytes(file.read_bytes())

    assert f"{other.name}: no checkpoint tells of it" in verify_folder(tmp_path, KEY).problems


@pytest.mark.parametrize(
    ("pattern", "by", "said"),
    [
        (rb'"seq":3', b'"seq":2', "its seal is missing, or of another key"),
        (rb',"mac":"[^"]*"', b"", "its seal is missing, or of another key"),
        (rb"^.*\n", b"", "the checkpoint before it is another one, or missing"),
        (rb"^\{", b"[", "this is no checkpoint"),
    ],
)
def test_what_is_done_to_checkpoints_is_found(tmp_path: Path, pattern, by, said):
    """
    They are sealed with the key, and in a chain of their own.
    """
    _filled(tmp_path, seal=True)
    file = tmp_path / CHECKPOINTS
    file.write_bytes(re.sub(pattern, by, file.read_bytes(), count=1))

    problems = verify_folder(tmp_path, KEY).problems

    assert any(said in problem and problem.startswith(CHECKPOINTS) for problem in problems)


def test_a_head_is_sealed_as_well(tmp_path: Path):
    """
    Who cuts off the end cannot make the head fit without the key.
    """
    file = _filled(tmp_path, seal=False)
    (head,) = tmp_path.glob("*.head")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
    head.write_bytes(head.read_bytes().replace(b'"seq":9', b'"seq":8'))

    problems = verify_folder(tmp_path, KEY).problems

    assert f"{head.name}: its seal is missing, or of another key" in problems
    head.unlink()
    assert verify_folder(tmp_path, KEY).problems == [
        f"{file.name}: no checkpoint says where it ends"
    ]


def test_a_torn_end_is_no_record_yet(tmp_path: Path):
    """
    What is behind the last line end of an open segment was not answered.
    """
    file = _filled(tmp_path, seal=False)
    with file.open("ab") as opened:
        opened.write(b'{"decision_id": "d1')

    found = verify_folder(tmp_path, KEY)

    assert (found.problems, found.records) == ([], 9)


def test_a_file_alone(tmp_path: Path):
    """
    Records that somebody else received: of several chains, from anywhere; but whole in between.
    """
    _filled(tmp_path, seal=True, key=None)
    _filled(tmp_path, seal=True, key=None)
    files = sorted(tmp_path.glob("*-00000*.jsonl"))
    lines = [line for file in files for line in file.read_bytes().splitlines()][2:]
    mixed = tmp_path / "received.jsonl"
    mixed.write_bytes(b"".join(line + b"\n" for line in lines))
    zipped = tmp_path / "received.jsonl.gz"
    zipped.write_bytes(gzip.compress(mixed.read_bytes()))

    for file in (mixed, zipped):
        found = verify_file(file)
        assert (found.problems, found.records, len(found.chains)) == ([], 16, 2)
    mixed.write_bytes(b"".join(line + b"\n" for line in lines[:3] + lines[4:]))
    (problem,) = verify_file(mixed).problems
    assert problem.startswith("received.jsonl, line 4: before record 7 of ")
    assert problem.endswith(", 6 is missing")


def test_checkpoints_are_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    What was sent and deleted is not told for ever; what is there is still verified.
    """
    monkeypatch.setattr("sidecar.records.folder._LARGE_BYTES", 5000)
    writing = segments(tmp_path, KEY)
    folder = Folder(tmp_path, KEY)
    for number in range(1, 60):
        writing.write(records(number))
        writing.rotate()
        if number not in (20, 40):
            (segment,) = (each for each in folder.segments() if each.number == number)
            last = (tmp_path / segment.name).read_bytes().splitlines()[-1]
            deleted(folder, segment, last)

    assert os.path.getsize(tmp_path / CHECKPOINTS) < 12_000
    found = verify_folder(tmp_path, KEY)
    assert (found.problems, found.records) == ([], 2)
    (tmp_path / Segment(folder.segments()[0].chain, 20).name).unlink()
    assert len(verify_folder(tmp_path, KEY).problems) == 1
