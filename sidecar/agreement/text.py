"""
Split a numbered agreement into its sections, each with a digest of its words.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

# "1. Title" or "1.1 Title": a bare "30 days" at the start of a line is no heading.
_HEADING = re.compile(
    r"\s*(?P<number>[0-9]{1,4}(?:\.[0-9]{1,4})+|[0-9]{1,4}(?=\.))\.?\s+(?P<title>\S.*)"
)


@dataclass(frozen=True, slots=True)
class Section:
    """
    One section of an agreement.

    Attributes:
        number: As its heading has it, without a closing dot: "1", "1.1".

        title: The heading's words.

        text: What stands between this heading and the next one of any level, so that section "1"
            does not hold the text of "1.1". Each run of white space is one space.

        sha256: Digest of title and text: a section that is only retitled has changed too.
    """

    number: str
    title: str
    text: str
    sha256: str


def sections(text: str) -> dict[str, Section]:
    """
    Split a text into its sections, in their order.

    A heading is a line that begins with a section number, that no paragraph runs on into, and whose
    number comes after the one before it; any other line that begins with a number is text. What
    stands before the first heading belongs to no section. All that follows the last heading belongs
    to the last section, a page's closing line too: a line taken for part of the agreement costs a
    needless review, one wrongly left out would hide a change.

    Args:
        text: The agreement, as plain text.

    Returns:
        The sections by number; empty where the text has no heading.
    """
    lines = text.lstrip("\ufeff").splitlines()
    headings = [*_headings(lines), (len(lines), "", "")]

    return {
        number: _section(number, title, lines[start + 1 : end])
        for (start, number, title), (end, _, _) in pairwise(headings)
    }


def _headings(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """
    Find the headings: (index of the line, number, title).
    """
    last: tuple[int, ...] = ()
    open_paragraph = False
    for index, line in enumerate(lines):
        found = None if open_paragraph else _HEADING.fullmatch(line)
        if found and _order(found["number"]) > last:
            last = _order(found["number"])
            yield index, found["number"], _one_spaced(found["title"])
        else:
            open_paragraph = bool(line.strip())


def _order(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split("."))


def _section(number: str, title: str, lines: list[str]) -> Section:
    text = _one_spaced("\n".join(lines))
    return Section(number, title, text, _sha256(f"{title}\n{text}"))


def _one_spaced(text: str) -> str:
    return " ".join(text.split())


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
