"""
Tokens that callers were given, from a file: one a line, with the name of its caller.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from sidecar.errors import SettingsError
from sidecar.watched import Watched

_log = structlog.stdlib.get_logger("sidecar")

# The form of a bearer token (RFC 6750, section 2.1): no other one could be sent.
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class TokenFile:
    """
    The tokens of a file, read again once it has changed. Nobody is let in by a file that cannot be
    used: that is logged.

    Args:
        file: Lines of `name token`; `#` begins a comment line. A caller may have several tokens.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._names = Watched((file,), self._load)

    def name(self, token: str) -> str | None:
        """
        Say whose token it is; None where it is nobody's.
        """
        given = _digest(token)
        found = None
        # Every one is compared, in constant time, and the time says nothing of which it was.
        for digest, name in self._names.current().items():
            if hmac.compare_digest(digest, given):
                found = name
        return found

    def _load(self, _: object) -> Mapping[bytes, str]:
        try:
            return read(self._file)
        except SettingsError as wrong:
            _log.error("nobody is let in by the tokens' file", why=wrong.message)
            return {}


def read(file: Path) -> dict[bytes, str]:
    """
    Read a file of tokens.

    Returns:
        The callers' names, by the SHA-256 of their tokens: no token is kept.

    Raises:
        SettingsError: It cannot be read, or a line is wrong; the message names the line.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as wrong:
        raise SettingsError(f"SIDECAR_TOKENS_FILE cannot be read: {wrong.strerror}") from wrong
    except ValueError as wrong:
        raise SettingsError("SIDECAR_TOKENS_FILE must be text in UTF-8") from wrong
    names: dict[bytes, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, token = _entry(number, line)
        if _digest(token) in names:
            raise SettingsError(f"SIDECAR_TOKENS_FILE, line {number}: this token stands twice")
        names[_digest(token)] = name
    return names


def _entry(number: int, line: str) -> tuple[str, str]:
    # Not what stands there: it is, or was to be, a secret.
    parts = line.split()
    if len(parts) != 2:
        raise SettingsError(f"SIDECAR_TOKENS_FILE, line {number}: it must be a name and a token")
    if not _TOKEN.fullmatch(parts[1]):
        raise SettingsError(
            f"SIDECAR_TOKENS_FILE, line {number}: a token is letters, digits and -._~+/, and may "
            "end in ="
        )
    return parts[0], parts[1]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
