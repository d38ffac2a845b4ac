"""
Tokens in the header that is made for them (RFC 6750, section 2.1).
"""

import re
from typing import Final

from sidecar.errors import Unauthenticated

# The scheme in any case (RFC 9110, section 11.1).
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE | re.ASCII)


def token(authorization: str) -> str:
    """
    Take the token out of the value of an Authorization header.

    Raises:
        Unauthenticated: There is no bearer token in it.
    """
    sent = _BEARER.fullmatch(authorization.strip())
    if sent is None:
        raise Unauthenticated(sent=True)
    return sent[1]
