"""
The original request, as each proxy tells of it.
"""

import re
from dataclasses import dataclass
from typing import Final

from flask import Request

from sidecar.errors import PathAmbiguous

ENDPOINT: Final = "/forward-auth"

_TOLD: Final = {
    "nginx": ("X-Original-URI", "X-Original-Method"),
    "traefik": ("X-Forwarded-Uri", "X-Forwarded-Method"),
    "caddy": ("X-Forwarded-Uri", "X-Forwarded-Method"),
}

TARGETS: Final = ("X-Original-URI", "X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL")
"""
Headers that carry a target to some proxy or to some server behind one.
"""

METHODS: Final = (
    *("X-Original-Method", "X-Forwarded-Method"),
    *("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"),
)
"""
Headers that carry a method, likewise.
"""

# Where a header stood twice, gunicorn and others join its values with commas.
_JOINED: Final = re.compile(r",[ \t]*/|,.*://")


@dataclass(frozen=True, slots=True)
class Original:
    """
    What the caller sent to the proxy.

    Attributes:
        method: The method.

        target: The request target, query included, as it was sent.
    """

    method: str
    target: str


def original(request: Request, proxy: str) -> Original:
    """
    Read what a proxy tells of the request that it holds.

    Args:
        request: The proxy's own request.

        proxy: Who asks; what other proxies would tell is not believed.

    Raises:
        PathAmbiguous: It tells nothing, several things, or something else than a header does that
            a server behind the proxy may believe.
    """
    told = _told(request, proxy)
    for names, value in ((TARGETS, told.target), (METHODS, told.method)):
        if any(request.headers.get(name, value) != value for name in names):
            raise PathAmbiguous()
    return told


def _told(request: Request, proxy: str) -> Original:
    # As it stands in the request line: the framework's path is decoded already.
    line = str(request.environ.get("RAW_URI", ""))
    if not line.startswith(ENDPOINT):
        raise PathAmbiguous()
    rest = line.removeprefix(ENDPOINT)
    if proxy == "envoy":
        return Original(request.method, rest)
    if proxy == "caddy":
        # It appends the client's query to the address that it asks.
        rest, _, _ = rest.partition("?")
    target, method = (request.headers.get(name, "") for name in _TOLD[proxy])
    path, _, _ = target.partition("?")
    if rest or not path or not method or "," in path + method or _JOINED.search(target):
        raise PathAmbiguous()
    return Original(method, target)
