"""
Questions in SQL to files of every kind, and to files that are not what they should be.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sidecar.errors import MissingPart, SettingsError
from sidecar.records import query
from sidecar.records.query import Records
from sidecar.records.source import Source

EVERYTHING = "SELECT decision_id, timestamp, application, json FROM records WHERE valid ORDER BY 1"


def event(number: int, **more: Any) -> dict[str, Any]:
    """
    Make a record.
    """
    return {
        "decision_id": f"d-{number}",
        "timestamp": f"2026-11-24T10:00:{number:02}.000000Z",
        "requested_by": "billing",
        "input": {
            "action": {"name": "use"},
            "context": {"facts": {"consent": None, "number": 1}, "purpose": ["a", "b"]},
        },
        "result": {"decision": True, "context": {"outcome": "permitted"}},
        **more,
    }


def line(number: int, **more: Any) -> bytes:
    """
    Make its line.
    """
    return json.dumps(event(number, **more)).encode() + b"\n"


def _asked(*places: Path, question: str = EVERYTHING) -> tuple[list[Any], Records]:
    records = Records(Source(map(str, places)))
    return list(records.ask(question, {})), records


def test_records_of_all_kinds_are_read_together(tmp_path: Path):
    """
    Lines, compressed lines in one and in several parts, and an empty file.
    """
    (tmp_path / "a.jsonl").write_bytes(line(1) + b"\r\n  \n" + line(2)[:-1])
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line(3)) + gzip.compress(line(4)))
    (tmp_path / "c.jsonl").write_bytes(b"")

    rows, records = _asked(tmp_path)

    assert [row[0] for row in rows] == ["d-1", "d-2", "d-3", "d-4"]
    assert [json.loads(row[3]) for row in rows] == [event(number) for number in range(1, 5)]
    assert (records.unreadable, records.lost) == ([], 0)


def _parquet(tmp_path: Path, select: str) -> Path:
    lines, target = tmp_path / "lines", tmp_path / "records.parquet"
    lines.write_bytes(line(1) + line(2, requested_by="shop") + line(3))
    duckdb.sql(f"COPY ({select.format(lines=lines)}) TO '{target}'")
    return target


def test_parquet_with_json_in_it_loses_nothing(tmp_path: Path):
    """
    An object is a text of JSON in its column: null stays null, and what is absent is absent.
    """
    file = _parquet(
        tmp_path,
        """
        SELECT json->>'$.decision_id' AS decision_id, json->>'$.timestamp' AS timestamp,
               json->>'$.requested_by' AS requested_by, json->'$.input' AS input,
               (json->'$.result')::VARCHAR AS result
        FROM read_json_objects('{lines}')
        """,
    )

    rows, records = _asked(file)

    assert [row[:3] for row in rows] == [
        ("d-1", "2026-11-24T10:00:01.000000Z", "billing"),
        ("d-2", "2026-11-24T10:00:02.000000Z", "shop"),
        ("d-3", "2026-11-24T10:00:03.000000Z", "billing"),
    ]
    assert json.loads(rows[0][3])["input"] == event(1)["input"]
    assert json.loads(rows[0][3])["result"] == event(1)["result"]
    assert records.lost == 0


def test_in_parquet_with_columns_null_is_absent(tmp_path: Path):
    """
    A table has a place for each member in each row; times are written as the sidecar writes them.
    """
    file = _parquet(tmp_path, "SELECT * FROM read_json('{lines}', format='newline_delimited')")

    rows, _ = _asked(file)

    assert [row[1] for row in rows] == [event(number)["timestamp"] for number in (1, 2, 3)]
    read = json.loads(rows[0][3])["input"]
    assert read["context"] == {"facts": {"number": 1}, "purpose": ["a", "b"]}


def test_rows_of_parquet_that_are_no_records_are_named(tmp_path: Path):
    """
    By their number.
    """
    file = tmp_path / "some.parquet"
    duckdb.sql(
        f"""
        COPY (SELECT * FROM (VALUES
            ('d-1', '{{}}', '{{"decision": true}}'), (NULL, '{{}}', '{{"decision": true}}'),
            ('d-3', '{{', '{{"decision": true}}'), ('d-4', '{{}}', '{{"decision": 1}}')
        ) AS t(decision_id, input, result)) TO '{file}'
        """
    )

    rows, records = _asked(file)

    assert [row[0] for row in rows] == ["d-1"]
    assert records.unreadable == [f"{file}, row {number}" for number in (2, 3, 4)]


@pytest.mark.parametrize(
    "bad",
    [
        b"{}",
        b"[1]",
        b"1",
        b"nonsense",
        b'{"decision_id":',
        line(1)[:-1] + line(2)[:-1],
        line(1).replace(b"billing", b"\xff\xfe")[:-1],
        line(1, decision_id=5)[:-1],
        line(1, input=[])[:-1],
        line(1, result={})[:-1],
        line(1, result={"decision": "yes"})[:-1],
        line(1, result=True)[:-1],
        b"\x00\x00\x00",
    ],
    ids=lambda bad: bad[:12].hex(),
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_is_no_record_is_named_and_left_out(tmp_path: Path, bad: bytes, packed: bool):
    """
    With its number; the lines around it are read.
    """
    file = tmp_path / "some.jsonl"
    content = line(7) + b"\n" + bad + b"\n" + line(8)
    file.write_bytes(gzip.compress(content) if packed else content)

    rows, records = _asked(file)

    assert [row[0] for row in rows] == ["d-7", "d-8"]
    assert records.unreadable == [f"{file}, line 3"]


@pytest.mark.parametrize("cut", [1, 20, len(line(2)) - 2])
def test_half_a_line_at_the_end_is_no_mistake(tmp_path: Path, cut: int):
    """
    It is being written.
    """
    (tmp_path / "some.jsonl").write_bytes(line(1) + line(2)[:cut])

    rows, records = _asked(tmp_path)

    assert [row[0] for row in rows] == ["d-1"]
    assert (records.unreadable, records.lost) == ([], 0)


def test_of_many_unreadable_lines_all_are_counted(tmp_path: Path):
    """
    And the first hundred are named, over all files.
    """
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_bytes(line(1) + b"{}\n" * 3000)

    _, records = _asked(tmp_path)

    assert records.lost == 6000
    assert records.unreadable == [f"{tmp_path}/a.jsonl, line {number}" for number in range(2, 102)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("half.jsonl.gz", gzip.compress(line(1) * 1000)[:-20]),
        ("other.jsonl.gz", b"\x1f\x8b and nothing that follows from it"),
        ("half.parquet", b"PAR1 and not more"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes):
    """
    Whichever of several it is; nothing is answered from less than all.
    """
    (tmp_path / "good.jsonl").write_bytes(line(1))
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SettingsError, match=f"{name} cannot be read: it is broken off, or damaged"):
        _asked(tmp_path)


def test_a_question_that_is_wrong_is_no_broken_file(tmp_path: Path):
    """
    Its error is not taken for one of the files.
    """
    (tmp_path / "good.jsonl").write_bytes(line(1))

    with pytest.raises(duckdb.BinderException):
        _asked(tmp_path, question="SELECT nothing FROM records")


def test_too_little_memory_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    As what it is: not one of the files is to blame.
    """
    (tmp_path / "good.jsonl").write_bytes(line(1) * 20_000)
    monkeypatch.setattr(query, "_SETTINGS", {**query._SETTINGS, "memory_limit": "10MB"})

    with pytest.raises(MissingPart, match="need more than 10MB of memory"):
        _asked(tmp_path)


def test_without_duckdb_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    Before anything is read, with what to install.
    """
    monkeypatch.setitem(sys.modules, "duckdb", None)

    with pytest.raises(MissingPart, match="install the sidecar with its extra duckdb"):
        Records(Source([str(tmp_path)]))


def test_without_boto3_that_is_said(monkeypatch: pytest.MonkeyPatch):
    """
    Where an address is asked for.
    """
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(MissingPart, match=r"s3://b needs boto3: install .* extra s3"):
        Source(["s3://b"])


def test_progress_is_told_in_bytes(tmp_path: Path):
    """
    All that there are, once all of it is read.
    """
    (tmp_path / "a.jsonl").write_bytes(line(1))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line(2)))
    source = Source([str(tmp_path)])
    told: list[int] = []

    list(Records(source, told.append).ask(EVERYTHING, {}))

    assert sum(told) == source.size
