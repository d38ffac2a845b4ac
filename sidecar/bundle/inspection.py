"""
What is in a bundle, before it decides anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jwt

from sidecar.bundle.archive import document, unpack
from sidecar.bundle.build import holds_data_alone
from sidecar.bundle.manifest import AgreementSource, Manifest, ManifestMalformed
from sidecar.bundle.opa_run import OpaRun
from sidecar.bundle.signing import SIGNATURES
from sidecar.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Inspection:
    """
    What is in a bundle.

    Attributes:
        revision: Its revision; empty where it has none.

        roots: What of the data is its own.

        manifest: What it says of its decision; None where it holds data for another bundle.

        clauses: How its clauses are decided, by their ids: `rule`, or why there is none. Empty for
            a bundle without an agreement.

        switches: The switches of interpretation that do not stand as they ship, with their values.

        signed_by: The names of the keys that its signatures say they are by. Whether they are, is
            not looked at.

        files: How large each file is, in bytes.
    """

    revision: str
    roots: tuple[str, ...]
    manifest: Manifest | None
    clauses: Mapping[str, str]
    switches: Mapping[str, Any]
    signed_by: tuple[str, ...]
    files: Mapping[str, int]

    @classmethod
    def of(cls, bundle: Path, *, opa: Path) -> "Inspection":
        """
        Look into a tarball.

        Args:
            bundle: The tarball.

            opa: OPA's binary.

        Raises:
            SettingsError: It is no bundle.
            MissingPart: OPA cannot be run.
        """
        with TemporaryDirectory(prefix="sidecar-inspect-") as beside:
            folder = Path(beside)
            unpack(bundle, folder)
            said = document(folder, ".manifest")
            try:
                manifest = None if _holds_data(said) else Manifest.from_document(said)
            except ManifestMalformed as wrong:
                raise SettingsError(f"{bundle}: {wrong}") from wrong
            told = _Told(OpaRun(opa, folder, bundle), manifest.agreement if manifest else None)
            return cls(
                str(said.get("revision", "")),
                tuple(map(str, said.get("roots") or ("",))),
                manifest,
                told.clauses(),
                told.mapping("switches"),
                _signed_by(document(folder, SIGNATURES)),
                {
                    file.relative_to(folder).as_posix(): file.stat().st_size
                    for file in sorted(folder.rglob("*"))
                    if file.is_file()
                },
            )

    def said(self) -> dict[str, Any]:
        """
        Write it as JSON has it.
        """
        return {
            "revision": self.revision,
            "roots": list(self.roots),
            **(_decided(self.manifest) if self.manifest else {}),
            "clauses": dict(self.clauses),
            "switches": dict(self.switches),
            "signed_by": list(self.signed_by),
            "files": dict(self.files),
        }


def _decided(manifest: Manifest) -> dict[str, Any]:
    agreement = manifest.agreement
    return {
        "decision": "/".join(manifest.decision),
        "search": {kind: "/".join(path) for kind, path in manifest.search.items()},
        "reads": list(manifest.reads),
        "deterministic": manifest.deterministic,
        "agreement": {"id": agreement.id, "version": agreement.version} if agreement else None,
    }


def _holds_data(manifest: Any) -> bool:
    return isinstance(manifest, dict) and holds_data_alone(manifest)


@dataclass(frozen=True, slots=True)
class _Told:
    """
    The documents that a bundle names about its agreement.
    """

    run: OpaRun
    agreement: AgreementSource | None

    def mapping(self, name: str) -> dict[str, Any]:
        """
        Evaluate one of them; nothing where there is none.
        """
        path = self.agreement.documents.get(name) if self.agreement else None
        if path is None:
            return {}
        value = self.run.value(path)
        return value if isinstance(value, dict) else {}

    def clauses(self) -> dict[str, str]:
        """
        Say how each clause is decided.
        """
        return {
            id_: str(clause.get("undecidable", "rule"))
            for id_, clause in self.mapping("clauses").items()
            if isinstance(clause, dict)
        }


def _signed_by(signatures: Any) -> tuple[str, ...]:
    tokens = signatures.get("signatures") if isinstance(signatures, dict) else None
    return tuple(_key_id(token) for token in tokens or ())


def _key_id(token: Any) -> str:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, TypeError, ValueError):
        return "unreadable"
    return str(claims.get("keyid") or header.get("kid") or "unnamed")
