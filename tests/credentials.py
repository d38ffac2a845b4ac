"""
Credentials made for a test: certificates, keys, tokens.
"""

import datetime
import ipaddress
import json
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

ISSUER = "https://issuer.example"
AUDIENCE = "sidecar"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def replace(file: Path, content: str | bytes) -> None:
    """
    Put a file in another's place at once, as rotations do.
    """
    beside = file.with_name(f"{file.name}.new")
    beside.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(beside, file)


def pem(key: PrivateKey) -> bytes:
    """
    Write a private key.
    """
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """
    A certificate and its private key, as PEM.

    Attributes:
        cert: The certificate.

        key: The key.
    """

    cert: bytes
    key: bytes

    def written(self, folder: Path, name: str) -> tuple[Path, Path]:
        """
        Write both, and say where.
        """
        cert, key = folder / f"{name}.pem", folder / f"{name}.key"
        replace(key, self.key)
        replace(cert, self.cert)
        return cert, key


class Authority:
    """
    Who signs certificates.
    """

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        self._cert = builder.sign(self._key, hashes.SHA256())
        self.cert = self._cert.public_bytes(serialization.Encoding.PEM)

    def issue(
        self, common_name: str = "", *alternatives: x509.GeneralName, valid_days: int = 1
    ) -> Pair:
        """
        Make a certificate; with a negative number of days, one that is over.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        named = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
        builder = _builder(x509.Name(named), self._name, key.public_key(), valid_days)
        if alternatives:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(alternatives), critical=False
            )
        cert = builder.sign(self._key, hashes.SHA256())
        return Pair(cert.public_bytes(serialization.Encoding.PEM), pem(key))

    def server(self) -> Pair:
        """
        Make a certificate for this machine.
        """
        return self.issue("server", x509.IPAddress(ipaddress.ip_address("127.0.0.1")))

    def trusted(self, shown: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """
        Make a caller's context, which trusts this authority, and shows a certificate.
        """
        context = ssl.create_default_context(cadata=self.cert.decode())
        if shown:
            context.load_cert_chain(*shown)
        return context


@dataclass(frozen=True, slots=True)
class Signer:
    """
    Who signs tokens.

    Attributes:
        kid: The id of its key.

        key: The private key.

        algorithm: What it signs with.
    """

    kid: str
    key: PrivateKey
    algorithm: str

    @classmethod
    def ec(cls, kid: str = "k1") -> Self:
        """
        Sign with an elliptic curve.
        """
        return cls(kid, ec.generate_private_key(ec.SECP256R1()), "ES256")

    @classmethod
    def rsa(cls, kid: str = "k1", size: int = 2048, algorithm: str = "RS256") -> Self:
        """
        Sign with RSA.
        """
        return cls(kid, rsa.generate_private_key(65537, size), algorithm)

    @property
    def jwk(self) -> dict[str, Any]:
        """
        The public key, as it stands in a key set.
        """
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        public: Any = self.key.public_key()
        return {
            **json.loads(algorithm.to_jwk(public)),
            "kid": self.kid,
            "use": "sig",
            "alg": self.algorithm,
        }

    def token(self, head: dict[str, Any] | None = None, **claims: Any) -> str:
        """
        Sign a token that is good unless a claim, or the header, says otherwise; None leaves a claim
        out.
        """
        now = int(time.time())
        all_claims = {
            **{"sub": "billing", "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 300},
            **claims,
        }
        given = {name: value for name, value in all_claims.items() if value is not None}
        headers = {"kid": self.kid, **(head or {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        return jwt.encode(given, self.key, self.algorithm, headers)


def key_set(*keys: Signer | dict[str, Any]) -> str:
    """
    Write a JSON Web Key Set.
    """
    return json.dumps({"keys": [key.jwk if isinstance(key, Signer) else key for key in keys]})


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    valid_days: int = 1,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=valid_days))
    )


KINDS: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def public_pem(key: Any) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_key().public_bytes(encoding, form))


class Keys:
    """
    Pairs of keys in a folder: `NAME.key` and `NAME.pub`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str, kind: str = "ES256") -> tuple[Path, Path]:
        """
        Make a pair.
        """
        key = KINDS[kind]()
        private, public = self._folder / f"{name}.key", self._folder / f"{name}.pub"
        private.write_bytes(pem(key))
        public.write_bytes(public_pem(key))
        return private, public
