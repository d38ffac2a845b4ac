"""
A data bundle of registers, with a root of its own: it is shipped and replaced apart from the
policy.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sidecar.bundle.archive import document, unpack
from sidecar.bundle.build import BuiltBundle, take
from sidecar.bundle.manifest import AgreementSource, DataPath, Manifest
from sidecar.bundle.opa_run import OpaRun
from sidecar.errors import SettingsError
from sidecar.registers.entry import Entry
from sidecar.registers.source import RegisterSource


@dataclass(frozen=True, slots=True)
class PolicyBundle:
    """
    The bundle of the policy that looks registers up.

    Attributes:
        path: Its tarball.

        agreement: What it says of its agreement.

        source: What it says of registers.

        opa: OPA's binary.
    """

    path: Path
    agreement: AgreementSource
    source: RegisterSource
    opa: Path

    @classmethod
    @contextmanager
    def taken(cls, bundle: Path, opa: Path) -> "Iterator[PolicyBundle]":
        """
        Take a folder or a tarball.

        Raises:
            SettingsError: It is no bundle, or looks no registers up.
            MissingPart: OPA cannot be run.
        """
        with TemporaryDirectory(prefix="sidecar-registers-") as beside:
            path = take(bundle, Path(beside, "policy.tar.gz"), opa=opa).path.absolute()
            unpacked = Path(beside, "policy")
            unpacked.mkdir()
            unpack(path, unpacked)
            agreement = Manifest.from_document(document(unpacked, ".manifest")).agreement
            named = agreement.documents.get("registers") if agreement else None
            if agreement is None or named is None:
                raise SettingsError(
                    f"{bundle} looks no registers up: its manifest has no "
                    "metadata.agreement.registers"
                )
            run = OpaRun(opa, Path(beside), bundle)
            try:
                source = RegisterSource.from_document(run.value(named, bundles=(path,)))
            except ValueError as wrong:
                raise SettingsError(f"{bundle}: {'/'.join(named)}: {wrong}") from wrong
            yield cls(path, agreement, source, opa)

    def faults(self, entries: Path, named: Path) -> Iterator[str]:
        """
        Say what the policy finds wrong with the facts of entries.

        Args:
            entries: A built bundle of them.

            named: What the operator named, for messages.
        """
        run = OpaRun(self.opa, self.path.parent, named)
        found = run.value(self.source.faults, bundles=(self.path, entries.absolute()))
        for fault in found if isinstance(found, list) else ():
            yield "{kind}: {id}.facts.{fact} is {is}".format_map(fault)


def build(entries: Sequence[Entry], target: Path, policy: PolicyBundle, named: Path) -> BuiltBundle:
    """
    Build a bundle of entries. The same entries give the same bytes, and the revision is a digest of
    them.

    Args:
        entries: The entries.

        target: The tarball to write.

        policy: The policy that is to look them up.

        named: What the operator named, for messages.

    Raises:
        SettingsError: The policy finds a fact wrong, or the policy's bundle holds what is the
            registers' own.
        MissingPart: OPA cannot be run.
    """
    at = policy.source.at
    held = _nested(at, _by_kind(entries))
    content = json.dumps(held, sort_keys=True).encode()
    revision = hashlib.sha256(content).hexdigest()[:16]
    manifest = {
        "revision": revision,
        "roots": ["/".join(at)],
        "metadata": {
            "registers": {"agreement": policy.agreement.id, "version": policy.agreement.version}
        },
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent.absolute(), prefix=".building-") as beside:
        run = OpaRun(policy.opa, Path(beside, "copy"), named)
        run.folder.mkdir()
        Path(run.folder, ".manifest").write_text(json.dumps(manifest), "utf-8")
        Path(run.folder, "data.json").write_bytes(content)
        made = Path(beside, "bundle.tar.gz")
        run.said("build", "--bundle", ".", "--output", str(made))
        if faults := list(policy.faults(made, named)):
            raise SettingsError("\n".join(f"{named}: {fault}" for fault in faults))
        made.replace(target)
    return BuiltBundle(target, revision)


def _by_kind(entries: Iterable[Entry]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for entry in entries:
        kinds.setdefault(entry.kind, {})[entry.id] = entry.said()
    return kinds


def _nested(path: DataPath, value: Any) -> Any:
    for step in reversed(path):
        value = {step: value}
    return value
