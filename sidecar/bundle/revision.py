"""
Revisions that can be told to be older or newer: by a number that they begin with.
"""

import re
from typing import Final

_NUMBERED: Final = re.compile(r"([0-9]{1,15})(-.*)?", re.ASCII)


def numbered(number: int, digest: str) -> str:
    """
    Write a revision of a number and a digest of the sources.
    """
    return f"{number}-{digest}"


def number_of(revision: str) -> int | None:
    """
    Read the number that a revision begins with; None where there is none.
    """
    found = _NUMBERED.fullmatch(revision)
    return int(found[1]) if found else None
