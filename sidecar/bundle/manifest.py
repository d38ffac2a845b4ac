"""
What a bundle says of itself in its manifest (contract, section 3).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SEARCHES: Final = ("subject", "resource", "action")
"""
What can be searched for (AuthZEN 1.0, section 8).
"""

EVERYTHING: Final = ("*",)
"""
The paths that a decision reads which may look at any part of its input.
"""

_SEGMENT = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_DOCUMENTS = ("clauses", "sentences", "switches", "terms", "registers")

DataPath = tuple[str, ...]
"""
Where a rule or a document is, below `data`.
"""


class ManifestMalformed(ValueError):
    """
    The manifest is not of the expected shape; the message names the key.
    """


@dataclass(frozen=True, slots=True)
class AgreementSource:
    """
    Where a bundle keeps what it says of its agreement.

    Attributes:
        id: The agreement's name.

        version: The agreement's version.

        documents: Paths of the documents that the bundle has, by what they hold: clauses,
            sentences, switches, terms, registers.

        release: Path of the rule that makes a question of a release note, where there is one.
    """

    id: str
    version: str
    documents: Mapping[str, DataPath]
    release: DataPath | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    What a bundle says of itself.

    Attributes:
        revision: The bundle's revision; empty where it has none.

        decision: DataPath of the rule that decides.

        batch: DataPath of the rule that decides many at once, where there is one.

        golden: DataPath of the decisions that the bundle promises, where it does.

        search: Paths of the rules that search, by what they search for.

        agreement: What the bundle says of its agreement, where it has one.

        reads: Paths below the input that a decision may depend on; `*` for all of it.

        deterministic: Whether nothing but the input and the bundle counts.

        constants: Paths of the packages that depend on data alone, and are worked out when the
            bundle is built.
    """

    revision: str
    decision: DataPath
    batch: DataPath | None
    golden: DataPath | None
    search: Mapping[str, DataPath]
    agreement: AgreementSource | None
    reads: tuple[str, ...]
    deterministic: bool
    constants: tuple[DataPath, ...] = ()

    @classmethod
    def from_document(cls, document: object) -> "Manifest":
        """
        Read a manifest; what else it says, is left alone.

        Args:
            document: The manifest, as parsed from JSON.

        Raises:
            ManifestMalformed: Something is absent or of a wrong type.
        """
        if not isinstance(document, dict):
            raise ManifestMalformed("the manifest must be a JSON object")
        metadata = _member(document, "metadata", dict, "an object")
        authzen = _member(metadata, "metadata.authzen", dict, "an object")
        return cls(
            revision=_member({"revision": "", **document}, "revision", str, "a string"),
            decision=_path(authzen, "metadata.authzen.decision"),
            batch=_path(authzen, "metadata.authzen.batch") if "batch" in authzen else None,
            golden=_path(authzen, "metadata.authzen.golden") if "golden" in authzen else None,
            search=_searches(authzen),
            agreement=_agreement(metadata),
            reads=_reads(authzen),
            deterministic=_member(
                {"deterministic": False, **authzen},
                "metadata.authzen.deterministic",
                bool,
                "true or false",
            ),
            constants=_constants(metadata),
        )


def _searches(authzen: dict[str, Any]) -> dict[str, DataPath]:
    if "search" not in authzen:
        return {}
    search = _member(authzen, "metadata.authzen.search", dict, "an object")
    return {
        kind: _path(search, f"metadata.authzen.search.{kind}")
        for kind in SEARCHES
        if kind in search
    }


def _reads(authzen: dict[str, Any]) -> tuple[str, ...]:
    key = "metadata.authzen.reads"
    reads = _member({"reads": [*EVERYTHING], **authzen}, key, list, "a list of strings")
    if not all(isinstance(path, str) for path in reads):
        raise ManifestMalformed(f"{key} must be a list of strings")
    return tuple(reads)


def _constants(metadata: dict[str, Any]) -> tuple[DataPath, ...]:
    build = _member({"build": {}, **metadata}, "metadata.build", dict, "an object")
    key = "metadata.build.constants"
    paths = _member({"constants": [], **build}, key, list, "a list of paths")
    return tuple(_path({"constants": path}, key) for path in paths)


def segments(path: str) -> DataPath:
    """
    Split a path such as `privacy/decision/decision` into its segments.

    Raises:
        ValueError: A segment is no plain name. OPA's paths are not escaped by the client, so that
            such a one could lead elsewhere.
    """
    parts = tuple(path.split("/"))
    if not all(map(_SEGMENT.fullmatch, parts)):
        raise ValueError("a path must be plain names with / between them")
    return parts


def _agreement(metadata: dict[str, Any]) -> AgreementSource | None:
    if "agreement" not in metadata:
        return None
    agreement = _member(metadata, "metadata.agreement", dict, "an object")
    return AgreementSource(
        id=_member(agreement, "metadata.agreement.id", str, "a string"),
        version=_member(agreement, "metadata.agreement.version", str, "a string"),
        documents={
            name: _path(agreement, f"metadata.agreement.{name}", at_least=1)
            for name in _DOCUMENTS
            if name in agreement
        },
        release=_path(agreement, "metadata.agreement.release") if "release" in agreement else None,
    )


def _path(holder: dict[str, Any], key: str, at_least: int = 2) -> DataPath:
    path: str = _member(holder, key, str, "a string")
    try:
        found = segments(path)
    except ValueError:
        found = ()
    if len(found) < at_least:
        raise ManifestMalformed(f"{key} must be a path such as package/rule, of plain names")
    return found


def _member(holder: dict[str, Any], key: str, kind: type, says: str) -> Any:
    name = key.rpartition(".")[2]
    if name not in holder:
        raise ManifestMalformed(f"{key} is missing")
    if not isinstance(holder[name], kind):
        raise ManifestMalformed(f"{key} must be {says}")
    return holder[name]
