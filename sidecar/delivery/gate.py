"""
Whether bundles are fit to decide: everything that can be found out before they do.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sidecar.bundle.archive import TOO_LARGE, document, unpack
from sidecar.bundle.build import check_rules
from sidecar.bundle.manifest import Manifest, ManifestMalformed
from sidecar.bundle.opa_run import OpaRun
from sidecar.bundle.revision import number_of
from sidecar.bundle.signing import verify
from sidecar.delivery import golden
from sidecar.delivery.failure import Refused, code_of
from sidecar.delivery.settings import Bundles
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.supervisor import Job, SharedCount, Supervisor
from sidecar.errors import BundleNotActive, DecisionMalformed, EngineError, SettingsError

# Nobody is asked about and nothing: whatever is answered has the shape of an answer.
_PROBE: Final = {
    "subject": {"type": "probe", "id": "probe"},
    "action": {"name": "probe"},
    "resource": {"type": "probe", "id": "probe"},
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gate:
    """
    Starts an OPA for bundles that are fit to decide, and for no others.

    Attributes:
        opa: OPA's binary.

        settings: What is good enough.

        keys: The public keys that bundles must be signed by; None for any bundle.

        start_within_s: How long OPA may take to start.

        restarts: Where restarts are counted of an OPA that was let through.

        arguments: What else its command line says.
    """

    opa: Path
    settings: Bundles
    keys: Sequence[Path] | None
    start_within_s: float
    restarts: SharedCount
    arguments: Sequence[str] = ()

    def let_through(self, bundles: Mapping[str, Path]) -> Supervisor:
        """
        Have an OPA that decides by these bundles.

        Args:
            bundles: Their tarballs, by the names that OPA calls them.

        Raises:
            Refused: One of them is not fit.
            MissingPart: OPA cannot be run, or does not start in time.
        """
        manifests = {name: self._looked_into(name, bundle) for name, bundle in bundles.items()}
        deciding = next((name for name, found in manifests.items() if found), None)
        if deciding is None:
            raise Refused("manifest", next(iter(bundles), ""), "no manifest names what decides")
        return self.started(bundles, deciding)

    def started(self, bundles: Mapping[str, Path], deciding: str) -> Supervisor:
        """
        Have an OPA that decides by bundles that were looked into, once it does so as they promise.

        Args:
            bundles: Their tarballs, by the names that OPA calls them.

            deciding: Which of them decides.

        Raises:
            Refused: One of them is not fit.
            MissingPart: OPA cannot be run, or does not start in time.
        """
        job = Job.deciding(bundles, self.arguments)
        started = Supervisor(self.opa, job, start_within_s=self.start_within_s, count=self.restarts)
        with ExitStack() as undo:
            try:
                started.start()
            except SettingsError as wrong:
                raise Refused(code_of(wrong.message), "", wrong.message) from wrong
            undo.callback(started.stop)
            self._answers(deciding, started.url)
            undo.pop_all()
        return started

    def _looked_into(self, name: str, bundle: Path) -> Manifest | None:
        """
        Look into a tarball; None where it does not decide.
        """
        if bundle.stat().st_size > self.settings.bytes:
            raise Refused("size", name, f"the tarball has {bundle.stat().st_size} bytes")
        with TemporaryDirectory(prefix="sidecar-gate-") as folder:
            try:
                unpack(bundle, Path(folder))
            except SettingsError as wrong:
                code = "size" if wrong.message.endswith(TOO_LARGE) else "archive"
                raise Refused(code, name, wrong.message) from wrong
            self._verify(name, bundle)
            manifest = _manifest(name, Path(folder))
            if manifest is None:
                return None
            self.check_number(name, manifest.revision)
            try:
                check_rules(OpaRun(self.opa, Path(folder), Path(name)), manifest)
            except SettingsError as wrong:
                code = "entrypoint" if "names no rule" in wrong.message else code_of(wrong.message)
                raise Refused(code, name, wrong.message) from wrong
        return manifest

    def _verify(self, name: str, bundle: Path) -> None:
        if self.keys is None:
            return
        try:
            verify(bundle, {str(key): key for key in self.keys}, opa=self.opa, called=Path(name))
        except SettingsError as wrong:
            raise Refused("signature", name, wrong.message) from wrong

    def check_number(self, name: str, revision: str) -> None:
        """
        See that a revision is not too old.

        Raises:
            Refused: It is.
        """
        least = self.settings.min_revision
        if least is None:
            return
        number = number_of(revision)
        if number is None or number < least:
            raise Refused("old", name, f"revision {revision!r} is before {least}")

    def _answers(self, name: str, url: str) -> None:
        """
        See that OPA decides by the bundle, as it promises.
        """
        opa = Opa(Endpoint(url, connections=1, read_timeout_s=30))
        try:
            judge(name, opa, self.settings)
        finally:
            opa.close_connection()


def judge(name: str, opa: Opa, settings: Bundles) -> None:
    """
    See that an OPA's active bundle decides, has what it names, and keeps what it promises.

    Args:
        name: What the bundle is called.

        opa: The door to OPA.

        settings: What is good enough.

    Raises:
        Refused: It does not.
    """
    engine = Engine(opa)
    try:
        info = engine.bundle()
    except BundleNotActive as wrong:
        raise Refused("manifest", name, "OPA has no bundle that decides") from wrong
    except EngineError as wrong:
        raise Refused("other", name, wrong.message) from wrong
    if info.agreement and info.agreement.gaps:
        gaps = ", ".join(info.agreement.gaps)
        raise Refused("documents", name, f"{gaps}: absent, or not as they must be")
    try:
        engine.decide(_PROBE)
    except DecisionMalformed as wrong:
        raise Refused("result", name, wrong.message) from wrong
    except EngineError as wrong:
        # That nothing is decided on nonsense says nothing of the rest.
        _log.info("bundle %s does not decide on a probe: %s", name, wrong.code)
    keep_promises(name, opa, engine, settings)


def keep_promises(name: str, opa: Opa, engine: Engine, settings: Bundles) -> None:
    """
    See that an OPA's active bundle keeps what it promises.

    Raises:
        Refused: It does not, and the settings say that it must.
    """
    if settings.golden == "ignore":
        return
    try:
        found = golden.kept(opa, engine, settings.golden_within_s)
    except EngineError as wrong:
        raise Refused("golden", name, wrong.message) from wrong
    if found.asked < found.promised:
        _log.warning("bundle %s was asked for %d of %d promises", name, found.asked, found.promised)
    if not found.broken:
        return
    said = "; ".join(f"{promise}: {what}" for promise, what in found.broken[:10])
    refused = Refused("golden", name, f"{len(found.broken)} of {found.asked} promises: {said}")
    if settings.golden == "refuse":
        raise refused
    _log.error("bundle %s does not answer as it promises: %s", name, refused.details)


def _manifest(name: str, folder: Path) -> Manifest | None:
    found = document(folder, ".manifest")
    if not isinstance(found, dict):
        raise Refused("manifest", name, "there is no manifest that is a JSON object")
    if not isinstance(found.get("metadata"), dict) or "authzen" not in found["metadata"]:
        return None
    try:
        return Manifest.from_document(found)
    except ManifestMalformed as wrong:
        raise Refused("manifest", name, str(wrong)) from wrong
