"""
The code blocks and tables of a page of documentation, so that a test can do what the page says.
"""

import json
import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

# Where each page says that the sidecar listens.
SHOWN_ADDRESS: Final = "127.0.0.1:8080"
# What differs from one answer or bundle to the next.
_DIFFERS: Final = {"decision_id", "revision", "max_age_s"}
_TABLE = re.compile(r"(?:^\|.*\|$\n?)+", re.MULTILINE)
_BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """
    One block of code.

    Attributes:
        language: As the fence says: "sh", "json", "rego".

        text: What stands between the fences.

        file: The file that the line before says it is; None for any other block.
    """

    language: str
    text: str
    file: str | None


def blocks(page: Path) -> list[Block]:
    """
    Read a page's code blocks, in their order.
    """
    found = _BLOCK.finditer(page.read_text("utf-8"))
    return [Block(each["language"], each["text"], each["file"]) for each in found]


def asked_and_answered(page: Path) -> list[tuple[str, Any]]:
    """
    Read a page's requests, each with the answer that the next block gives.
    """
    read = blocks(page)
    return [
        (block.text, json.loads(answer.text))
        for block, answer in pairwise(read)
        if block.text.startswith("curl ") and answer.language == "json"
    ]


def table(page: Path, column: str) -> list[dict[str, str]]:
    """
    Read the rows of a page's table, each cell by its column.

    Args:
        page: The page.

        column: The name of one of its columns, which no other table has.
    """
    for lines in _TABLE.findall(page.read_text("utf-8")):
        header, _, *rows = [_cells(line) for line in lines.splitlines()]
        if column in header:
            return [dict(zip(header, row, strict=True)) for row in rows]
    raise LookupError(f"{page} has no table with the column {column}")


def cut(answer: Any, shown: Any) -> Any:
    """
    Leave out of an answer's objects what a page does not show of them. Lists stay whole.
    """
    if isinstance(answer, dict) and isinstance(shown, dict):
        return {key: cut(answer[key], part) for key, part in shown.items() if key in answer}
    if isinstance(answer, list) and isinstance(shown, list) and len(answer) == len(shown):
        return [cut(*pair) for pair in zip(answer, shown, strict=True)]
    return answer


def run(command: str, address: str, shown: str = SHOWN_ADDRESS) -> Any:
    """
    Run a page's command as a reader does, and read the JSON that it prints.

    Args:
        command: What stands in the block.

        address: The `host:port` to ask instead of the page's.

        shown: The page's.
    """
    done = subprocess.run(
        ["bash", "-c", command.replace(shown, address)],
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def same_each_time(answer: Any) -> Any:
    """
    Leave out what differs from one answer or bundle to the next.
    """
    if isinstance(answer, dict):
        return {key: same_each_time(value) for key, value in answer.items() if key not in _DIFFERS}
    if isinstance(answer, list):
        return [same_each_time(value) for value in answer]
    return answer


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
