"""
Who may ask, over real connections: every way to be known, and what becomes of everybody else.
"""

import dataclasses
import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.credentials import AUDIENCE, ISSUER, Authority, Signer, key_set, replace
from tests.e2e.serve import Answer, Sidecar, free_port, running
from tests.running import BUNDLES, evaluation, eventually

FAULTY = str(BUNDLES / "faulty")
ASKED = evaluation("permit", answer="bare")
SIGNER = Signer.ec()
# In each credential that is not good, so that it would be found wherever it got to.
SECRET = "zzSECRETzz"
OPEN = ("/healthz", "/readyz", "/metrics", "/metrics/opa", "/openapi.json")
CHALLENGE = 'Bearer realm="sidecar"'


def _now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Known:
    """
    A sidecar whose callers are known.

    Attributes:
        sidecar: It, asked without a certificate.

        folder: Where its files are: tokens, keys, certificates.

        authority: Who signs certificates.
    """

    sidecar: Sidecar
    folder: Path
    authority: Authority

    def showing(self, shown: tuple[Path, Path]) -> Sidecar:
        """
        Ask with a certificate.
        """
        return dataclasses.replace(self.sidecar, tls=self.authority.trusted(shown))

    def certificate(self, name: str, *alternatives: x509.GeneralName, days: int = 1) -> Sidecar:
        """
        Ask with a certificate that is made here.
        """
        pair = self.authority.issue(name, *alternatives, valid_days=days)
        return self.showing(pair.written(self.folder, f"client-{name or 'nobody'}"))


@contextmanager
def known(folder: Path, more: str = "", workers: int = 1) -> Iterator[Known]:
    """
    Run a sidecar that knows callers in every way.
    """
    authority = Authority()
    (folder / "ca.pem").write_bytes(authority.cert)
    cert, key = authority.server().written(folder, "server")
    (folder / "tokens").write_text("billing t-billing\nshop t-shop\n", "utf-8")
    (folder / "keys").write_text(key_set(SIGNER), "utf-8")
    config = (
        f"callers: {{jwt: {{jwks: {folder}/keys, issuer: '{ISSUER}', audience: {AUDIENCE}}}"
        f"{more}}}\nserver: {{workers: {workers}, threads: 4, receive_within_s: 2}}\n"
        "log: {level: info}\n"
    )
    with running(
        config,
        authority.trusted(),
        SIDECAR_BUNDLE=FAULTY,
        SIDECAR_TOKENS_FILE=str(folder / "tokens"),
        SIDECAR_TLS_CERT=str(cert),
        SIDECAR_TLS_KEY=str(key),
        SIDECAR_TLS_CLIENT_CA=str(folder / "ca.pem"),
    ) as sidecar:
        assert eventually(lambda: len(sidecar.workers()) == workers)
        yield Known(sidecar, folder, authority)


@pytest.fixture(scope="module")
def everyone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """
    A sidecar that lets everyone in who is known.
    """
    with known(tmp_path_factory.mktemp("everyone")) as found:
        yield found


def _decide(sidecar: Sidecar, token: str | None = None, **headers: str) -> Answer:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return sidecar.post("/access/v1/evaluation", ASKED, **headers)


def _decided(sidecar: Sidecar) -> float:
    return sum(sidecar.counts("privacy_decisions_total").values())


def test_what_is_needed_to_run_it_is_open(everyone: Known):
    """
    Health, metrics and the description need no credential, and take no harm from a bad one.
    """
    for path in OPEN:
        assert everyone.sidecar.get(path).status == 200
        assert everyone.sidecar.get(path, Authorization=f"Bearer {SECRET}").status == 200


TOKENS: dict[str, Callable[[], str]] = {
    "of the file": lambda: "t-billing",
    "of another one in the file": lambda: "t-shop",
    "signed": lambda: SIGNER.token(),
    "signed, over within the leeway": lambda: SIGNER.token(exp=_now() - 10),
}


