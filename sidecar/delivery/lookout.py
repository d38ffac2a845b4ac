"""
What an OPA that fetches says of its bundles, noted as it changes.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from sidecar.delivery.fetcher import Fetch, fetches
from sidecar.delivery.journal import Journal
from sidecar.delivery.kept import Kept
from sidecar.engine.client import Opa


class Lookout:
    """
    Looks at an OPA that fetches. Used by one thread.

    Args:
        client: The door to that OPA.

        journal: Tells workers what happened.

        kept: Outlives the sidecar.
    """

    def __init__(self, client: Opa, journal: Journal, kept: Kept) -> None:
        self._client = client
        self._journal = journal
        self._kept = kept
        self._asked_at: dict[str, float] = {}

    def look(self) -> tuple[dict[str, Fetch], bool]:
        """
        Ask how things stand, and note what has failed since the last look.

        Returns:
            How things stand with each bundle, and whether any was asked for since.

        Raises:
            EngineError: OPA does not say.
        """
        found = fetches(self._client)
        anew = [each for name, each in found.items() if each.asked_at != self._asked_at.get(name)]
        self._asked_at = {name: each.asked_at for name, each in found.items()}
        for each in anew:
            if each.failure:
                self._journal.failed(each.failure)
        return found, bool(anew)

    def confirm(self, found: Mapping[str, Fetch], names: Iterable[str]) -> None:
        """
        Note of bundles, by their names, that they were seen to be the newest.
        """
        at = {
            name: confirmed
            for name in names
            if (confirmed := found[name].confirmed_at) and not found[name].failure
        }
        before = self._journal.state.confirmed
        if any(before.get(name) != seconds for name, seconds in at.items()):
            self._journal.confirmed(at)
            with suppress(OSError):
                self._kept.confirm(self._journal.state.confirmed)
