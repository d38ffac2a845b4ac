"""
A proxy, with the sidecar that it asks and the upstream that it protects.
"""

import re
from dataclasses import dataclass

from tests.e2e.serve import Answer, Sidecar
from tests.proxies.recording import Received, Upstream, Wire
from tests.proxies.servers import Proxy

_ASKED = {
    "nginx": re.compile(r"^X-Original-URI: (.*)\r$", re.MULTILINE),
    "traefik": re.compile(r"^X-Forwarded-Uri: (.*)\r$", re.MULTILINE),
    "caddy": re.compile(r"^X-Forwarded-Uri: (.*)\r$", re.MULTILINE),
    "envoy": re.compile(r"^[A-Z]+ /forward-auth(.*) HTTP/1\.1\r$", re.MULTILINE),
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """
    A proxy with all that belongs to it.

    Attributes:
        proxy: The proxy.

        upstream: What it protects.

        wire: What it asks through.

        sidecar: Whom it asks.
    """

    proxy: Proxy
    upstream: Upstream
    wire: Wire
    sidecar: Sidecar

    def ask(self, method: str, target: str, *headers: str, body: bytes = b"") -> Answer:
        """
        Send a request to the proxy.
        """
        return self.proxy.ask(method, target, *headers, body=body)

    def reached(self) -> list[Received]:
        """
        Say what has reached the upstream in this test.
        """
        return self.upstream.received

    def decided(self) -> list[str]:
        """
        Say which targets the sidecar was asked about in this test.
        """
        return _ASKED[self.proxy.name].findall(self.wire.asked.decode("latin-1"))
