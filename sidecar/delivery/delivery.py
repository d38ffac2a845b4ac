"""
Bundles taken while the sidecar runs: OPA fetches them, the gate looks at them, the address leads to
what was let through.
"""

import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from sidecar.delivery.address import Address
from sidecar.delivery.failure import Refused
from sidecar.delivery.fetcher import Fetch, fetched_file, fetching
from sidecar.delivery.gate import Gate
from sidecar.delivery.journal import Journal
from sidecar.delivery.kept import Kept
from sidecar.delivery.lookout import Lookout
from sidecar.delivery.opa_config import FetchingConfig
from sidecar.engine.bundle_info import BUNDLES
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.supervisor import Job, Supervisor
from sidecar.errors import EngineError, MissingPart
from sidecar.watched import Watched

_LOOK_EVERY_S: Final = 0.5

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Offer:
    """
    Bundles as they were fetched at one moment.

    Attributes:
        files: Their tarballs, by name. They stay as they are.

        digests: Of their bytes.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Mapping[str, Path]) -> Self:
        """
        Read tarballs as they are now.
        """
        return cls(files, {name: _digest(file) for name, file in files.items()})

    def with_one(self, other: "_Offer", name: str) -> "_Offer":
        """
        Take one bundle of another offer.
        """
        return _Offer(
            {**self.files, name: other.files[name]},
            {**self.digests, name: other.digests[name]},
        )


class Delivery:
    """
    Takes bundles in a thread of its own. Under gunicorn this must be the master.

    Args:
        folder: A private folder, for copies and for the address.

        config: By what OPA fetches.

        gate: Lets bundles through.

        address: Leads to the OPA that decides.

        kept: What the last start left.

        journal: Tells workers what happened.
    """

    def __init__(
        self,
        folder: Path,
        config: FetchingConfig,
        gate: Gate,
        address: Address,
        kept: Kept,
        journal: Journal,
    ) -> None:
        self._folder = folder
        self._config = config
        self._gate = gate
        self._address = address
        self._kept = kept
        self._journal = journal
        self._active = _Offer()
        self._refused: Mapping[str, str] | None = None
        self._last_refusal: Refused | None = None
        self._held = ExitStack()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def __enter__(self) -> Self:
        """
        Decide by what was kept, where that is fit, and begin to fetch.

        Raises:
            SettingsError: OPA does not take its configuration.
            MissingPart: OPA cannot be run, or does not start in time.
        """
        with ExitStack() as undo:
            undo.callback(self._address.stop)
            self._begin()
            config = self._folder / "fetching.json"
            config.write_bytes(self._config.content)
            config.chmod(0o600)
            self._fetcher = undo.enter_context(
                Supervisor(
                    self._gate.opa, fetching(config), start_within_s=self._gate.start_within_s
                )
            )
            self._client = Opa(Endpoint(self._fetcher.url, connections=1))
            undo.callback(self._client.close_connection)
            self._lookout = Lookout(self._client, self._journal, self._kept)
            files = {name: fetched_file(self._fetcher.folder, name) for name in self._config.names}
            self._fetched = Watched(tuple(files.values()), lambda _: _Offer.of(files))
            self._thread.start()
            undo.callback(self._end)
            self._held = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _end(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _begin(self) -> None:
        files = self._kept.bundles(self._config.names)
        if files is not None:
            copies = self._copied(files)
            try:
                self._put_to_work(_Offer.of(copies))
                self._journal.confirmed(self._kept.confirmed())
                return
            except Refused as wrong:
                self._journal.failed(wrong)
        # Without a bundle OPA says so, and that is what callers are told.
        empty = Supervisor(
            self._gate.opa, Job.deciding({}), start_within_s=self._gate.start_within_s
        )
        empty.start()
        self._address.lead_to(empty)

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            try:
                self._look()
            except EngineError as wrong:
                # It is started again, and keeps what it had fetched.
                _log.info("the OPA that fetches does not answer: %s", wrong.code)
            except (OSError, MissingPart) as wrong:
                _log.error("bundles cannot be taken at the moment: %s", wrong)

    def _look(self) -> None:
        found, anew = self._lookout.look()
        offer = self._offer(found)
        if offer is None:
            return
        taken = self._take(offer, again=anew)
        active = self._active.digests
        at_work = [name for name in offer.digests if offer.digests[name] == active.get(name)]
        self._lookout.confirm(found, at_work)
        if taken and not any(each.failure for each in found.values()):
            self._journal.well()

    def _offer(self, found: Mapping[str, Fetch]) -> _Offer | None:
        """
        Return what was fetched, once all of it is there.
        """
        names = self._config.names
        if any(name not in found or found[name].revision is None for name in names):
            return None
        try:
            return self._fetched.current()
        except FileNotFoundError:
            # Active in OPA, and written in a moment.
            return None

    def _take(self, offer: _Offer, *, again: bool) -> bool:
        """
        Put to work what is new; say whether all of it is at work.
        """
        if offer.digests == self._active.digests:
            self._refused = None
            return True
        if offer.digests == self._refused:
            if again and self._last_refusal:
                self._journal.failed(self._last_refusal)
            return False
        offer = _Offer.of(self._copied(offer.files))
        for candidate in self._candidates(offer):
            try:
                self._put_to_work(candidate)
            except Refused as wrong:
                self._journal.failed(wrong)
                self._last_refusal = wrong
                self._refused = offer.digests
                continue
            return candidate is offer
        return False

    def _candidates(self, offer: _Offer) -> Iterator[_Offer]:
        """
        Offer all that is new, and where that is not taken, each new bundle alone: what is wrong
        with one must not hold back another.
        """
        yield offer
        changed = [
            name
            for name, digest in offer.digests.items()
            if self._active.digests.get(name, digest) != digest
        ]
        if len(changed) > 1:
            for name in changed:
                yield self._active.with_one(offer, name)

    def _put_to_work(self, offer: _Offer) -> None:
        """
        Let an offer through the gate, and have it decide.

        Raises:
            Refused: It is not fit.
        """
        started = self._gate.let_through(offer.files)
        found = revisions(started)
        self._address.lead_to(started)
        self._active = offer
        self._journal.active(found)
        try:
            self._kept.keep(offer.files)
        except OSError as wrong:
            _log.error("bundles.persistence cannot be written: %s", wrong.strerror)

    def _copied(self, files: Mapping[str, Path]) -> dict[str, Path]:
        """
        Copy tarballs: what is looked at must be what is used.
        """
        folder = self._folder / f"offer-{time.monotonic_ns()}"
        folder.mkdir()
        kept = {*(file.parent for file in self._active.files.values()), folder}
        for old in self._folder.glob("offer-*"):
            if old not in kept:
                shutil.rmtree(old, ignore_errors=True)
        return {name: Path(shutil.copyfile(file, folder / name)) for name, file in files.items()}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def revisions(started: Supervisor) -> dict[str, str]:
    """
    Ask an OPA which revisions are active.
    """
    client = Opa(Endpoint(started.url, connections=1))
    try:
        return dict(client.ask(BUNDLES, {}).revisions)
    finally:
        client.close_connection()
