"""
Bundles of an OPA that runs elsewhere and fetches them itself: what it says of them, for workers.
"""

import threading
from contextlib import suppress
from typing import Final, Self

from sidecar.delivery.failure import Refused
from sidecar.delivery.guard import judge_elsewhere
from sidecar.delivery.journal import Journal
from sidecar.delivery.kept import Kept
from sidecar.delivery.lookout import Lookout
from sidecar.delivery.settings import Bundles
from sidecar.engine.bundle_info import BUNDLES, BundleInfo
from sidecar.engine.client import Opa
from sidecar.errors import EngineError

_LOOK_EVERY_S: Final = 1.0


class Watch:
    """
    Looks at an OPA in a thread of its own. Under gunicorn this must be the master.

    Args:
        client: The door to OPA.

        settings: What is good enough.

        kept: What the last start left; no bundles, as OPA keeps these itself.

        journal: Tells workers what happened.
    """

    def __init__(self, client: Opa, settings: Bundles, kept: Kept, journal: Journal) -> None:
        self._client = client
        self._settings = settings
        self._kept = kept
        self._journal = journal
        self._info: BundleInfo | None = None
        self._lookout = Lookout(client, journal, kept)
        self._unfit: Refused | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def __enter__(self) -> Self:
        """
        Begin to look.
        """
        self._journal.confirmed(self._kept.confirmed())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            # Else nothing is known anew, and the age grows. /readyz tells when OPA does not answer.
            with suppress(EngineError, OSError):
                self._look()
            if self._stopping.wait(_LOOK_EVERY_S):
                return

    def _look(self) -> None:
        self._judge()
        found, _ = self._lookout.look()
        self._lookout.confirm(found, found)
        if not any(each.failure for each in found.values()) and self._unfit is None:
            self._journal.well()

    def _judge(self) -> None:
        """
        Note what decides now, and whether it is good enough: a worker asks for itself, and does not
        tell the others.
        """
        revisions = dict(self._client.ask(BUNDLES, {}).revisions)
        if revisions != self._journal.state.active:
            self._journal.active(revisions)
        info = BundleInfo.read(self._client, self._info)
        if info is self._info:
            return
        self._info, self._unfit = info, None
        try:
            judge_elsewhere(info, self._client, self._settings)
        except Refused as wrong:
            self._unfit = wrong
            self._journal.failed(wrong)
