"""
Request targets, read so that every server behind the proxy reads them alike, or refused.

Servers differ on encoded slashes, dot segments, doubled slashes, parameters of segments and much
else. Whoever decides on one reading while another is served has decided nothing, so a target that
has more than one is not guessed at.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

from sidecar.errors import PathAmbiguous

LONGEST: Final = 2048
"""
How many characters a path may have.
"""

# RFC 3986, section 3.3, without `;`: where that stands, some servers cut the segment off.
_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})*")

# They end a segment, a path or a name for somebody; `%` would be decoded once more.
_TELLING: Final = frozenset("/\\;?#%")

_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def segments(target: str) -> tuple[str, ...]:
    """
    Read a request target in origin form (RFC 9112, section 3.2.1).

    Args:
        target: The target as the caller sent it to the proxy, query included.

    Returns:
        The segments of its path, decoded once. The last one is empty where it ends with a slash.

    Raises:
        PathAmbiguous: Servers may read it in several ways, or it is no path at all.
    """
    path, _, _ = target.partition("?")
    if not path.startswith("/") or len(path) > LONGEST or "#" in target:
        raise PathAmbiguous()
    *folders, last = path[1:].split("/")
    if "" in folders:
        raise PathAmbiguous()
    return tuple(map(_decoded, (*folders, last)))


def _decoded(segment: str) -> str:
    """
    Decode a segment, where that has one outcome.
    """
    if not _SEGMENT.fullmatch(segment):
        raise PathAmbiguous()
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as wrong:
        # Overlong forms too: they have been dots and slashes to some.
        raise PathAmbiguous() from wrong
    if not _TELLING.isdisjoint(text) or any(
        unicodedata.category(character) in _UNPRINTABLE for character in text
    ):
        raise PathAmbiguous()
    # A file's name without them is the same file's to some; this leaves no dot segment over either.
    if text != text.strip() or text.endswith("."):
        raise PathAmbiguous()
    # Full-width dots and slashes become plain ones, and some servers do that.
    if unicodedata.normalize("NFKC", text) != text:
        raise PathAmbiguous()
    return text
