"""
The one door to DuckDB: questions in SQL to records, wherever they are.
"""

import gzip
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, Final, cast

from sidecar.errors import MissingPart, SettingsError
from sidecar.records.source import Kind, Opened, Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Progress = Callable[[int], None]
Row = tuple[Any, ...]

_NAMED: Final = 100
_LINES: Final = 2000
_ROWS: Final = 1000
_SETTINGS: Final = {
    # What does not fit goes to the disk; but each thread has buffers that do not.
    "memory_limit": "1GB",
    "threads": min(os.cpu_count() or 1, 4),
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

_RECORD: Final = """
CREATE TEMP MACRO is_record(json) AS
    json_type(json, ['$.decision_id', '$.input', '$.result.decision'])
    IS NOT DISTINCT FROM ['VARCHAR', 'OBJECT', 'BOOLEAN']
"""

# A line that is no JSON is a NULL.
_LINES_OF: Final = """
SELECT json, filename AS file, NULL AS row FROM read_json_objects(
    $lines, format := 'newline_delimited', ignore_errors := true, filename := true)
"""
_PARQUET: Final = """
SELECT json_object({members}) AS json, filename AS file, file_row_number AS row
FROM read_parquet($parquet, filename := true, file_row_number := true, union_by_name := true)
"""
_LINES_WHOLE: Final = """
SELECT count(json) FROM read_json_objects(
    [$path], format := 'newline_delimited', ignore_errors := true)
"""
_WHOLE: Final[Mapping[Kind, str]] = {
    "lines": _LINES_WHOLE,
    "packed": _LINES_WHOLE,
    "parquet": "SELECT count(COLUMNS(*)) FROM read_parquet([$path])",
}
_TEXTS: Final = ("decision_id", "batch_decision_id", "timestamp", "requested_by")
_OBJECTS: Final = ("bundles", "input", "result")

# Columns that a question does not name cost nothing.
_RECORDS: Final = """
WITH read AS ({read}),
records AS (
    SELECT
        json,
        file,
        row,
        is_record(json) AS valid,
        json->>'$.decision_id' AS decision_id,
        json->>'$.batch_decision_id' AS batch_decision_id,
        json->>'$.timestamp' AS timestamp,
        try_cast(json->>'$.timestamp' AS TIMESTAMPTZ) AS moment,
        coalesce(json->>'$.requested_by', '') AS application,
        json->>'$.input.action.name' AS action,
        CASE json_type(json, '$.input.context.purpose')
            WHEN 'ARRAY' THEN json_extract_string(json, '$.input.context.purpose[*]')
            WHEN 'VARCHAR' THEN [json->>'$.input.context.purpose']
            ELSE []
        END AS purposes,
        json_extract_string(json, '$.input.resource.properties.categories[*]') AS categories,
        coalesce(
            json->>'$.result.context.outcome',
            CASE json->>'$.result.decision' WHEN 'true' THEN 'permitted' ELSE 'denied' END
        ) AS outcome,
        json->>'$.result.context.reason' AS reason,
        json_extract_string(json, '$.result.context.clauses[*].id') AS clauses
    FROM read
)
"""


class Records:
    """
    Records, to be asked about. Lines that are no records are left out of answers, and told.

    Args:
        source: Where they are.

        progress: Told of how many bytes more an answer was found.

    Raises:
        MissingPart: DuckDB is not installed.

    Attributes:
        unreadable: Places of lines that are no records, the first hundred of them.

        lost: How many there are.
    """

    def __init__(self, source: Source, progress: Progress = lambda size: None) -> None:
        self._source = source
        self._progress = progress
        self.unreadable: list[str] = []
        self.lost = 0
        _duckdb()

    def ask(self, question: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        """
        Ask a question of some files after the other: whoever asks puts the rows together. What is
        found unreadable is known once all rows are taken.

        Args:
            question: A SELECT from `records`.

            parameters: Its parameters.

        Raises:
            SettingsError: A file cannot be read.
            MissingPart: There is not enough memory.
        """
        with _connected() as connection:
            for files in self._source.batches():
                batch = _Batch(connection, files)
                yield from batch.ask(question, parameters)
                for place in batch.unreadable():
                    self.lost += 1
                    if len(self.unreadable) < _NAMED:
                        self.unreadable.append(place)
                self._progress(sum(file.size for file in files))


@contextmanager
def _connected() -> "Iterator[DuckDBPyConnection]":
    with TemporaryDirectory(prefix="sidecar-duckdb-") as spill:
        settings = {**_SETTINGS, "temp_directory": spill}
        with _duckdb().connect(config=settings) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(_RECORD)
            yield connection


class _Batch:
    """
    Files that are asked together.
    """

    def __init__(self, connection: "DuckDBPyConnection", files: Sequence[Opened]) -> None:
        self._connection = connection
        self._files = {str(file.path): file for file in files}

    def ask(self, question: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        """
        Ask a question of them.
        """
        with_records = f"{_RECORDS.format(read=self._read())} {question}"
        yield from self._rows(with_records, {**self._parameters(), **parameters})

    def unreadable(self) -> Iterator[str]:
        """
        Find the places of what is no record.
        """
        bad = self.ask("SELECT DISTINCT file, row FROM records WHERE NOT valid ORDER BY ALL", {})
        for path, row in list(bad):
            file = self._files[path]
            if row is not None:
                yield f"{file.place}, row {row + 1}"
            else:
                yield from self._bad_lines(file)

    def _read(self) -> str:
        """
        Say how the files are read, each by its kind.
        """
        kinds = self._parameters()
        parts = [_LINES_OF] if "lines" in kinds else []
        if "parquet" in kinds:
            columns = self._rows(
                "DESCRIBE SELECT * FROM read_parquet($parquet, union_by_name := true)",
                {"parquet": kinds["parquet"]},
            )
            members = ", ".join(_members({name: str(type_) for name, type_, *_ in columns}))
            parts.append(_PARQUET.format(members=members))
        return " UNION ALL ".join(parts)

    def _parameters(self) -> dict[str, list[str]]:
        by_kind: dict[str, list[str]] = {}
        for path, file in self._files.items():
            by_kind.setdefault("parquet" if file.kind == "parquet" else "lines", []).append(path)
        return by_kind

    def _rows(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        try:
            found = self._connection.execute(sql, dict(parameters))
            while rows := found.fetchmany(_ROWS):
                yield from rows
        except _duckdb().OutOfMemoryException as wrong:
            raise MissingPart(
                f"questions to records need more than {_SETTINGS['memory_limit']} of memory, or of"
                " room for temporary files"
            ) from wrong
        except _duckdb().Error:
            self._find_broken()
            raise

    def _find_broken(self) -> None:
        """
        Say which file it was, where it was one.
        """
        for path, file in self._files.items():
            try:
                self._connection.execute(_WHOLE[file.kind], {"path": path}).fetchall()
            except _duckdb().Error as wrong:
                raise SettingsError(
                    f"{file.place} cannot be read: it is broken off, or damaged"
                ) from wrong

    def _bad_lines(self, file: Opened) -> Iterator[str]:
        """
        Find the lines of a file that are no records.
        """
        with _lines(file) as content:
            numbered = enumerate(content, 1)
            while some := list(islice(numbered, _LINES)):
                for number in self._bad_among(some):
                    yield f"{file.place}, line {number}"

    def _bad_among(self, lines: Sequence[tuple[int, bytes]]) -> list[int]:
        texts = {number: _text(line) for number, line in lines if line.strip()}
        rows = self._rows(
            """
            SELECT number FROM (SELECT unnest($numbers) AS number, unnest($texts) AS text)
            WHERE NOT is_record(CASE WHEN json_valid(text) THEN text::JSON END) ORDER BY number
            """,
            {"numbers": [*texts], "texts": [*texts.values()]},
        )
        whole = {number: line.endswith(b"\n") for number, line in lines}
        # Half a line at the end is being written, or was when its process was killed.
        return [number for (number,) in rows if whole[number]]


def _members(columns: Mapping[str, str]) -> Iterator[str]:
    """
    Say how a record is made of the columns of a table.
    """
    for name in _TEXTS:
        type_ = columns.get(name, "")
        if type_.startswith("TIMESTAMP"):
            yield f"'{name}', strftime({name}::TIMESTAMPTZ, '%Y-%m-%dT%H:%M:%S.%fZ')"
        elif type_:
            yield f"'{name}', {name}::VARCHAR"
    for name in _OBJECTS:
        type_ = columns.get(name, "")
        if type_ in ("JSON", "VARCHAR"):
            yield f"'{name}', try_cast({name} AS JSON)"
        elif type_:
            # A table has a place for each member in each row: what is null there is absent.
            yield f"'{name}', json_merge_patch('{{}}', to_json({name}))"


def _lines(file: Opened) -> IO[bytes]:
    if file.kind == "packed":
        return cast(IO[bytes], gzip.open(file.path))
    return file.path.open("rb")


def _text(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as wrong:
        raise MissingPart(
            "questions to records need DuckDB: install the sidecar with its extra duckdb"
        ) from wrong
    return duckdb
