"""
How proxies ask: which of them does, from where, and what its requests mean.
"""

import ipaddress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Final

from sidecar.callers.settings import JwtSettings
from sidecar.errors import SettingsError
from sidecar.strict import one_of

PROXIES: Final = ("nginx", "traefik", "caddy", "envoy")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class UserTokens(JwtSettings):
    """
    Which tokens of the proxy's own callers are good: those whose claims routes take.
    """

    at: ClassVar[str] = "forward_auth.jwt"


@dataclass(frozen=True, slots=True)
class ForwardAuth:
    """
    How proxies ask.

    Attributes:
        routes: The route table.

        proxy: Who asks: nginx, traefik, caddy or envoy. It says where the original request stands.

        trusted: The networks from which it asks; nobody else is answered.

        jwt: Which tokens are good that routes take claims of; None where none does.
    """

    routes: Path
    proxy: str
    trusted: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    jwt: UserTokens | None = None

    def __post_init__(self) -> None:
        """
        Refuse what there is not.
        """
        one_of("forward_auth.proxy", self.proxy, PROXIES)
        if not self.trusted:
            raise SettingsError("forward_auth.trusted must name a network, got none")
        _networks(self.trusted)

    def trusts(self, address: str | None) -> bool:
        """
        Say whether the proxy may ask from an address.
        """
        try:
            peer = ipaddress.ip_address(address or "")
        except ValueError:
            return False
        # What a socket of both families makes of an IPv4 address (RFC 4291, section 2.5.5.2).
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in _networks(self.trusted))


@cache
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(_network(index, text) for index, text in enumerate(texts))


def _network(index: int, text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as wrong:
        raise SettingsError(
            f"forward_auth.trusted.{index} must be a network as in 10.0.0.0/8, without bits of a "
            f"host, got {text!r}"
        ) from wrong
