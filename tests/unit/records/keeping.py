"""
Folders of records, for tests.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sidecar.names import new_id
from sidecar.records.chain import Chain
from sidecar.records.folder import Folder
from sidecar.records.segments import Segments

KEY = b"a key of some length"


def record(number: int, size: int = 20) -> bytes:
    """
    Make a record that tells its number.
    """
    return json.dumps({"decision_id": f"d{number}", "fill": "x" * size}).encode()


def records(*numbers: int, size: int = 20) -> list[bytes]:
    """
    Make several.
    """
    return [record(number, size) for number in numbers]


def segments(folder: Path, key: bytes | None = None, **more: Any) -> Segments:
    """
    Begin a chain in a folder, as a process does.
    """
    settings = {"segment_bytes": 10_000_000, "max_bytes": 100_000_000, "durable": False} | more
    return Segments(Folder(folder, key), Chain(new_id()), **settings)


def kept(lines: Sequence[bytes]) -> list[str]:
    """
    Read which records lines hold.
    """
    return [json.loads(line)["decision_id"] for line in lines]


def lines(folder: Path) -> list[bytes]:
    """
    Read all lines of all plain segments, in their order.
    """
    files = sorted(folder.glob("*-*-*.jsonl"))
    return [
        line
        for file in files
        for line in file.read_bytes().splitlines()
        if file.name != "checkpoints.jsonl"
    ]


class Counts:
    """
    Counts what became of records.
    """

    def __init__(self) -> None:
        self.by_result: dict[str, int] = {}

    def __call__(self, result: str, number: int) -> None:
        """
        Count some.
        """
        self.by_result[result] = self.by_result.get(result, 0) + number
