"""
Whom we trust where we ask over TLS.
"""

import ssl
from pathlib import Path


def client_context(ca: Path | None) -> ssl.SSLContext:
    """
    Make a context to ask with.

    Args:
        ca: Certificates that the other side's must be signed by; the system's where there are none.

    Returns:
        A context that takes nothing from the environment where `ca` is set.

    Raises:
        OSError: The file cannot be used.
    """
    # Not ssl.create_default_context: it writes the keys to where the environment says.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        context.load_verify_locations(ca)
    else:
        context.load_default_certs()
    return context
