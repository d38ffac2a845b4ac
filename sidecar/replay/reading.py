"""
Recorded decisions, read one after the other from files of JSON lines.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

from sidecar.errors import SettingsError

_ENDINGS: Final = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
_CHECKPOINTS: Final = "checkpoints.jsonl"


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    A decision as it was recorded.

    Attributes:
        decision_id: The decision's name.

        asked: The evaluation, as far as the record has it.

        allowed: The verdict.

        context: What was said beside it; empty where nothing was.

        application: Who asked, as the record has it.
    """

    decision_id: str
    asked: dict[str, Any]
    allowed: bool
    context: dict[str, Any]
    application: str


def recorded(paths: Iterable[Path]) -> Iterator[Recorded]:
    """
    Read records of files, and of the files in folders.

    Args:
        paths: Files of JSON lines in the shape of OPA's decision logs, compressed or not, and
            folders with such files.

    Raises:
        SettingsError: Something is not there, cannot be read, or a line is no record; the message
            names the file and the line.
    """
    for path in paths:
        for file in _files(path):
            yield from _of_file(file)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = (file for file in path.rglob("*") if file.name.endswith(_ENDINGS))
    return sorted(file for file in found if file.is_file() and file.name != _CHECKPOINTS)


def _of_file(file: Path) -> Iterator[Recorded]:
    try:
        with _opened(file) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    read = _record(line)
                    # A process that was killed may have left half a line at the end.
                    if read is None and line.endswith(b"\n"):
                        raise SettingsError(f"{file}, line {number}: it is no record of a decision")
                    if read is not None:
                        yield read
    except (OSError, EOFError) as wrong:
        why = getattr(wrong, "strerror", None) or "it is broken off"
        raise SettingsError(f"{file} cannot be read: {why}") from wrong


def _opened(file: Path) -> IO[bytes]:
    if file.suffix == ".gz":
        return cast(IO[bytes], gzip.open(file))
    return file.open("rb")


def _record(line: bytes) -> Recorded | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    match event:
        case {
            "decision_id": str(id_),
            "input": dict(asked),
            "result": {"decision": bool(allowed), **said},
        }:
            context = said.get("context")
            return Recorded(
                id_,
                asked,
                allowed,
                context if isinstance(context, dict) else {},
                str(event.get("requested_by", "")),
            )
    return None