@pytest.mark.parametrize("which", TOKENS)
def test_who_has_a_token_is_let_in(everyone: Known, which: str):
    """
    A good token gets a decision, whatever the case of its scheme.
    """
    token = TOKENS[which]()
    answers = [
        everyone.sidecar.post("/access/v1/evaluation", ASKED, Authorization=f"{scheme} {token}")
        for scheme in ("Bearer", "bearer", "BEARER ")
    ]

    assert [(answer.status, answer.json) for answer in answers] == [(200, {"decision": True})] * 3


@pytest.mark.parametrize(
    ("name", "alternatives"),
    [("c", ()), ("", (x509.UniformResourceIdentifier("spiffe://a/b"), x509.DNSName("d")))],
)
def test_who_has_a_certificate_is_let_in(everyone: Known, name: str, alternatives: Any):
    """
    A certificate that the authority signed gets a decision, with and without a token.
    """
    sidecar = everyone.certificate(name, *alternatives)

    assert [_decide(sidecar).status, _decide(sidecar, "t-billing").status] == [200, 200]


REFUSED: dict[str, Callable[[], dict[str, str]]] = {
    "nothing": lambda: {},
    "an unknown token": lambda: {"Authorization": f"Bearer {SECRET}"},
    "a token's beginning": lambda: {"Authorization": "Bearer t-billin"},
    "a caller's name": lambda: {"Authorization": "Bearer billing"},
    "no token": lambda: {"Authorization": "Bearer"},
    "an empty token": lambda: {"Authorization": "Bearer "},
    "an empty header": lambda: {"Authorization": ""},
    "two tokens": lambda: {"Authorization": f"Bearer t-billing {SECRET}"},
    "a list of tokens": lambda: {"Authorization": f"Bearer t-billing, Bearer {SECRET}"},
    "a password": lambda: {"Authorization": f"Basic {SECRET}"},
    "a token in no scheme": lambda: {"Authorization": "t-billing"},
    "a token elsewhere": lambda: {"X-Authorization": "Bearer t-billing"},
    "a token that is over": lambda: {
        "Authorization": f"Bearer {SIGNER.token(exp=_now() - 60, sub=SECRET)}"
    },
    "a token for others": lambda: {"Authorization": f"Bearer {SIGNER.token(aud=SECRET)}"},
    "a token of others": lambda: {"Authorization": f"Bearer {SIGNER.token(iss=SECRET)}"},
    "a token of an unknown key": lambda: {"Authorization": f"Bearer {Signer.ec(SECRET).token()}"},
    "a token of nobody": lambda: {"Authorization": f"Bearer {SIGNER.token(sub=None)}"},
    "a token of an empty name": lambda: {"Authorization": f"Bearer {SIGNER.token(sub='')}"},
    "a name that a proxy would give": lambda: {
        "X-Forwarded-User": "billing",
        "X-SSL-Client-CN": "billing",
        "X-Forwarded-Client-Cert": "billing",
    },
}


@pytest.mark.parametrize("which", REFUSED)
@pytest.mark.parametrize("path", ["evaluation", "evaluations", "search/subject", "nothing"])
def test_nobody_else_is(everyone: Known, which: str, path: str):
    """
    Anyone else gets 401 with the challenge: nothing is decided, and nothing is said or logged of
    what came.
    """
    sidecar, headers = everyone.sidecar, REFUSED[which]()
    before = _decided(sidecar)
    answer = sidecar.post(f"/access/v1/{path}", ASKED, **headers, **{"X-Request-ID": "r-1"})
    sent = "Authorization" in headers

    assert answer.json == {
        "error": {"code": "unauthenticated", "message": "The caller is not known."}
    }
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == CHALLENGE + (
        ', error="invalid_token"' if sent else ""
    )
    assert answer.headers["x-request-id"] == "r-1"
    assert _decided(sidecar) == before
    _said_nothing_of(sidecar, answer, headers.get("Authorization", SECRET))


