"""
What an operator may set about callers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from sidecar.callers import token_file
from sidecar.errors import SettingsError
from sidecar.strict import between, existing
from sidecar.urls import names_a_host, parts_of

# Neither `none` nor an HMAC: whoever may verify such a token could make one (RFC 8725, 3.1).
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)


@dataclass(frozen=True, slots=True)
class JwtSettings:
    """
    Which JSON Web Tokens are good.

    Attributes:
        at: Which settings these are.

        jwks: The keys that they are signed with (a JSON Web Key Set, RFC 7517): a file, or an https
            address.

        ca: Certificates that the address's must be signed by; the system's where there are none.

        issuer: What `iss` must be; None where it is not looked at.

        audience: What `aud` must hold; where there is none, a token for any audience is refused
            (RFC 7519, section 4.1.3).

        algorithms: Which signatures are taken.

        leeway_s: How far clocks may be apart.

        refresh_s: How old keys that come from an address may get.
    """

    at: ClassVar[str] = "callers.jwt"

    jwks: str = ""
    ca: Path | None = None
    issuer: str | None = None
    audience: str | None = None
    algorithms: tuple[str, ...] = ALGORITHMS
    leeway_s: float = 30.0
    refresh_s: float = 300.0

    def __post_init__(self) -> None:
        """
        Refuse what is out of range, and keys that cannot be used.
        """
        between(f"{self.at}.leeway_s", self.leeway_s, 0, 600)
        between(f"{self.at}.refresh_s", self.refresh_s, 5, 86_400)
        for algorithm in self.algorithms:
            if algorithm not in ALGORITHMS:
                raise SettingsError(
                    f"{self.at}.algorithms must be among {', '.join(ALGORITHMS)}, got {algorithm!r}"
                )
        if not self.algorithms:
            raise SettingsError(f"{self.at}.algorithms must not be empty")
        for name in ("issuer", "audience"):
            if getattr(self, name) == "":
                raise SettingsError(f"{self.at}.{name} must not be empty")
        existing(f"{self.at}.ca", self.ca)
        self._check_jwks()

    @property
    def by_url(self) -> bool:
        """
        Whether the keys come from an address.
        """
        return "://" in self.jwks

    def _check_jwks(self) -> None:
        # What reads keys is large, and only for those who have some.
        from sidecar.callers import keys

        if not self.jwks:
            raise SettingsError(f"{self.at}.jwks is missing: a file of keys, or an https address")
        if self.by_url:
            if not _is_https(self.jwks):
                raise SettingsError(
                    f"{self.at}.jwks must be a file, or an https address without a password"
                )
            keys.tls_context(self.ca, self.at)
        else:
            keys.read(Path(self.jwks), self.at)


@dataclass(frozen=True, slots=True)
class Rate:
    """
    How often one caller may ask, of each worker.

    Attributes:
        per_second: How often for long.

        burst: How often at once.
    """

    per_second: float = 10.0
    burst: int = 20

    def __post_init__(self) -> None:
        """
        Refuse what is out of range.
        """
        between("callers.rate.per_second", self.per_second, 0.001, 1_000_000)
        between("callers.rate.burst", self.burst, 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class Callers:
    """
    Who may ask.

    Attributes:
        tokens_file: A file of tokens. Set by SIDECAR_TOKENS_FILE alone.

        jwt: Which JSON Web Tokens are good; None where none are taken.

        allowed: Names of the callers that may ask; None for everyone who is known.

        rate: How often one may ask; None for as often as it likes.
    """

    tokens_file: Path | None = None
    jwt: JwtSettings | None = None
    allowed: tuple[str, ...] | None = None
    rate: Rate | None = None

    def __post_init__(self) -> None:
        """
        Refuse a file of tokens that cannot be used.
        """
        if self.tokens_file is not None:
            token_file.read(self.tokens_file)


def _is_https(url: str) -> bool:
    parts = parts_of(url)
    return parts.scheme == "https" and names_a_host(parts) and not parts.fragment
