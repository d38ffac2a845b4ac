"""
Signs what callers are to trust without TLS. Only who has a key loads what keys need, which is more
than all of ours.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, slots=True)
class Signer:
    """
    Makes signed JWTs (RFC 7519).

    Attributes:
        key: The private key.

        algorithm: How it signs, by its JWS name.

        key_id: The `kid` that callers find the public key by, where there is one.
    """

    key: "PrivateKeyTypes"
    algorithm: str
    key_id: str | None

    @classmethod
    def from_file(cls, path: Path, key_id: str | None) -> Self:
        """
        Read a private key from a PEM file.

        Raises:
            OSError: The file cannot be read.
            ValueError: It holds no private key that a JWS can be made with.
        """
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except TypeError as wrong:
            raise ValueError("the key is encrypted") from wrong
        algorithm = algorithm_of(key)
        if algorithm is None:
            raise ValueError("the key is of another kind")
        return cls(key, algorithm, key_id)

    def sign(self, claims: dict[str, Any]) -> str:
        """
        Make a JWS of the claims.
        """
        import jwt

        headers = {"kid": self.key_id} if self.key_id else None
        return jwt.encode(claims, self.key, self.algorithm, headers)  # type: ignore[arg-type]


def algorithm_of(key: "PrivateKeyTypes | PublicKeyTypes") -> str | None:
    """
    Say how a key signs, or its pair does, by the JWS name; None where that is not known here.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match key:
        case rsa.RSAPrivateKey() | rsa.RSAPublicKey():
            return "RS256"
        case ed25519.Ed25519PrivateKey() | ed25519.Ed25519PublicKey():
            return "EdDSA"
        case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey():
            return _CURVES.get(key.curve.name)
    return None