def _said_nothing_of(sidecar: Sidecar, answer: Answer, authorization: str) -> None:
    said = f"{answer.headers} {answer.content!r} {sidecar.stdout} {sidecar.stderr}"
    *_, token = authorization.rpartition(" ")
    assert SECRET not in said
    assert len(token) < 9 or token not in said


def test_of_two_credentials_both_must_be_good(everyone: Known):
    """
    A certificate does not make up for a token that is not good.
    """
    answer = _decide(everyone.certificate("c"), SECRET)

    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_a_certificate_that_names_nobody(everyone: Known):
    """
    A certificate without a name is no credential, and not with a token either.
    """
    sidecar = everyone.certificate("")

    assert [_decide(sidecar).status, _decide(sidecar, "t-billing").status] == [401, 401]
    assert sidecar.get("/healthz").status == 200


def test_a_certificate_of_another_authority(everyone: Known, tmp_path: Path):
    """
    A certificate that is not signed by the authority, or is over, does not get a connection.
    """
    stranger = everyone.showing(Authority().issue("c").written(tmp_path, "stranger"))
    for sidecar in (stranger, everyone.certificate("over", days=-1)):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            _decide(sidecar)

    assert _decide(everyone.sidecar, "t-billing").status == 200


def test_only_those_who_may(tmp_path: Path):
    """
    Who is known by whichever credential, and is not among those allowed, gets 403, and no decision.
    """
    with known(tmp_path, ", allowed: [billing, 'spiffe://a/b']") as found:
        uri = x509.UniformResourceIdentifier("spiffe://a/b")
        allowed = [
            _decide(found.sidecar, "t-billing"),
            _decide(found.sidecar, SIGNER.token()),
            _decide(found.certificate("x", uri)),
        ]
        before = _decided(found.sidecar)
        refused = [
            _decide(found.sidecar, "t-shop"),
            _decide(found.sidecar, SIGNER.token(sub=SECRET)),
            _decide(found.certificate("shop")),
            _decide(found.certificate("x", uri), "t-shop"),
        ]

        assert [answer.status for answer in allowed] == [200] * 3
        assert [(answer.status, answer.code) for answer in refused] == [(403, "forbidden")] * 4
        assert _decided(found.sidecar) == before
        assert SECRET not in found.sidecar.stderr


def test_not_too_often(tmp_path: Path):
    """
    Who asks too often gets 429 and when to come again; others, and health, are not concerned.
    """
    with known(tmp_path, ", rate: {per_second: 0.01, burst: 3}") as found:
        answers = [_decide(found.sidecar, "t-billing") for _ in range(5)]

        assert [answer.status for answer in answers] == [200] * 3 + [429] * 2
        assert answers[-1].code == "too_many_requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 100
        assert _decided(found.sidecar) == 3
        assert _decide(found.sidecar, "t-shop").status == 200
        assert _decide(found.sidecar, SIGNER.token()).status == 429, "the same name"
        assert found.sidecar.get("/healthz").status == 200


def test_a_rate_for_all_where_nobody_is_known():
    """
    Where callers are not known, all of them together are one.
    """
    config = "callers: {rate: {per_second: 0.01, burst: 2}}\n"
    with running(config, SIDECAR_BUNDLE=FAULTY) as sidecar:
        statuses = [_decide(sidecar, token).status for token in ("a", "b", "c")]

        assert statuses == [200, 200, 429]


