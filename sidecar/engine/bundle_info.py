"""
What the active bundle says of itself, read from OPA.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sidecar.bundle.manifest import (
    EVERYTHING,
    AgreementSource,
    DataPath,
    Manifest,
    ManifestMalformed,
)
from sidecar.engine.client import Answer, Opa
from sidecar.errors import BundleNotActive
from sidecar.registers.source import RegisterSource

BUNDLES: Final = ("system", "bundles")
"""
Where OPA has what its bundles say of themselves.
"""

_CLAUSE: Final = ("section", "says", "sha256")
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Agreement:
    """
    What a bundle says of its agreement, to complete answers with.

    Attributes:
        id: The agreement's name.

        version: The agreement's version.

        clauses: Section, paraphrase and digest of each clause, by the clause's id.

        sentences: Templates of sentences, by the reason.

        switches: How the switches of interpretation stand.

        terms: The vocabulary's terms, by what they name.

        registers: What it says of the registers that it looks up, where it does.

        gaps: Which of these the bundle names, and lacks or has in another shape.
    """

    id: str
    version: str
    clauses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sentences: Mapping[str, Any] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)
    terms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    registers: RegisterSource | None = None
    gaps: tuple[str, ...] = ()


NO_AGREEMENT: Final = Agreement("", "")
"""
Stands for that of a bundle without one.
"""


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """
    What the active bundle says of itself.

    Attributes:
        name: The bundle's name, as OPA has it.

        revision: The bundle's revision; empty where it has none.

        decision: Path of the rule that decides.

        batch: Path of the rule that decides many at once, where there is one.

        search: Paths of the rules that search, by what they search for.

        agreement: What it says of its agreement, where it has one.

        reads: Paths below the input that a decision may depend on; `*` for all of it.

        deterministic: Whether nothing but the input and the bundle counts.

        golden: Path of the decisions that it promises, where it does.
    """

    name: str
    revision: str
    decision: DataPath
    batch: DataPath | None
    search: Mapping[str, DataPath]
    agreement: Agreement | None
    reads: tuple[str, ...] = EVERYTHING
    deterministic: bool = False
    golden: DataPath | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """
        Name and revision: what tells one bundle from another.
        """
        return self.name, self.revision

    @classmethod
    def read(cls, opa: Opa, known: "BundleInfo | None" = None) -> "BundleInfo":
        """
        Read what the bundle says that decides: the one whose manifest names a decision.

        Args:
            opa: The door to OPA.

            known: What was read before; taken again where its revision is still the active one.

        Raises:
            BundleNotActive: There is none, or it is replaced again and again while it is read.
            EngineError: OPA does not answer.
        """
        for _ in range(_TRIES):
            bundles = opa.ask(BUNDLES, {})
            name, manifest = _deciding(bundles)
            if known and manifest.revision and (name, manifest.revision) == known.identity:
                return known
            agreement, read = _agreement(opa, manifest.agreement)
            if all(answer.revisions == bundles.revisions for answer in read):
                return cls(
                    name,
                    manifest.revision,
                    manifest.decision,
                    manifest.batch,
                    manifest.search,
                    agreement,
                    manifest.reads,
                    manifest.deterministic,
                    manifest.golden,
                )
        raise BundleNotActive()


def _deciding(bundles: Answer) -> tuple[str, Manifest]:
    for name in sorted(bundles.revisions):
        try:
            return name, Manifest.from_document(bundles.result[name]["manifest"])
        except (ManifestMalformed, KeyError, TypeError):
            continue
    raise BundleNotActive()


def _agreement(opa: Opa, source: AgreementSource | None) -> tuple[Agreement | None, list[Answer]]:
    if source is None:
        return None, []
    read = {name: opa.ask(path, {}) for name, path in source.documents.items()}
    found = {
        name: shaped
        for name, answer in read.items()
        if (shaped := _shaped(name, answer.result)) is not None
    }
    gaps = tuple(name for name in read if name not in found)
    return Agreement(source.id, source.version, **found, gaps=gaps), [*read.values()]


def _shaped(name: str, document: Any) -> Any:
    """
    Give a document the shape that it is used in; None where it has another one.
    """
    if not isinstance(document, dict):
        return None
    try:
        match name:
            case "clauses":
                return {id_: _picked(clause) for id_, clause in document.items()}
            case "terms":
                return {kind: frozenset(terms) for kind, terms in document.items()}
            case "registers":
                return RegisterSource.from_document(document)
    except (AttributeError, TypeError, ValueError):
        return None
    return document


def _picked(clause: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in clause.items() if key in _CLAUSE}
