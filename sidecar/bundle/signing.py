"""
Signing a bundle, and seeing whose signature it has. OPA does both; a key says itself how it signs.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sidecar.bundle.archive import unpack
from sidecar.bundle.opa_run import OpaRun
from sidecar.errors import SettingsError
from sidecar.signer import Signer, algorithm_of

SIGNATURES: Final = ".signatures.json"


def sign(bundle: Path, target: Path, *, key: Path, key_id: str, opa: Path) -> None:
    """
    Sign a bundle. What it holds stays the same; a signature that it has is replaced.

    Args:
        bundle: A built bundle.

        target: The tarball to write; it may be the same.

        key: The private key, in PEM: of an elliptic curve, RSA, or Ed25519.

        key_id: The name by which whoever verifies finds the public key.

        opa: OPA's binary.

    Raises:
        SettingsError: The key cannot be used, or the bundle is none.
        MissingPart: OPA cannot be run.
    """
    algorithm = _signer(key).algorithm
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent.absolute(), prefix=".signing-") as beside:
        run = OpaRun(opa, Path(beside, "copy"), bundle)
        run.folder.mkdir()
        unpack(bundle, run.folder)
        claims, made = Path(beside, "claims.json"), Path(beside, "bundle.tar.gz")
        claims.write_text(json.dumps({"keyid": key_id}), "utf-8")
        run.said(
            *("build", "--bundle", ".", "--output", str(made)),
            *("--signing-key", str(key.absolute()), "--signing-alg", algorithm),
            *("--claims-file", str(claims)),
        )
        made.replace(target)


def verify(bundle: Path, keys: Mapping[str, Path], *, opa: Path, called: Path | None = None) -> str:
    """
    See whose signature a bundle has, and that it is the signature of just this bundle.

    Args:
        bundle: A tarball.

        keys: The public keys that count, in PEM, by their names.

        opa: OPA's binary.

        called: What messages call the bundle; its path unless said.

    Returns:
        The name of the key.

    Raises:
        SettingsError: It has no signature, or none by one of the keys; or a key cannot be used.
        MissingPart: OPA cannot be run.
    """
    algorithms = {name: public_algorithm(key) for name, key in keys.items()}
    said = "no key is known"
    with TemporaryDirectory(prefix="sidecar-verify-") as folder:
        # What is not fit to be unpacked is not given to OPA.
        unpack(bundle, Path(folder))
        run = OpaRun(opa, Path(folder), called or bundle)
        for name, key in keys.items():
            done = run.done(
                *("build", "--bundle", str(bundle.absolute()), "--output", f"{folder}/.verified"),
                *("--verification-key", str(key.absolute())),
                *("--signing-alg", algorithms[name]),
            )
            if not done.returncode:
                return name
            said = (done.stderr or done.stdout).strip().rpartition(": ")[2]
    raise SettingsError(
        f"{called or bundle} is not signed by any of {', '.join(keys) or 'no keys'}: {said}"
    )


def public_algorithm(key: Path) -> str:
    """
    Say how a public key's signatures are made.

    Raises:
        SettingsError: It is no public key that bundles can be verified with.
    """
    # As large as it is, it is for those alone who have a key.
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        algorithm = algorithm_of(load_pem_public_key(key.read_bytes()))
    except OSError as wrong:
        raise SettingsError(f"{key} cannot be read: {wrong.strerror}") from wrong
    except ValueError as wrong:
        raise SettingsError(f"{key} must hold a public key in PEM") from wrong
    if algorithm is None:
        raise SettingsError(f"{key} must be a key of an elliptic curve, RSA, or Ed25519")
    return algorithm


def _signer(key: Path) -> Signer:
    try:
        return Signer.from_file(key, None)
    except OSError as wrong:
        raise SettingsError(f"{key} cannot be read: {wrong.strerror}") from wrong
    except ValueError as wrong:
        raise SettingsError(
            f"{key} must hold a private key in PEM, without a password, of an elliptic curve, RSA, "
            "or Ed25519"
        ) from wrong
