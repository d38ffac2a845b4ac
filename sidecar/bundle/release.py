"""
Whether a bundle may be released: by its agreement, which says how it may be changed itself.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sidecar import strict
from sidecar.bundle.archive import document, unpack
from sidecar.bundle.manifest import AgreementSource, Manifest, ManifestMalformed
from sidecar.bundle.opa_run import OpaRun
from sidecar.engine.decision import ABSENT, Decision, entries, objects
from sidecar.engine.engine import utc_today
from sidecar.errors import EngineError, SettingsError

# What a note may say of the bundle itself; the rest is the agreement's.
_REVISION: Final = "revision"


@dataclass(frozen=True, slots=True)
class ReleaseDecision:
    """
    What a bundle's agreement decides on its release.

    Attributes:
        allowed: The verdict.

        reason: Why, as a word; empty where the policy says none.

        clauses: The clauses that decided, by their ids, with what each says.

        missing_facts: What would have to be known.

        obligations: What comes with the release.
    """

    allowed: bool
    reason: str
    clauses: Mapping[str, str]
    missing_facts: tuple[str, ...]
    obligations: tuple[str, ...]

    @classmethod
    def of(
        cls, bundle: Path, note: Path, *, opa: Path, today: str | None = None
    ) -> "ReleaseDecision":
        """
        Have a bundle decide on its release.

        Args:
            bundle: A built bundle whose manifest names `metadata.agreement.release`: the rule that
                makes an evaluation of a note.

            note: YAML that says what changes; what it may say is the agreement's matter. With
                `revision`, it is about that revision alone.

            opa: OPA's binary.

            today: The day of the release, as YYYY-MM-DD; today in UTC unless said.

        Raises:
            SettingsError: The note is wrong, or is about another revision; or the bundle has no
                such rule, or makes no decision.
            MissingPart: OPA cannot be run.
        """
        said = strict.read(note)
        with _unpacked(bundle) as (folder, manifest):
            agreement = manifest.agreement
            if agreement is None or agreement.release is None:
                raise SettingsError(
                    f"{bundle} does not say who decides on it: its manifest has no "
                    "metadata.agreement.release"
                )
            about = str(said.pop(_REVISION, manifest.revision))
            if about != manifest.revision:
                raise SettingsError(
                    f"{note}: revision is {about}, and {bundle} is {manifest.revision}"
                )
            day = {"environment": {"date": today or utc_today()}}
            run = OpaRun(opa, folder, bundle)
            asks = run.value(agreement.release, {"note": _plain(said), **day})
            evaluation = _evaluation(bundle, note, asks)
            result = run.value(manifest.decision, {**evaluation, **day})
            try:
                decision = Decision.from_result(ABSENT if result is None else result, "")
            except EngineError as wrong:
                raise SettingsError(f"{bundle} does not decide on it: {wrong.message}") from wrong
            return cls._read(decision, _says(run, agreement))

    @classmethod
    def _read(cls, decision: Decision, says: Mapping[str, str]) -> "ReleaseDecision":
        context = decision.context or {}
        cited = [str(clause.get("id")) for clause in objects(context.get("clauses"))]
        return cls(
            decision.allowed,
            str(context.get("reason", "")),
            {id_: says.get(id_, "") for id_ in cited},
            tuple(map(str, entries(context.get("missing_facts")))),
            tuple(str(duty.get("id")) for duty in objects(context.get("obligations"))),
        )


def asks_for_note(bundle: Path) -> bool:
    """
    Whether a bundle's agreement decides on its release. Data alone has no agreement.

    Args:
        bundle: A tarball.

    Raises:
        SettingsError: It is no bundle.
    """
    with TemporaryDirectory(prefix="sidecar-release-") as beside:
        unpack(bundle, Path(beside))
        said = document(Path(beside), ".manifest")
    try:
        agreement = Manifest.from_document(said).agreement
    except ManifestMalformed:
        return False
    return agreement is not None and agreement.release is not None


@contextmanager
def _unpacked(bundle: Path) -> Iterator[tuple[Path, Manifest]]:
    with TemporaryDirectory(prefix="sidecar-release-") as beside:
        folder = Path(beside, "bundle")
        folder.mkdir()
        unpack(bundle, folder)
        try:
            yield folder, Manifest.from_document(document(folder, ".manifest"))
        except ManifestMalformed as wrong:
            raise SettingsError(f"{bundle}: {wrong}") from wrong


def _evaluation(bundle: Path, note: Path, asks: Any) -> Mapping[str, Any]:
    match asks:
        case {"evaluation": dict(evaluation), "problems": list(problems)}:
            if problems:
                told = (f"{note}: {each['at']} is {each['is']}" for each in objects(problems))
                raise SettingsError("\n".join(told))
            return evaluation
    raise SettingsError(f"{bundle} makes no question of {note}")


def _says(run: OpaRun, agreement: AgreementSource) -> dict[str, str]:
    path = agreement.documents.get("clauses")
    clauses = run.value(path) if path else {}
    known = clauses if isinstance(clauses, dict) else {}
    return {id_: str(clause.get("says", "")) for id_, clause in known.items()}


def _plain(note: Mapping[str, Any]) -> Any:
    """
    Write a note as JSON has it: days, which YAML reads, are texts.
    """
    return json.loads(json.dumps(note, default=_written))


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
