"""
What the process that takes bundles tells the workers: a file that is replaced as a whole.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

_NAME: Final = "delivery.json"


class Failing(msgspec.Struct, frozen=True):
    """
    What is wrong with the newest bundle.

    Attributes:
        code: Why it is not active.

        bundle: Its name; empty where it is not known which of several it is.

        active: Whether it decides all the same.
    """

    code: str
    bundle: str
    active: bool = False


class State(msgspec.Struct, frozen=True):
    """
    How things stand with the bundles.

    Attributes:
        active: Revision of each bundle that decides, by its name. Empty where none does.

        active_since: When they became active, in seconds since 1970.

        confirmed: When it was last seen that each is the newest, by its name.

        fixed: Whether they are set, and nothing newer could be seen.

        failing: What is wrong with the newest; None where nothing is.

        failures: How often activating failed, by code.
    """

    active: dict[str, str] = {}
    active_since: float = 0.0
    confirmed: dict[str, float] = {}
    fixed: bool = False
    failing: Failing | None = None
    failures: dict[str, int] = {}

    def confirmed_at(self) -> float | None:
        """
        When all were last seen to be the newest; None where that is not known of each.
        """
        if self.fixed:
            return self.active_since
        if not self.active or any(name not in self.confirmed for name in self.active):
            return None
        return min(self.confirmed[name] for name in self.active)

    def age_s(self, now: float) -> float | None:
        """
        How long ago that was, in seconds; 0 for what is set.
        """
        if self.fixed:
            return 0.0
        at = self.confirmed_at()
        return None if at is None else max(0.0, now - at)


class StateFile:
    """
    The file. One process writes, others read: each finds a whole state, or the one before.

    Args:
        folder: The folder that it is in.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME

    def write(self, state: State) -> None:
        """
        Replace what is there.
        """
        replaced(self.path, msgspec.json.encode(state))

    def read(self) -> State:
        """
        Read what is there; an empty state where nothing is.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=State)
        except (OSError, msgspec.DecodeError):
            return State()


def replaced(path: Path, content: bytes) -> None:
    """
    Write a file so that whoever reads finds the old one or the new one, also after a crash.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
