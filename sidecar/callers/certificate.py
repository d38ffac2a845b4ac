"""
The certificate that a caller showed when it connected.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from sidecar.errors import Unauthenticated


def name(environ: Mapping[str, Any]) -> str | None:
    """
    Say whose certificate came with a connection; the handshake has verified it already.

    Args:
        environ: The request's WSGI environment.

    Returns:
        The first URI of its alternative names, else the first DNS name, else the common name; None
        where no certificate was shown.

    Raises:
        Unauthenticated: It names nobody.
    """
    connection = environ.get("gunicorn.socket")
    shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    if not shown:
        return None
    found = named(shown)
    if found is None:
        raise Unauthenticated()
    return found


def named(certificate: Mapping[str, Any]) -> str | None:
    """
    Take the name out of a certificate, as Python's `getpeercert` gives it; None where it has none.
    """
    alternatives = certificate.get("subjectAltName", ())
    for wanted in ("URI", "DNS"):
        for kind, value in alternatives:
            if kind == wanted and value:
                return str(value)
    subject = (pair for relative in certificate.get("subject", ()) for pair in relative)
    return next((str(value) for kind, value in subject if kind == "commonName" and value), None)
