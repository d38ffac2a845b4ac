"""
JSON Web Tokens (RFC 7519), verified as RFC 8725 advises.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jwt

from sidecar.callers.keys import FetchedKeys, FileKeys, Keys
from sidecar.callers.settings import JwtSettings
from sidecar.errors import KeysUnavailable, Unauthenticated

_LONGEST: Final = 16_384


class TokenVerifier:
    """
    Verifies tokens, with the keys that the settings name and no others: `kid` chooses among them,
    and `jku`, `jwk`, `x5u` and `x5c` are not looked at.

    Args:
        settings: Which tokens are good.
    """

    def __init__(self, settings: JwtSettings) -> None:
        self._settings = settings
        self._keys: Keys = (
            FetchedKeys(settings.jwks, settings.ca, settings.refresh_s, settings.at)
            if settings.by_url
            else FileKeys(Path(settings.jwks), settings.at)
        )
        expected = {"aud": settings.audience, "iss": settings.issuer}
        self._required = ["exp", *(claim for claim, value in expected.items() if value)]

    def claims(self, token: str) -> Mapping[str, Any]:
        """
        Return what a token claims, once it was found to be good.

        Raises:
            Unauthenticated: It is not.
            KeysUnavailable: There are no keys to verify it with.
        """
        if len(token) > _LONGEST:
            raise Unauthenticated(sent=True)
        try:
            return self._verified(token)
        except (jwt.PyJWTError, TypeError, ValueError, RecursionError) as wrong:
            raise Unauthenticated(sent=True) from wrong

    def _verified(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in self._settings.algorithms:
            raise jwt.InvalidAlgorithmError
        kid = header.get("kid")
        keys = self._keys.current()
        if not keys:
            raise KeysUnavailable()
        key = keys.get(kid)
        if key is None and kid is not None:
            key = self._keys.after_missing().get(kid)
        if key is None or key.algorithm not in (None, algorithm):
            raise jwt.InvalidKeyError
        return jwt.decode(
            token,
            key.public,
            algorithms=[algorithm],
            audience=self._settings.audience,
            issuer=self._settings.issuer,
            leeway=self._settings.leeway_s,
            options={"require": self._required, "enforce_minimum_key_length": True},
        )
