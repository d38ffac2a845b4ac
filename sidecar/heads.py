"""
Heads of requests that were parsed before: who asks again sends the same one again.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import HEADER_VALUE_RE, create

_MOST: Final = 256
_LONGEST: Final = 4096

# What may differ from request to request: the length, and the value of each field that means
# nothing to gunicorn, as far as it is plain. The rest of a head stays the same.
_MEANT: Final = (
    rb"connection|content-length|content-type|expect|host|http2-settings|transfer-encoding|upgrade"
)
_VARYING: Final = re.compile(
    rb"\r\n(content-length(?=: [0-9]{1,9}\r\n)|(?!(?:%b):)[0-9a-z-]+)"
    rb": ([!-~](?:[ -~]*[!-~])?)(?=\r\n)" % _MEANT,
    re.IGNORECASE,
)
# What gunicorn puts in that is a request's or a connection's own, and no part of the head.
_OWN: Final = frozenset(
    {"wsgi.input", "wsgi.early_hints", "gunicorn.socket", "REMOTE_ADDR", "REMOTE_PORT"}
)


class _Known(NamedTuple):
    """
    A head that was parsed.

    Attributes:
        environ: What it says, with the values that it had then.

        varying: Which of them are another head's own, in their order.
    """

    environ: Mapping[str, Any]
    varying: tuple[str, ...]


class Heads:
    """
    Knows heads by their bytes. Each was parsed once, by gunicorn and with all that it checks; one
    that is out of the ordinary is not known, and gunicorn's to answer.

    Args:
        cfg: gunicorn's settings.

        lines: The request lines, line ends included, of those to know.
    """

    def __init__(self, cfg: Any, lines: Iterable[bytes]) -> None:
        self._cfg = cfg
        self._lines = tuple(lines)
        self._known: dict[tuple[bytes, ...], _Known] = {}

    def find(self, head: bytes, connection: Any) -> dict[str, Any] | None:
        """
        Find what a head says; None where gunicorn is to answer.

        Args:
            head: The head, its end included.

            connection: Where it came in, as gunicorn has it.

        Returns:
            It as WSGI has it, the caller's own, without what is the connection's.
        """
        if len(head) > _LONGEST:
            return None
        parts = _VARYING.split(head)
        names = parts[1::3]
        key = (*parts[0::3], *names)
        known = self._known.get(key)
        if known is None:
            environ = self._parsed(head, connection)
            if environ is None:
                return None
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            known = self._known[key] = _Known(environ, tuple(map(_key, names)))
        environ = {**known.environ}
        for name, value in zip(known.varying, parts[2::3], strict=True):
            environ[name] = value.decode("ascii")
        return environ

    def _parsed(self, head: bytes, connection: Any) -> dict[str, Any] | None:
        if not head.startswith(self._lines):
            return None
        try:
            request = Request(self._cfg, IterUnreader([head]), connection.client)
        except (ParseException, NoMoreData):
            return None
        if not _ordinary(request):
            return None
        # Nothing is sent by it: what would be is out of the ordinary.
        _, environ = create(
            request, connection.sock, connection.client, connection.server, self._cfg
        )
        environ["wsgi.multithread"] = True
        return {name: value for name, value in environ.items() if name not in _OWN}


def _key(field: bytes) -> str:
    name = field.decode("ascii").upper().replace("-", "_")
    return name if name == "CONTENT_LENGTH" else f"HTTP_{name}"


def _ordinary(request: Any) -> bool:
    names = [name for name, _ in request.headers]
    return (
        "CONTENT-LENGTH" in names
        and len(set(names)) == len(names)
        and {"TRANSFER-ENCODING", "EXPECT", "UPGRADE"}.isdisjoint(names)
        and all(HEADER_VALUE_RE.fullmatch(value) for _, value in request.headers)
        and not request.should_close()
    )
