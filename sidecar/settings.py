"""
What an operator may set: a few environment variables, and a YAML file for the rest.

Each mistake stops the start with a sentence that names the key, the limit and the value. Sections
are frozen; a value is checked where its section is made.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sidecar import strict
from sidecar.bundle.signing import public_algorithm
from sidecar.callers.settings import Callers
from sidecar.delivery.settings import Bundles
from sidecar.engine.endpoint import Endpoint
from sidecar.errors import SettingsError
from sidecar.gateway.settings import ForwardAuth
from sidecar.observability.settings import Traces
from sidecar.records.settings import Records
from sidecar.signer import Signer
from sidecar.strict import between, existing, one_of
from sidecar.tls import Tls
from sidecar.urls import names_a_host, parts_of

_PREFIX: Final = "SIDECAR_"
_TLS: Final = ("SIDECAR_TLS_CERT", "SIDECAR_TLS_KEY", "SIDECAR_TLS_CLIENT_CA")
_TAKEN: Final = (
    "SIDECAR_LISTEN",
    "SIDECAR_PUBLIC_URL",
    "SIDECAR_BUNDLE",
    "SIDECAR_OPA_URL",
    "SIDECAR_CONFIG",
    "SIDECAR_TOKENS_FILE",
    *_TLS,
)
# What Kubernetes puts into every container where a Service is called `sidecar`.
_SERVICE_LINK: Final = re.compile(
    r"SIDECAR_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)"
    r"|SIDECAR_PORT=(tcp|udp|sctp)://.*"
)
_PUBLIC_URL: Final = re.compile(r"https://[A-Za-z0-9.\-:\[\]]+(/[A-Za-z0-9._~\-]+)*/?")
_SHIPPED_BUNDLE: Final = Path(__file__).parents[1] / "policies"
_LEVELS: Final = ("debug", "info", "warning", "error")
_ONLY_IN_ENVIRONMENT: Final = {
    "listen": "SIDECAR_LISTEN",
    "public_url": "SIDECAR_PUBLIC_URL",
    "bundle": "SIDECAR_BUNDLE",
    "opa.url": "SIDECAR_OPA_URL",
    "callers.tokens_file": "SIDECAR_TOKENS_FILE",
    "tls": "SIDECAR_TLS_CERT, SIDECAR_TLS_KEY and SIDECAR_TLS_CLIENT_CA",
}


@dataclass(frozen=True, slots=True)
class Listen:
    """
    Where the sidecar listens.

    Attributes:
        host: A name or an address, without the brackets of IPv6.

        port: 0 for any that is free.
    """

    host: str = "127.0.0.1"
    port: int = 8080

    @classmethod
    def from_text(cls, text: str) -> "Listen":
        """
        Read `host:port`; an IPv6 address stands in brackets.

        Raises:
            SettingsError: It is something else.
        """
        host, colon, port = text.rpartition(":")
        bare = host[1:-1] if host[:1] + host[-1:] == "[]" else host
        fits = bool(colon and bare) and (":" not in host or bare != host)
        numbered = port.isascii() and port.isdigit() and len(port) <= 5
        if not fits or not numbered or int(port) > 65535:
            raise SettingsError(
                f"SIDECAR_LISTEN must be host:port, with a port from 0 to 65535, got {text!r}"
            )
        return cls(bare, int(port))

    def __str__(self) -> str:
        """
        Write it as it is read.
        """
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def on_loopback(self) -> bool:
        """
        Whether only this machine can get there.
        """
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Server:
    """
    How requests are taken.

    Attributes:
        workers: How many processes answer.

        threads: How many requests each of them answers at a time.

        keepalive_s: How long a connection may be idle before it is closed.

        receive_within_s: How long a caller may take to send a request.

        stop_within_s: How long requests may take to be finished after SIGTERM.
    """

    workers: int = 1
    threads: int = 8
    keepalive_s: int = 60
    receive_within_s: float = 10.0
    stop_within_s: int = 20

    def __post_init__(self) -> None:
        """
        Refuse what is out of range.
        """
        between("server.workers", self.workers, 1, 64)
        between("server.threads", self.threads, 1, 256)
        between("server.keepalive_s", self.keepalive_s, 1, 3600)
        between("server.receive_within_s", self.receive_within_s, 0.1, 300)
        between("server.stop_within_s", self.stop_within_s, 1, 600)


@dataclass(frozen=True, slots=True)
class Limits:
    """
    How much a request may ask for.

    Attributes:
        body_bytes: How large a body may be.

        nesting: How many objects and lists may stand in each other, the body itself counted.

        evaluations: How many evaluations one request may hold.

        results: How many results of a search one page holds.

        remedy_evaluations: How many evaluations may be tried to find what a request asks remedies
            for.

        remedies_within_s: How long that may take.
    """

    body_bytes: int = 1_048_576
    nesting: int = 32
    evaluations: int = 1000
    results: int = 1000
    remedy_evaluations: int = 400
    remedies_within_s: float = 1.0

    def __post_init__(self) -> None:
        """
        Refuse what is out of range. The decoder itself stops at a nesting of some hundreds.
        """
        between("limits.body_bytes", self.body_bytes, 1024, 67_108_864)
        between("limits.nesting", self.nesting, 4, 200)
        between("limits.evaluations", self.evaluations, 1, 100_000)
        between("limits.results", self.results, 1, 100_000)
        between("limits.remedy_evaluations", self.remedy_evaluations, 0, 100_000)
        between("limits.remedies_within_s", self.remedies_within_s, 0.001, 60)


@dataclass(frozen=True, slots=True)
class Remembering:
    """
    How many decisions each worker remembers, and how long callers may.

    Attributes:
        entries: How many at most; with 0, OPA is asked for each.

        bytes: How much they may take, all together.

        callers_s: For how many seconds callers may use an answer again, at most; with 0, they are
            told to ask each time.
    """

    entries: int = 10_000
    bytes: int = 33_554_432
    callers_s: int = 1

    def __post_init__(self) -> None:
        """
        Refuse what is out of range.
        """
        between("memory.entries", self.entries, 0, 10_000_000)
        between("memory.bytes", self.bytes, 65_536, 17_179_869_184)
        between("memory.callers_s", self.callers_s, 0, 3600)


@dataclass(frozen=True, slots=True)
class Signing:
    """
    Whose bundles are taken by an OPA of our own.

    Attributes:
        keys: Files of public keys, in PEM; a bundle must be signed by one of them. None for any
            bundle, signed or not.
    """

    keys: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """
        Refuse keys that cannot be used, and none at all: nothing could ever be signed by them.
        """
        if self.keys == ():
            raise SettingsError("signing.keys must not be empty")
        for key in self.keys or ():
            try:
                public_algorithm(Path(key))
            except SettingsError as wrong:
                raise SettingsError(f"signing.keys: {wrong.message}") from wrong


@dataclass(frozen=True, slots=True)
class OpaSettings:
    """
    How OPA is had and asked.

    Attributes:
        url: An OPA that runs elsewhere; None for one of our own. Set by SIDECAR_OPA_URL alone.

        start_within_s: How long an OPA of our own may take to start.

        connect_timeout_s: How long opening a connection to OPA may take.

        answer_timeout_s: How long OPA may take to answer one question; a batch is one.

        ca: Certificates that OPA's must be signed by, where it is asked over TLS.

        cert: Our certificate, where OPA asks for one.

        key: The private key of `cert`.
    """

    url: str | None = None
    start_within_s: float = 10.0
    connect_timeout_s: float = 0.25
    answer_timeout_s: float = 2.0
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """
        Refuse what is out of range, and what cannot be used.
        """
        if self.url is not None:
            _check_address(self.url)
        between("opa.start_within_s", self.start_within_s, 0.1, 600)
        between("opa.connect_timeout_s", self.connect_timeout_s, 0.001, 60)
        between("opa.answer_timeout_s", self.answer_timeout_s, 0.001, 60)
        for name in ("ca", "cert", "key"):
            existing(f"opa.{name}", getattr(self, name))
        if self.key is not None and self.cert is None:
            raise SettingsError("opa.key must go with opa.cert, which is missing")


@dataclass(frozen=True, slots=True)
class Log:
    """
    What is written to stderr.

    Attributes:
        level: debug, info (a line for each request), warning or error.
    """

    level: str = "warning"

    def __post_init__(self) -> None:
        """
        Refuse a level that there is not.
        """
        one_of("log.level", self.level, _LEVELS)


@dataclass(frozen=True, slots=True)
class Discovery:
    """
    What the metadata document is signed with.

    Attributes:
        key: A private key; None where the document is not signed.

        key_id: The name by which callers find its public key.
    """

    key: Path | None = None
    key_id: str | None = None

    def __post_init__(self) -> None:
        """
        Refuse what is no key.
        """
        try:
            self.signer()
        except (OSError, ValueError) as wrong:
            raise SettingsError(
                "discovery.key must be a PEM file with a private key (RSA, Ed25519, or EC on "
                f"P-256, P-384 or P-521), got {str(self.key)!r}"
            ) from wrong

    def signer(self) -> Signer | None:
        """
        Make who signs with the key, where one is set.
        """
        return None if self.key is None else Signer.from_file(self.key, self.key_id)


@dataclass(frozen=True, slots=True)
class Settings:
    """
    All that is set.

    Attributes:
        listen: Where the sidecar listens.

        listen_beyond_loopback: Whether it may listen where other machines can ask, too, though
            callers are not authenticated.

        public_url: The https address that callers use: the identifier in the metadata document.
            None where there is no such document.

        bundle: A folder of Rego and data with a `.manifest`, or a tarball; for our own OPA.

        signing: Whose bundles our own OPA takes.

        bundles: Where bundles come from, and which are good enough.

        server: How requests are taken.

        limits: How much a request may ask for.

        opa: How OPA is had and asked.

        memory: How many decisions are remembered.

        discovery: What the metadata document is signed with.

        log: What is written to stderr.

        callers: Who may ask.

        tls: How TLS is served.

        forward_auth: How proxies ask; None where none does.

        records: What decisions leave behind.

        traces: Where traces go.
    """

    listen: Listen = field(default_factory=Listen)
    listen_beyond_loopback: bool = False
    public_url: str | None = None
    bundle: Path = _SHIPPED_BUNDLE
    signing: Signing = field(default_factory=Signing)
    bundles: Bundles = field(default_factory=Bundles)
    server: Server = field(default_factory=Server)
    limits: Limits = field(default_factory=Limits)
    opa: OpaSettings = field(default_factory=OpaSettings)
    memory: Remembering = field(default_factory=Remembering)
    discovery: Discovery = field(default_factory=Discovery)
    log: Log = field(default_factory=Log)
    callers: Callers = field(default_factory=Callers)
    tls: Tls = field(default_factory=Tls)
    forward_auth: ForwardAuth | None = None
    records: Records = field(default_factory=Records)
    traces: Traces = field(default_factory=Traces)

    def __post_init__(self) -> None:
        """
        Refuse what is no public address, to be asked from elsewhere where nobody said so, and names
        that nobody can have.
        """
        if self.public_url is not None:
            _check_public_url(self.public_url)
        self._check_bundles()
        if self.callers_known:
            return
        if self.callers.allowed is not None:
            raise SettingsError(
                "callers.allowed must go with a way to know callers: SIDECAR_TOKENS_FILE, "
                "callers.jwt or SIDECAR_TLS_CLIENT_CA"
            )
        if not self.listen.on_loopback and not self.listen_beyond_loopback:
            raise SettingsError(
                f"SIDECAR_LISTEN must be on the loopback, got {self.listen.host!r}: callers are "
                "not authenticated; set listen_beyond_loopback to true in SIDECAR_CONFIG to listen "
                "there all the same"
            )

    def _check_bundles(self) -> None:
        """
        Refuse what would have no effect: bundles that nobody would take.
        """
        bundles, elsewhere = self.bundles, self.opa.url is not None
        for key, given in (("config", bundles.config), ("beside", bundles.beside)):
            if given and elsewhere:
                raise SettingsError(
                    f"bundles.{key} must not go with SIDECAR_OPA_URL: that OPA has its own bundles"
                )
        if bundles.config is not None and self.bundle != _SHIPPED_BUNDLE:
            raise SettingsError("bundles.config must not go with SIDECAR_BUNDLE: one decides")
        if bundles.config is not None and bundles.beside:
            raise SettingsError("bundles.beside must not go with bundles.config: it names them all")
        if bundles.persistence is not None and bundles.config is None and not elsewhere:
            raise SettingsError(
                "bundles.persistence must go with bundles.config or SIDECAR_OPA_URL: a bundle that "
                "is set is kept by whoever set it"
            )

    @property
    def callers_known(self) -> bool:
        """
        Whether callers must say who they are.
        """
        callers = self.callers
        return bool(callers.tokens_file or callers.jwt or self.tls.client_ca)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """
        Read the environment, and the file that it names.

        Args:
            environment: All of it; only what starts with SIDECAR_ counts.

        Raises:
            SettingsError: Something is wrong; the message says what, and what would be right.
        """
        given = {
            name: text
            for name, text in environment.items()
            if name.startswith(_PREFIX) and not _is_service_link(name, text)
        }
        for name, text in given.items():
            _check_variable(name, text)
        rest = _rest(given)
        beside: dict[str, Any] = {}
        if "SIDECAR_LISTEN" in given:
            beside["listen"] = Listen.from_text(given["SIDECAR_LISTEN"])
        if "SIDECAR_PUBLIC_URL" in given:
            beside["public_url"] = given["SIDECAR_PUBLIC_URL"]
        if "SIDECAR_BUNDLE" in given:
            beside["bundle"] = Path(given["SIDECAR_BUNDLE"])
        beside["tls"] = Tls(*(_file(given, name) for name in _TLS))
        return strict.section(cls, rest, **beside)


def _is_service_link(name: str, text: str) -> bool:
    return any(_SERVICE_LINK.fullmatch(seen) for seen in (name, f"{name}={text}"))


def _check_address(url: str) -> None:
    try:
        Endpoint(url)
    except SettingsError as wrong:
        # Not what was set: a password might be in it.
        raise SettingsError(
            "SIDECAR_OPA_URL must be http://host:port, https://host:port or unix:///path, and "
            "nothing beside"
        ) from wrong


def _check_public_url(url: str) -> None:
    """
    Refuse what is no identifier of a decision point (AuthZEN 1.0, section 9.1).
    """
    if not names_a_host(parts_of(url)) or not _PUBLIC_URL.fullmatch(url):
        raise SettingsError(
            "SIDECAR_PUBLIC_URL must be https://host, perhaps with a port and a path, and nothing "
            f"beside, got {url!r}"
        )


def _check_variable(name: str, text: str) -> None:
    if name not in _TAKEN:
        raise SettingsError(f"{name} is unknown; known are {', '.join(_TAKEN)}")
    if not text:
        raise SettingsError(f"{name} must not be empty; leave it unset for the default")


def _rest(given: Mapping[str, str]) -> dict[str, Any]:
    """
    Read the file that the environment names, where it names one, and add what the environment alone
    may say.
    """
    rest = strict.read(Path(given["SIDECAR_CONFIG"])) if "SIDECAR_CONFIG" in given else {}
    for key, variable in _ONLY_IN_ENVIRONMENT.items():
        section, _, name = key.rpartition(".")
        holder = rest.get(section) if section else rest
        if isinstance(holder, dict) and name in holder:
            raise SettingsError(f"{key} is set by {variable}, not in a file")
    for section, name, variable in (
        ("opa", "url", "SIDECAR_OPA_URL"),
        ("callers", "tokens_file", "SIDECAR_TOKENS_FILE"),
    ):
        if variable in given:
            there = strict.mapping(section, rest.get(section, {}))
            rest = {**rest, section: {**there, name: given[variable]}}
    return rest


def _file(given: Mapping[str, str], name: str) -> Path | None:
    return Path(given[name]) if name in given else None
