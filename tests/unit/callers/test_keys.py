"""
sidecar.callers.keys, fetched from an address.
"""

import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sidecar.callers import keys
from sidecar.callers.keys import FetchedKeys, KeySet, parsed
from sidecar.callers.settings import JwtSettings
from sidecar.callers.tokens import TokenVerifier
from sidecar.errors import KeysUnavailable, Unauthenticated
from tests.credentials import AUDIENCE, ISSUER, Authority, Signer, key_set

FIRST, SECOND = Signer.ec("first"), Signer.ec("second")


@dataclass
class Issuer:
    """
    An issuer's address of keys.

    Attributes:
        url: The address.

        content: What it answers with.

        status: The HTTP status.

        asked: How often it was asked, and with which headers.

        before: Called before each answer.
    """

    url: str = ""
    content: str = field(default_factory=lambda: key_set(FIRST))
    status: int = 200
    location: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    before: Callable[[], object] = lambda: None


@contextmanager
def issuing(folder: Path) -> Iterator[tuple[Issuer, Path]]:
    """
    Have an issuer, and the certificate that it is known by.
    """
    authority, issuer = Authority(), Issuer()

    class Handler(BaseHTTPRequestHandler):
        """
        Answers with what the test set.
        """

        def do_GET(self) -> None:
            """
            Answer.
            """
            issuer.asked.append(dict(self.headers))
            issuer.before()
            content = issuer.content.encode()
            self.send_response(issuer.status)
            if issuer.location:
                self.send_header("Location", issuer.location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """
            Say nothing.
            """

    ca = folder / "ca.pem"
    ca.write_bytes(authority.cert)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server().written(folder, "issuer"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        issuer.url = f"https://127.0.0.1:{server.server_port}/keys"
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield issuer, ca
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[tuple[Issuer, Path]]:
    """
    An issuer that is there.
    """
    with issuing(tmp_path) as found:
        yield found


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Keys may be fetched as often as one likes.
    """
    monkeypatch.setattr(keys, "_AGAIN_AFTER_S", 0.0)


def _verifier(issuer: Issuer, ca: Path) -> TokenVerifier:
    return TokenVerifier(JwtSettings(issuer.url, ca, ISSUER, AUDIENCE))


def test_they_are_fetched_once(there: tuple[Issuer, Path]):
    """
    Many tokens, and many threads at once, need one request.
    """
    issuer, ca = there
    verifier = _verifier(issuer, ca)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(verifier.claims, [FIRST.token()] * 40))

    assert all(claims["sub"] == "billing" for claims in found)
    assert len(issuer.asked) == 1


def test_unknown_ids_are_no_way_to_make_us_ask(there: tuple[Issuer, Path]):
    """
    However many tokens with unknown ids come, the issuer is asked once in a while.
    """
    issuer, ca = there
    verifier = _verifier(issuer, ca)
    verifier.claims(FIRST.token())

    def refused(n: int) -> bool:
        with pytest.raises(Unauthenticated):
            verifier.claims(Signer(f"u{n}", SECOND.key, "ES256").token())
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(refused, range(40)))
    assert len(issuer.asked) == 1


@pytest.mark.usefixtures("at_once")
def test_a_new_key_is_found(there: tuple[Issuer, Path]):
    """
    A token of an id that is not known yet makes us look; the old key is then good no more.
    """
    issuer, ca = there
    verifier = _verifier(issuer, ca)
    verifier.claims(FIRST.token())
    issuer.content = key_set(SECOND)

    assert verifier.claims(SECOND.token())["sub"] == "billing"
    with pytest.raises(Unauthenticated):
        verifier.claims(FIRST.token())


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("status", "content", "location"),
    [
        (500, "", ""),
        (404, key_set(SECOND), ""),
        (302, "", "https://127.0.0.1:1/elsewhere"),
        (200, "{", ""),
        (200, '{"keys": []}', ""),
        (200, " " * 2_000_000, ""),
        (200, "[" * 5000, ""),
    ],
)
def test_old_keys_go_on_serving(
    there: tuple[Issuer, Path], status: int, content: str, location: str
):
    """
    While the issuer answers nonsense, the keys that are there are good; and it is asked again.
    """
    issuer, ca = there
    fetched = FetchedKeys(issuer.url, ca, refresh_s=0, at="callers.jwt")
    assert fetched.current().get("first")
    issuer.status, issuer.content, issuer.location = status, content, location

    assert fetched.current().get("first")
    issuer.status, issuer.content = 200, key_set(SECOND)
    assert fetched.current().get("second")


@pytest.mark.usefixtures("at_once")
def test_old_keys_go_on_serving_when_the_issuer_is_away(tmp_path: Path):
    """
    An issuer that is gone changes nothing for the keys that are there.
    """
    with issuing(tmp_path) as (issuer, ca):
        fetched = FetchedKeys(issuer.url, ca, refresh_s=0, at="callers.jwt")
        assert fetched.current().get("first")

    assert fetched.current().get("first")


@pytest.mark.usefixtures("at_once")
def test_nobody_waits_for_what_is_fetched_anew(there: tuple[Issuer, Path]):
    """
    While one thread asks an issuer that takes its time, the others go on with the keys they have.
    """
    issuer, ca = there
    fetched = FetchedKeys(issuer.url, ca, refresh_s=0, at="callers.jwt")
    fetched.current()
    asked, go_on = threading.Event(), threading.Event()

    def thinking() -> None:
        asked.set()
        go_on.wait(20)

    issuer.before = thinking
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(fetched.current)
        try:
            assert asked.wait(20)
            assert fetched.current().get("first")
            assert len(issuer.asked) == 2
        finally:
            go_on.set()
        assert slow.result().get("first")


def test_without_keys_no_token_is_good(tmp_path: Path):
    """
    Where they could never be fetched, nobody is let in, and the answer says whose fault it is.
    """
    with issuing(tmp_path) as (issuer, ca):
        pass

    with pytest.raises(KeysUnavailable):
        _verifier(issuer, ca).claims(FIRST.token())


def test_an_issuer_must_be_who_it_says(tmp_path: Path, there: tuple[Issuer, Path]):
    """
    An address whose certificate another authority signed is not asked.
    """
    issuer, _ = there
    other = tmp_path / "other.pem"
    other.write_bytes(Authority().cert)

    with pytest.raises(KeysUnavailable):
        _verifier(issuer, other).claims(FIRST.token())
    assert issuer.asked == []


def test_neither_proxies_nor_netrc_are_heeded(
    tmp_path: Path, there: tuple[Issuer, Path], monkeypatch: pytest.MonkeyPatch
):
    """
    The environment neither sends us elsewhere nor has us show a password.
    """
    issuer, ca = there
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password SECRET\n", "utf-8")
    for variable in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("no_proxy", raising=False)

    assert _verifier(issuer, ca).claims(FIRST.token())
    assert "Authorization" not in issuer.asked[0]


def test_a_fork_fetches_for_itself(there: tuple[Issuer, Path]):
    """
    A child of a process that has fetched keys has them, and can fetch others.
    """
    issuer, ca = there
    fetched = FetchedKeys(issuer.url, ca, refresh_s=300, at="callers.jwt")
    fetched.current()
    child = os.fork()
    if child == 0:
        well = False
        try:
            keys._AGAIN_AFTER_S = 0.0  # type: ignore[misc]
            well = bool(fetched.current().get("first") and fetched.after_missing().get("first"))
        finally:
            os._exit(0 if well else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert len(issuer.asked) == 2


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
        {**FIRST.jwk, "use": "enc"},
        {**FIRST.jwk, "crv": "P-0"},
        {**FIRST.jwk, "x": "AA"},
        {**FIRST.jwk, "x": 5},
        {"kty": "RSA", "n": "AQAB"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": ["EC"]},
        {},
        "key",
        None,
    ],
)
def test_keys_that_cannot_be_used_are_passed_over(entry: Any):
    """
    What is no public key for signatures is not there; the others are (RFC 7517, section 5).
    """
    found = parsed(json.dumps({"keys": [entry, SECOND.jwk]}).encode())

    assert found.get("second")
    assert found.get(None) is not None, "it is the only one"


def test_of_a_private_key_only_the_public_part_is_taken():
    """
    A key set that has its private part too does not put it in our memory.
    """
    found = parsed(json.dumps({"keys": [{**FIRST.jwk, "d": "AAAA"}]}).encode()).get("first")

    assert found and not hasattr(found.public, "private_numbers")


def test_an_empty_set_has_no_key():
    """
    Neither an id nor none finds anything in it.
    """
    assert not KeySet({})
    assert KeySet({}).get("a") is None and KeySet({}).get(None) is None