def test_tokens_and_keys_are_rotated(tmp_path: Path):
    """
    In every worker what was put in a file counts, and what was taken out does not, without a
    restart; a broken file lets nobody in, and is logged without its content.
    """

    def statuses(token: str) -> set[int]:
        # On connections of their own, which the workers share.
        return {_decide(sidecar, token).status for _ in range(12)}

    new = Signer.ec("k2")
    with known(tmp_path, workers=2) as found:
        sidecar, workers = found.sidecar, found.sidecar.workers()
        assert statuses("t-billing") == statuses(SIGNER.token()) == {200}
        replace(tmp_path / "tokens", "billing t-new\n")
        replace(tmp_path / "keys", key_set(new))
        assert statuses("t-new") == statuses(new.token()) == {200}
        assert statuses("t-billing") == statuses(SIGNER.token()) == {401}

        replace(tmp_path / "tokens", f"billing t-new\n{SECRET}\n")
        replace(tmp_path / "keys", SECRET)
        assert statuses("t-new") == {401}
        assert statuses(new.token()) == {503}
        assert "SIDECAR_TOKENS_FILE, line 2: it must be a name and a token" in sidecar.stderr
        assert "callers.jwt.jwks must be a JSON Web Key Set" in sidecar.stderr
        assert SECRET not in sidecar.stderr
        replace(tmp_path / "tokens", "billing t-new\n")
        assert statuses("t-new") == {200}
        assert sidecar.workers() == workers


def _serial(sidecar: Sidecar) -> int:
    """
    Say which certificate a new connection is shown.
    """
    with _over_tls(sidecar) as connection:
        shown = connection.getpeercert(True)
        assert shown
        return x509.load_der_x509_certificate(shown).serial_number


@contextmanager
def _over_tls(sidecar: Sidecar) -> Iterator[ssl.SSLSocket]:
    """
    Have a connection for what need not be HTTP.
    """
    host, _, port = sidecar.address.rpartition(":")
    assert sidecar.tls
    with (
        socket.create_connection((host, int(port)), 20) as plain,
        sidecar.tls.wrap_socket(plain, server_hostname=host) as connection,
    ):
        yield connection


def _number(cert: bytes) -> int:
    return x509.load_pem_x509_certificate(cert).serial_number


def test_certificates_are_rotated(tmp_path: Path):
    """
    While the certificate is exchanged again and again, the key after it, every request is answered,
    on new connections and on one that is kept; at the end the last one is shown by every worker.
    """
    failed: list[object] = []
    stop = threading.Event()

    def ask() -> None:
        with closing(found.sidecar.connected()) as kept:
            while not stop.is_set():
                try:
                    answers = [
                        found.sidecar.get("/healthz"),
                        Answer.to(kept, "GET", "/healthz"),
                    ]
                except (OSError, http.client.HTTPException) as wrong:
                    failed.append(wrong)
                    return
                failed.extend(answer for answer in answers if answer.status != 200)

    with known(tmp_path, workers=2) as found:
        workers = found.sidecar.workers()
        asking = [threading.Thread(target=ask) for _ in range(2)]
        for each in asking:
            each.start()
        try:
            for _ in range(10):
                pair = found.authority.server()
                replace(tmp_path / "server.pem", pair.cert)
                # For a moment they do not fit.
                _serial(found.sidecar)
                replace(tmp_path / "server.key", pair.key)
                assert {_serial(found.sidecar) for _ in range(8)} == {_number(pair.cert)}
        finally:
            stop.set()
            for each in asking:
                each.join()

        assert failed == []
        assert found.sidecar.workers() == workers
        assert "the certificates are still the ones before" in found.sidecar.stderr


def test_the_authority_is_rotated(tmp_path: Path):
    """
    Once another authority is trusted, certificates of the one before are so no more.
    """
    with known(tmp_path) as found:
        old = found.certificate("c")
        other = Authority()
        new = found.showing(other.issue("c").written(tmp_path, "new"))
        assert _decide(old).status == 200
        replace(tmp_path / "ca.pem", other.cert)

        assert _decide(new).status == 200
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            _decide(old)


def test_old_versions_of_tls_are_not_spoken(everyone: Known):
    """
    TLS 1.2 and 1.3 are, and nothing before.
    """
    spoken = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = everyone.authority.trusted()
        context.minimum_version = context.maximum_version = version
        spoken.append(dataclasses.replace(everyone.sidecar, tls=context).get("/healthz").status)
    assert spoken == [200, 200]

    old = everyone.authority.trusted()
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        dataclasses.replace(everyone.sidecar, tls=old).get("/healthz")


