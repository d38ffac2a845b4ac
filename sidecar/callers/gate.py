"""
Where callers come in: known or not, allowed or not, too often or not.
"""

from collections.abc import Mapping
from typing import Any, Final

from sidecar.callers import bearer, certificate
from sidecar.callers.caller import Caller
from sidecar.callers.rate import RateLimit
from sidecar.callers.settings import Callers
from sidecar.callers.token_file import TokenFile
from sidecar.callers.verifier import verifier
from sidecar.errors import Forbidden, Unauthenticated

# What decides is behind it. What a kubelet, Prometheus and a client's generator ask for is not, for
# they have no credential.
_GUARDED: Final = "access/"

CALLER: Final = "sidecar.caller"
"""
Under which name a request's WSGI environment has who asks.
"""


class Gate:
    """
    Lets callers in to the endpoints that decide, and says who each of them is.

    Args:
        callers: Who may ask.

        certificates: Whether callers are known by certificates.

    Attributes:
        waits: Whether keys may have to be fetched before a request is let in.
    """

    def __init__(self, callers: Callers, certificates: bool) -> None:
        self._tokens = TokenFile(callers.tokens_file) if callers.tokens_file else None
        self._verifier = verifier(callers.jwt)
        self.waits = callers.jwt is not None and callers.jwt.by_url
        self._certificates = certificates
        self._open = not (self._tokens or self._verifier or certificates)
        self._allowed = None if callers.allowed is None else frozenset(callers.allowed)
        self._rate = RateLimit(callers.rate) if callers.rate else None

    def admit(self, environ: dict[str, Any]) -> None:
        """
        Let a request in, with who asks written into its WSGI environment, if it is known.

        Args:
            environ: The environment. What asks for no decision is let in as it is.

        Raises:
            Unauthenticated: There is no credential, or one that is not good.
            Forbidden: The caller may not ask.
            TooManyRequests: It asks too often.
            KeysUnavailable: There are no keys to verify a token with.
        """
        # As Flask finds endpoints: slashes at the beginning, one or more, count as one.
        if not environ.get("PATH_INFO", "").lstrip("/").startswith(_GUARDED):
            return
        name = ""
        if not self._open:
            environ[CALLER] = caller = self.caller(environ)
            name = caller.name
            if self._allowed is not None and name not in self._allowed:
                raise Forbidden()
        if self._rate:
            self._rate.take(name)

    def caller(self, environ: Mapping[str, Any]) -> Caller:
        """
        Say who asks. With both a token and a certificate the token counts, and both must be good.

        Args:
            environ: The request's WSGI environment.

        Raises:
            Unauthenticated: There is no credential, or one that is not good.
            KeysUnavailable: There are no keys to verify a token with.
        """
        shown = certificate.name(environ) if self._certificates else None
        authorization = environ.get("HTTP_AUTHORIZATION")
        if authorization is not None:
            return self._by_token(authorization)
        if shown is None:
            raise Unauthenticated()
        return Caller(shown)

    def _by_token(self, authorization: str) -> Caller:
        token = bearer.token(authorization)
        name = self._tokens.name(token) if self._tokens else None
        if name is not None:
            return Caller(name)
        if self._verifier is None:
            raise Unauthenticated(sent=True)
        claims = self._verifier.claims(token)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise Unauthenticated(sent=True)
        return Caller(subject, claims)
