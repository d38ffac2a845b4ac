"""
Who verifies JSON Web Tokens, where some are taken.
"""

from typing import TYPE_CHECKING

from sidecar.callers.settings import JwtSettings

if TYPE_CHECKING:
    from sidecar.callers.tokens import TokenVerifier


def verifier(settings: JwtSettings | None) -> "TokenVerifier | None":
    """
    Have tokens verified; None where none are taken. Nothing of what that needs, which is much, is
    loaded then.
    """
    if settings is None:
        return None
    from sidecar.callers.tokens import TokenVerifier

    return TokenVerifier(settings)
