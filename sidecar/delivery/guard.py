"""
What keeps workers from deciding by bundles that are not good enough.
"""

import time
from collections.abc import Callable
from typing import Final

from sidecar.bundle.revision import number_of
from sidecar.delivery.failure import Refused
from sidecar.delivery.gate import keep_promises
from sidecar.delivery.settings import Bundles
from sidecar.delivery.state import State, StateFile
from sidecar.engine.bundle_info import BundleInfo
from sidecar.engine.client import Opa
from sidecar.engine.engine import Engine
from sidecar.errors import BundleRefused, BundleStale
from sidecar.watched import Watched

_REMEMBERED: Final = 8


class Guard:
    """
    Reads how things stand with the bundles. Safe to share between threads, and to fork before it is
    used.

    Args:
        file: Where that is written.

        settings: What is good enough.

        judges: Whether new bundles are judged here: nobody did it before where OPA runs elsewhere.

        clock: Tells the seconds since 1970.
    """

    def __init__(
        self,
        file: StateFile,
        settings: Bundles,
        *,
        judges: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._judges = judges
        self._clock = clock
        self._state = Watched((file.path,), lambda _: file.read())
        self._verdicts: dict[tuple[str, str], bool] = {}

    def state(self) -> State:
        """
        How things stand.
        """
        return self._state.current()

    def age_s(self) -> float | None:
        """
        How long ago the active bundles were seen to be the newest, in seconds; None where that is
        not known.
        """
        return self.state().age_s(self._clock())

    def stale(self) -> bool:
        """
        Whether that is longer ago than it may be, or not known where it must be.
        """
        most = self._settings.max_staleness_s
        if most is None:
            return False
        age = self.age_s()
        return age is None or age > most

    def let_decide(self) -> None:
        """
        Let a question pass, unless the bundles are stale and must not be.

        Raises:
            BundleStale: They are.
        """
        if self._settings.when_stale == "refuse" and self.stale():
            raise BundleStale()

    def judge(self, info: BundleInfo, opa: Opa) -> None:
        """
        Let a bundle decide that has just become active, unless it is not good enough.

        Raises:
            BundleRefused: It is not.
        """
        if not self._judges:
            return
        verdict = self._verdicts.get(info.identity)
        if verdict is None:
            verdict = self._verdict(info, opa)
            if info.revision:
                if len(self._verdicts) >= _REMEMBERED:
                    self._verdicts.clear()
                self._verdicts[info.identity] = verdict
        if not verdict:
            raise BundleRefused()

    def _verdict(self, info: BundleInfo, opa: Opa) -> bool:
        try:
            judge_elsewhere(info, opa, self._settings)
        except Refused:
            return False
        return True


def judge_elsewhere(info: BundleInfo, opa: Opa, settings: Bundles) -> None:
    """
    Judge a bundle that became active in an OPA that nobody here decides for.

    Raises:
        Refused: It is not good enough.
    """
    least = settings.min_revision
    number = number_of(info.revision)
    if least is not None and (number is None or number < least):
        raise Refused("old", info.name, f"revision {info.revision!r} is before {least}")
    keep_promises(info.name, opa, Engine(opa), settings)