def test_who_does_not_shake_hands_keeps_nobody_waiting(everyone: Known):
    """
    Callers that begin TLS, or a request, and do not go on, or speak something else, are let go in
    time, and others are answered meanwhile.
    """
    host, _, port = everyone.sidecar.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), 20) as slow,
        socket.create_connection((host, int(port)), 20) as silent,
        socket.create_connection((host, int(port)), 20) as plain,
        socket.create_connection((host, int(port)), 20) as gone,
        _over_tls(everyone.sidecar) as begun,
    ):
        begun.sendall(b"GET /healthz HTTP/1.1\r\n")
        slow.sendall(b"\x16\x03\x01\x02\x00\x01")
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        gone.close()

        assert everyone.sidecar.get("/healthz").status == 200
        assert [_ended(each) for each in (slow, silent, plain, begun)] == [True] * 4
    assert "Traceback" not in everyone.sidecar.stderr
    assert "exception" not in everyone.sidecar.stderr


def _ended(connection: socket.socket) -> bool:
    """
    Wait until a connection is closed, whatever is sent before.
    """
    try:
        while connection.recv(65536):
            continue
    except ConnectionResetError:
        pass
    return True


def test_requests_in_a_row_are_answered_over_tls(everyone: Known):
    """
    Requests that come in one record of TLS are all answered, in order, and at once.
    """
    # Longer than what is read at once, so that one of them is cut in two.
    filler = "x" * 3000
    one = f"GET /healthz HTTP/1.1\r\nHost: h\r\nX-A: {filler}\r\n\r\n"
    last = "GET /nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    with _over_tls(everyone.sidecar) as connection:
        connection.sendall((one * 5 + last).encode())
        received = b""
        while more := connection.recv(65536):
            received += more

    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200"] * 5 + [b"404"]


def test_it_says_how_it_is_asked(everyone: Known):
    """
    The line of the start says https, and nothing is warned of.
    """
    assert everyone.sidecar.stdout.startswith(f"listening on https://{everyone.sidecar.address} ")
    assert "WARNING" not in everyone.sidecar.stderr


def test_beyond_the_loopback_when_callers_are_known(tmp_path: Path):
    """
    Where callers are known, it listens there unasked; that tokens go in clear is said.
    """
    file = tmp_path / "tokens"
    file.write_text("billing t-billing\n", "utf-8")
    address = f"0.0.0.0:{free_port()}"
    with running(
        SIDECAR_LISTEN=address, SIDECAR_BUNDLE=FAULTY, SIDECAR_TOKENS_FILE=str(file)
    ) as sidecar:
        assert sidecar.stderr.splitlines()[0] == (
            "WARNING: other machines can ask too, and send their tokens in clear."
        )
        assert [_decide(sidecar).status, _decide(sidecar, "t-billing").status] == [401, 200]


def test_failures_are_counted_and_logged_by_their_codes(tmp_path: Path):
    """
    Metrics say how often callers were refused, and why; a request's line says the status.
    """
    with known(tmp_path, ", allowed: [shop], rate: {per_second: 0.01, burst: 1}") as found:
        tokens = ("bad", None, "t-billing", "t-shop", "t-shop")
        answers = [_decide(found.sidecar, token).status for token in tokens]

        assert answers == [401, 401, 403, 200, 429]
        assert found.sidecar.errors() == {
            "unauthenticated": 2,
            "forbidden": 1,
            "too_many_requests": 1,
        }
        assert eventually(lambda: _logged(found.sidecar) == answers)


def _logged(sidecar: Sidecar) -> list[int]:
    lines = [json.loads(line) for line in sidecar.stderr.splitlines() if line.startswith("{")]
    return [
        line["status"]
        for line in lines
        if line.get("event") == "request" and str(line.get("route")).startswith("/access/")
    ]
