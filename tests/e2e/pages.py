"""
The code blocks of a page of documentation, so that a test can do what the page says.
"""

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

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
