"""
sidecar.callers.tokens: which JSON Web Tokens are good.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from sidecar.callers.settings import JwtSettings
from sidecar.callers.tokens import TokenVerifier
from sidecar.errors import KeysUnavailable, Unauthenticated
from tests.credentials import AUDIENCE, ISSUER, Signer, key_set, replace

RSA, EC = Signer.rsa("rsa"), Signer.ec("ec")
STRANGER = Signer.rsa("rsa")
LEEWAY_S = 30


def _now() -> int:
    return int(time.time())


def _settings(folder: Path, keys: str | None = None, **more: Any) -> JwtSettings:
    file = folder / "keys.json"
    replace(file, key_set(RSA, EC) if keys is None else keys)
    more = {"issuer": ISSUER, "audience": AUDIENCE, "leeway_s": LEEWAY_S, **more}
    return JwtSettings(str(file), **more)


def _part(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _claims() -> dict[str, Any]:
    return {"sub": "billing", "iss": ISSUER, "aud": AUDIENCE, "exp": _now() + 300}


def _unsigned(algorithm: str) -> str:
    return f"{_part({'alg': algorithm, 'kid': 'rsa'})}.{_part(_claims())}."


def _with_public_key_as_secret() -> str:
    """
    Sign with an HMAC, whose key everybody has (RFC 8725, section 2.1).
    """
    secret = RSA.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{_part({'alg': 'HS256', 'kid': 'rsa'})}.{_part(_claims())}"
    return f"{signed}.{_part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _tampered() -> str:
    head, _, signature = RSA.token().split(".")
    return f"{head}.{_part({**_claims(), 'sub': 'admin'})}.{signature}"


GOOD: dict[str, Callable[[], str]] = {
    "signed with RSA": lambda: RSA.token(),
    "signed with an elliptic curve": lambda: EC.token(),
    "for several audiences": lambda: EC.token(aud=["other", AUDIENCE]),
    "over, within the leeway": lambda: EC.token(exp=_now() - LEEWAY_S + 20),
    "not yet valid, within the leeway": lambda: EC.token(nbf=_now() + LEEWAY_S - 20),
    "made in the future, within the leeway": lambda: EC.token(iat=_now() + LEEWAY_S - 20),
    "without an iat": lambda: EC.token(iat=None),
}
BAD: dict[str, Callable[[], str]] = {
    "over": lambda: EC.token(exp=_now() - LEEWAY_S - 20),
    "long over": lambda: EC.token(exp=1),
    "not yet valid": lambda: EC.token(nbf=_now() + LEEWAY_S + 20),
    "made in the future": lambda: EC.token(iat=_now() + LEEWAY_S + 20),
    "without an end": lambda: EC.token(exp=None),
    "with an end that is no number": lambda: EC.token(exp="soon"),
    "with an end beyond all numbers": lambda: EC.token(exp=float("inf")),
    "for another audience": lambda: EC.token(aud="other"),
    "for an audience that begins alike": lambda: EC.token(aud=f"{AUDIENCE}2"),
    "without an audience": lambda: EC.token(aud=None),
    "with an odd audience": lambda: EC.token(aud={"sidecar": 1}),
    "of another issuer": lambda: EC.token(iss="https://evil.example"),
    "of an issuer written otherwise": lambda: EC.token(iss=f"{ISSUER}/"),
    "without an issuer": lambda: EC.token(iss=None),
    "not signed": lambda: _unsigned("none"),
    "not signed, written otherwise": lambda: _unsigned("NonE"),
    "not signed, said to be": lambda: _unsigned("RS256"),
    "signed with the public key as a secret": _with_public_key_as_secret,
    "signed by a stranger of the same key id": lambda: STRANGER.token(),
    "of an unknown key": lambda: Signer.ec("unknown").token(),
    "without a key id, where there are two keys": lambda: EC.token({"kid": None}),
    "with a key id of another key": lambda: EC.token({"kid": "rsa"}),
    "with an algorithm that the key is not for": lambda: Signer("rsa", RSA.key, "PS256").token(),
    "with its own key": lambda: STRANGER.token({"jwk": STRANGER.jwk}),
    "with an address of its own keys": lambda: STRANGER.token(
        {"jku": "https://127.0.0.1:1/keys", "x5u": "https://127.0.0.1:1/cert"}
    ),
    "changed": _tampered,
    "without a signature": lambda: RSA.token().rpartition(".")[0],
    "with a part too many": lambda: f"{RSA.token()}.x",
    "with claims that are a list": lambda: f"{_part({'alg': 'ES256', 'kid': 'ec'})}.W10.AA",
    "with a header that is a list": lambda: f"{_part([])}.{_part(_claims())}.AA",
    "with a header that is no JSON": lambda: f"{_part(b'{')}.{_part(_claims())}.AA",
    "with a deep header": lambda: f"{_part(b'[' * 6000)}.e30.AA",
    "with an algorithm that is a list": lambda: f"{_part({'alg': ['ES256']})}.e30.AA",
    "huge": lambda: EC.token(more="x" * 20_000),
    "empty": lambda: "",
    "three dots": lambda: "...",
    "not ASCII": lambda: "\xe9.\u2603.x",
}


@pytest.mark.parametrize("which", GOOD)
def test_what_is_good(tmp_path: Path, which: str):
    """
    A token that is signed with a known key, and meant for us, gives its claims.
    """
    assert TokenVerifier(_settings(tmp_path)).claims(GOOD[which]())["sub"] == "billing"


@pytest.mark.parametrize("which", BAD)
def test_what_is_not(tmp_path: Path, which: str):
    """
    Any other one is refused, with the challenge that says so, and without a word of it.
    """
    token = BAD[which]()
    with pytest.raises(Unauthenticated) as wrong:
        TokenVerifier(_settings(tmp_path)).claims(token)

    assert 'error="invalid_token"' in wrong.value.headers["WWW-Authenticate"]
    assert wrong.value.described() == {
        "code": "unauthenticated",
        "message": "The caller is not known.",
    }


def test_without_an_audience_of_ours_no_other_is_taken(tmp_path: Path):
    """
    Where no audience is set, a token for nobody in particular is good, and one for others is not.
    """
    verifier = TokenVerifier(_settings(tmp_path, audience=None))

    assert verifier.claims(EC.token(aud=None))["sub"] == "billing"
    with pytest.raises(Unauthenticated):
        verifier.claims(EC.token())


def test_any_issuer_where_none_is_set(tmp_path: Path):
    """
    Where no issuer is set, it is not looked at.
    """
    verifier = TokenVerifier(_settings(tmp_path, issuer=None))

    assert verifier.claims(EC.token(iss="https://other.example"))["sub"] == "billing"
    assert verifier.claims(EC.token(iss=None))["sub"] == "billing"


def test_only_set_algorithms(tmp_path: Path):
    """
    An algorithm that is not among those set is refused, though the key would do.
    """
    verifier = TokenVerifier(_settings(tmp_path, algorithms=("ES256",)))

    assert verifier.claims(EC.token())
    with pytest.raises(Unauthenticated):
        verifier.claims(RSA.token())


@pytest.mark.parametrize(
    ("algorithm", "signer"),
    [
        *((name, RSA) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        ("ES256", EC),
        ("ES384", Signer("ec", ec.generate_private_key(ec.SECP384R1()), "ES384")),
        ("ES512", Signer("ec", ec.generate_private_key(ec.SECP521R1()), "ES512")),
        ("EdDSA", Signer("ed", ed25519.Ed25519PrivateKey.generate(), "EdDSA")),
    ],
)
def test_a_key_that_is_for_no_algorithm_is_for_all_of_its_kind(
    tmp_path: Path, algorithm: str, signer: Signer
):
    """
    Where a key does not say what it is for, each algorithm of its kind is taken.
    """
    signer = Signer(signer.kid, signer.key, algorithm)
    jwk = {name: value for name, value in signer.jwk.items() if name != "alg"}
    verifier = TokenVerifier(_settings(tmp_path, key_set(jwk)))

    assert verifier.claims(signer.token())
    assert verifier.claims(signer.token({"kid": None})), "there is but one"


def test_a_key_of_another_kind_is_refused(tmp_path: Path):
    """
    An algorithm that the key cannot do, though it does not say so, is the token's fault.
    """
    jwk = {name: value for name, value in RSA.jwk.items() if name != "alg"}
    verifier = TokenVerifier(_settings(tmp_path, key_set({**jwk, "kid": "ec"})))

    with pytest.raises(Unauthenticated):
        verifier.claims(EC.token())


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_short_key_is_not_good_enough(tmp_path: Path):
    """
    A key of less than 2048 bits verifies nothing (RFC 7518, section 3.3).
    """
    short = Signer.rsa("short", 1024)
    verifier = TokenVerifier(_settings(tmp_path, key_set(short, EC)))

    with pytest.raises(Unauthenticated):
        verifier.claims(short.token())


def test_keys_are_rotated(tmp_path: Path):
    """
    A key that is put in the file is good at once, and one that is taken out is not.
    """
    settings = _settings(tmp_path, key_set(EC))
    verifier, file = TokenVerifier(settings), Path(settings.jwks)
    assert verifier.claims(EC.token())
    replace(file, key_set(RSA))

    assert verifier.claims(RSA.token())
    with pytest.raises(Unauthenticated):
        verifier.claims(EC.token())


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"keys": []}', '{"keys": {}}'])
def test_without_keys_no_token_is_good(tmp_path: Path, content: str | None):
    """
    While the file is gone, or broken, nobody is let in, and it is nobody's fault but ours.
    """
    settings = _settings(tmp_path)
    verifier, file = TokenVerifier(settings), Path(settings.jwks)
    assert verifier.claims(EC.token())
    if content is None:
        file.unlink()
    else:
        replace(file, content)

    with pytest.raises(KeysUnavailable):
        verifier.claims(EC.token())
    replace(file, key_set(EC))
    assert verifier.claims(EC.token())
