"""
Which files of records there are, and that they can be read whatever becomes of their names.
"""

import gzip
from pathlib import Path

import pytest

from sidecar.errors import SettingsError
from sidecar.records import source
from sidecar.records.folder import Segment
from sidecar.records.source import Source

CHAIN = "01a20f1a-e03d-7cdb-8cbe-f12368dcaf97"


def _write(path: Path, content: bytes = b"{}\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _places(*places: Path) -> list[str]:
    opened = Source(map(str, places)).batches()
    return [file.place for batch in opened for file in batch]


def test_of_a_folder_what_holds_records_is_read(tmp_path: Path):
    """
    Lines, compressed lines and Parquet, also in folders below; nothing that is hidden, checkpoints,
    heads, locks or something else.
    """
    wanted = ["a.jsonl", "b.jsonl.gz", "below/c.json", "below/d.json.gz", "e.parquet"]
    other = [".f.jsonl", "checkpoints.jsonl", "lock", f"{CHAIN}.head", "g.txt", "h.jsonl.gz.part"]
    for name in [*wanted, *other]:
        _write(tmp_path / name)

    assert sorted(_places(tmp_path)) == sorted(str(tmp_path / name) for name in wanted)


def test_of_a_segment_that_is_there_twice_the_last_is_read(tmp_path: Path):
    """
    It is for a moment while it is compressed, and in a copy that was made while it was written.
    """
    forms = [{"open": True}, {}, {"packed": True}]
    names = [Segment(CHAIN, 1, **form).name for form in forms]
    for name in names:
        _write(tmp_path / name)
    other = _write(tmp_path / Segment(CHAIN, 2, open=True).name)
    elsewhere = _write(tmp_path / "older" / names[0])

    assert _places(tmp_path) == [str(tmp_path / names[2]), str(other), str(elsewhere)]


def test_a_file_says_itself_what_it_is(tmp_path: Path):
    """
    Whatever its name is, where it is named.
    """
    lines = _write(tmp_path / "lines.gz")
    packed = _write(tmp_path / "packed.txt", gzip.compress(b"{}\n"))
    parquet = _write(tmp_path / "parquet", b"PAR1....")
    empty = _write(tmp_path / "empty.jsonl.gz", b"")

    places = map(str, (lines, packed, parquet, empty))
    kinds = {file.place: file.kind for batch in Source(places).batches() for file in batch}

    assert kinds == {
        str(lines): "lines",
        str(packed): "packed",
        str(parquet): "parquet",
        str(empty): "lines",
    }


def test_a_segment_is_found_under_the_name_that_it_has_by_then(tmp_path: Path):
    """
    It may be sealed and compressed between the listing and the reading, and deleted while it is
    read.
    """
    first, second = (Segment(CHAIN, number, open=True) for number in (1, 2))
    for segment in (first, second):
        _write(tmp_path / segment.name, b"as it was\n")
    listed = Source([str(tmp_path)])
    (tmp_path / first.name).rename(tmp_path / Segment(CHAIN, 1).name)
    (tmp_path / second.name).unlink()
    packed = _write(tmp_path / Segment(CHAIN, 2, packed=True).name, gzip.compress(b"packed\n"))

    batches = listed.batches()
    batch = next(batches)
    packed.unlink()

    assert [file.kind for file in batch] == ["lines", "packed"]
    assert batch[0].path.read_bytes() == b"as it was\n"
    assert gzip.decompress(batch[1].path.read_bytes()) == b"packed\n"


def test_many_files_are_read_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    No more than a number of them, and no more bytes, is held at once; each is read once.
    """
    for number in range(7):
        _write(tmp_path / f"{number}.jsonl", b"x" * (100 if number == 5 else 10))
    monkeypatch.setattr(source, "_FILES", 3)
    monkeypatch.setattr(source, "_BYTES", 60)
    found = Source([str(tmp_path)])

    batches = [[file.size for file in batch] for batch in found.batches()]

    assert batches == [[10, 10, 10], [10, 10], [100], [10]]
    assert found.size == 160


def test_what_is_not_there_is_named(tmp_path: Path):
    """
    At once, or once it is to be read.
    """
    with pytest.raises(SettingsError, match=r"none\.jsonl is not there"):
        Source([str(tmp_path / "none.jsonl")])

    gone = _write(tmp_path / "gone.jsonl")
    listed = Source([str(tmp_path)])
    gone.unlink()
    with pytest.raises(SettingsError, match=r"gone\.jsonl is not there"):
        next(listed.batches())


def test_what_cannot_be_read_is_named(tmp_path: Path):
    """
    With the reason.
    """
    file = _write(tmp_path / "a.jsonl")
    listed = Source([str(file)])
    file.unlink()
    file.mkdir()

    with pytest.raises(SettingsError, match=r"a\.jsonl cannot be read: Is a directory"):
        next(listed.batches())


@pytest.mark.parametrize("address", ["s3://", "s3:///prefix"])
def test_an_address_names_a_bucket(address: str):
    """
    One that does not is named.
    """
    with pytest.raises(SettingsError, match="must be s3://bucket or s3://bucket/prefix"):
        Source([address])
