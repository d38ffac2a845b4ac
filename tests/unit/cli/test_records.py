"""
`sidecar records verify`.
"""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar.cli.records import records as command
from tests.unit.records.keeping import KEY, records, segments


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """
    A folder with three records.
    """
    folder = tmp_path / "records"
    folder.mkdir()
    writing = segments(folder, KEY)
    writing.write(records(1, 2, 3))
    writing.close()
    return folder


def _verify(*arguments: Path | str) -> Result:
    return CliRunner().invoke(command, ["verify", *map(str, arguments)])


def _file(folder: Path) -> Path:
    (file,) = folder.glob("*-00000*")
    return file


def test_what_is_right(folder: Path, tmp_path: Path):
    """
    Exit code 0, and how many there are; with the key or without, and of one file.
    """
    key = tmp_path / "key"
    key.write_bytes(KEY + b"\n")
    said = "3 records in 1 chain: nothing is missing, changed or moved\n"

    for arguments in ([folder], [folder, "--key", key], [_file(folder)]):
        done = _verify(*arguments)
        assert (done.exit_code, done.output) == (0, said)


def test_what_is_wrong_is_named_with_its_place(folder: Path):
    """
    Exit code 1.
    """
    file = _file(folder)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + lines[2])

    done = _verify(folder)

    assert done.exit_code == 1
    assert done.output.startswith(f"{file.name}, line 2: before record 3 of ")
    assert done.output.endswith(", 2 is missing\n")


def test_another_key_is_found(folder: Path, tmp_path: Path):
    """
    Exit code 1, and which checkpoints it does not fit.
    """
    key = tmp_path / "key"
    key.write_bytes(b"another key of some length")

    done = _verify(folder, "--key", key)

    assert done.exit_code == 1
    said = "its seal is missing, or of another key"
    assert done.output.splitlines() == [f"checkpoints.jsonl, line {n}: {said}" for n in (1, 2)]


def test_what_is_not_there_is_wrong_use(tmp_path: Path):
    """
    Exit code 2; what is there and is not what its name says was changed: exit code 1.
    """
    broken = tmp_path / "records.jsonl.gz"
    broken.write_bytes(b"no gzip")

    assert _verify(tmp_path / "nothing").exit_code == 2
    assert _verify(broken).exit_code == 1
