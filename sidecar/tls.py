"""
TLS, as it is served: certificates, and what is made of them.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from sidecar.connection import Context
from sidecar.errors import SettingsError
from sidecar.strict import existing
from sidecar.watched import Watched

_log = structlog.stdlib.get_logger("sidecar")

_VARIABLES: Final = {
    "cert": "SIDECAR_TLS_CERT",
    "key": "SIDECAR_TLS_KEY",
    "client_ca": "SIDECAR_TLS_CLIENT_CA",
}


@dataclass(frozen=True, slots=True)
class Tls:
    """
    How TLS is served. Set by the environment alone.

    Attributes:
        cert: Our certificate, with those between it and its root; None where TLS is not served.

        key: The private key of `cert`.

        client_ca: Certificates that a caller's must be signed by; None where none is asked for.
    """

    cert: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None

    def __post_init__(self) -> None:
        """
        Refuse files that cannot be used, and one that lacks another.
        """
        if (self.cert is None) != (self.key is None):
            lacking, there = ("key", "cert") if self.key is None else ("cert", "key")
            raise SettingsError(
                f"{_VARIABLES[there]} must go with {_VARIABLES[lacking]}, which is missing"
            )
        if self.client_ca is not None and self.cert is None:
            raise SettingsError(
                "SIDECAR_TLS_CLIENT_CA must go with SIDECAR_TLS_CERT, which is missing"
            )
        for name, variable in _VARIABLES.items():
            existing(variable, getattr(self, name))
        if self.served:
            self.context()

    @property
    def served(self) -> bool:
        """
        Whether TLS is served.
        """
        return self.cert is not None

    def context(self) -> Context:
        """
        Make a context of the files.

        Raises:
            SettingsError: They cannot be used.
        """
        # Not ssl.create_default_context: it writes the keys to where the environment says.
        context = Context(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # With no password given, one would be asked for on the terminal.
            context.load_cert_chain(self.cert or "", self.key, password="")
        except OSError as wrong:
            raise SettingsError(
                "SIDECAR_TLS_CERT and SIDECAR_TLS_KEY must be a certificate and its private key, "
                "in PEM, without a password"
            ) from wrong
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except OSError as wrong:
                raise SettingsError(
                    "SIDECAR_TLS_CLIENT_CA must hold certificates in PEM"
                ) from wrong
            # Not required: a kubelet, which asks how we are, has none.
            context.verify_mode = ssl.CERT_OPTIONAL
        return context


class Certificates:
    """
    Contexts for gunicorn: for each connection the one of the files as they are then. While they
    cannot be used, the one before goes on serving: that is logged. Made before workers are, so that
    each has one to begin with.

    Args:
        tls: Which files they are.

    Raises:
        SettingsError: They cannot be used at first.
    """

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        files = (file for file in (tls.cert, tls.key, tls.client_ca) if file is not None)
        self._context = Watched(tuple(files), self._load)
        self._context.current()

    def __call__(self, _: Any, __: Any) -> Context:
        """
        Return the context for a new connection: gunicorn's `ssl_context`.
        """
        return self._context.current()

    def _load(self, before: Context | None) -> Context:
        try:
            return self._tls.context()
        except SettingsError as wrong:
            if before is None:
                raise
            _log.error("the certificates are still the ones before", why=wrong.message)
            return before
