"""
Where OPA listens, and how it is asked.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult

from urllib3 import Timeout

from sidecar.errors import SettingsError
from sidecar.trust import client_context
from sidecar.urls import names_a_host, parts_of

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FORMS: Final = "http://host:port, https://host:port or unix:///path"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    Where OPA listens, and how it is asked.

    Attributes:
        url: `http://host:port`, `https://host:port` or `unix:///path`.

        connections: How many connections are kept: as many as there are threads that ask.

        wait_s: How long a thread waits for a connection to come free.

        connect_timeout_s: How long opening a connection may take.

        read_timeout_s: How long OPA may take to answer.

        item_timeout_s: How much longer it may take for each further evaluation of a batch.

        ca: Certificates that OPA's must be signed by; the system's where there are none.

        cert: Our certificate, where OPA asks for one.

        key: The private key of `cert`; None where both are in one file.
    """

    url: str
    connections: int = 8
    wait_s: float = 0.25
    connect_timeout_s: float = 0.25
    read_timeout_s: float = 1.0
    item_timeout_s: float = 0.005
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """
        Refuse an address of none of the three forms.

        Raises:
            SettingsError: It is one.
        """
        if not (_is_unix(self._parts) or _is_http(self._parts)):
            raise SettingsError(f"OPA's address must be {_FORMS}, got {self.url!r}")

    @property
    def tls(self) -> bool:
        """
        Whether OPA is asked over TLS.
        """
        return self._parts.scheme == "https"

    @property
    def socket(self) -> str | None:
        """
        Path of the Unix socket, where OPA is asked over one.
        """
        return self._parts.path if self._parts.scheme == "unix" else None

    @property
    def host(self) -> str:
        """
        The host, as it is written in a URL.
        """
        host = self._parts.hostname or "localhost"
        return f"[{host}]" if ":" in host else host

    @property
    def port(self) -> int:
        """
        The port.
        """
        return self._parts.port or _DEFAULT_PORTS.get(self._parts.scheme, 80)

    def timeout(self, items: int = 1) -> Timeout:
        """
        Return both timeouts, as the transport takes them.

        Args:
            items: How many evaluations are asked about at once.
        """
        read = self.read_timeout_s + (items - 1) * self.item_timeout_s
        return Timeout(connect=self.connect_timeout_s, read=read)

    def tls_context(self) -> ssl.SSLContext:
        """
        Say whom we trust, and who we are.

        Returns:
            A context that takes nothing from the environment where `ca` is set.

        Raises:
            SettingsError: A file cannot be used.
        """
        try:
            context = client_context(self.ca)
            if self.cert:
                # With no password given, one would be asked for on the terminal.
                context.load_cert_chain(self.cert, self.key, password="")
        except OSError as wrong:
            files = ", ".join(str(file) for file in (self.ca, self.cert, self.key) if file)
            raise SettingsError(f"OPA's TLS files cannot be used: {files}") from wrong
        return context

    @property
    def _parts(self) -> SplitResult:
        return parts_of(self.url)


def _is_unix(parts: SplitResult) -> bool:
    return (
        parts.scheme == "unix"
        and not parts.netloc
        and bool(parts.path.strip("/"))
        and not (parts.query or parts.fragment)
    )


def _is_http(parts: SplitResult) -> bool:
    return (
        parts.scheme in _DEFAULT_PORTS
        and names_a_host(parts)
        and parts.path in ("", "/")
        and not (parts.query or parts.fragment)
    )
