"""
What has happened to bundles so far, told to workers and to the log.
"""

import logging
import time
from collections.abc import Mapping
from typing import Final

import msgspec

from sidecar.delivery.failure import CODES, Refused
from sidecar.delivery.state import Failing, State, StateFile

_log: Final = logging.getLogger(__name__)


class Journal:
    """
    Keeps the state that workers read. Used by one thread.

    Args:
        file: Where they read it.
    """

    def __init__(self, file: StateFile) -> None:
        self._file = file
        self._logged: tuple[str, str, str] | None = None
        self.state = State()
        file.write(self.state)

    def active(self, revisions: Mapping[str, str]) -> None:
        """
        Note what decides from now on.
        """
        said = ", ".join(f"{name} {revision or '-'}" for name, revision in revisions.items())
        _log.warning("bundles are active: %s", said or "none")
        self._change(active=dict(revisions), active_since=time.time())

    def fixed(self) -> None:
        """
        Note that nothing newer is looked for.
        """
        self._change(fixed=True)

    def confirmed(self, at: Mapping[str, float]) -> None:
        """
        Note when bundles were seen to be the newest.
        """
        self._change(confirmed={**self.state.confirmed, **at})

    def failed(self, refused: Refused, *, active: bool = False) -> None:
        """
        Count a failure, and log it unless it is the same as the last one.

        Args:
            refused: What is wrong.

            active: Whether the bundle decides all the same.
        """
        code = refused.code
        what = (code, refused.bundle, refused.details)
        if what != self._logged:
            name = refused.bundle or "a bundle"
            _log.error("%s does not become active, %s: %s", name, CODES[code], refused.details)
            self._logged = what
        failures = self.state.failures
        self._change(
            failing=Failing(code, refused.bundle, active),
            failures={**failures, code: failures.get(code, 0) + 1},
        )

    def well(self) -> None:
        """
        Note that nothing is wrong any more.
        """
        self._logged = None
        self._change(failing=None)

    def _change(self, **members: object) -> None:
        changed = msgspec.structs.replace(self.state, **members)
        if changed != self.state:
            self.state = changed
            self._file.write(changed)
