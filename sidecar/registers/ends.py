"""
When registers' entries end: how many of each kind, and how soon.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sidecar.registers.entry import day
from sidecar.registers.source import RegisterSource

ENDS: Final = ("past", "7d", "30d", "later", "never")
"""
How soon an entry ends: it has ended, it ends within so many days, later, or not at all.
"""


def ending(until: date | None, today: date) -> str:
    """
    Say how soon an entry ends that holds until the end of a day.
    """
    if until is None:
        return "never"
    if until < today:
        return "past"
    left = until - today
    return next((f"{days}d" for days in (7, 30) if left <= timedelta(days)), "later")


@dataclass(frozen=True, slots=True)
class Ends:
    """
    The last days of all entries that were active.

    Attributes:
        source: The kinds that there are.

        revisions: Revision of each bundle that was active then, by its name.

        days: How many entries of each kind hold until a day; None for those that have no end.
    """

    source: RegisterSource
    revisions: Mapping[str, str]
    days: Mapping[str, Mapping[date | None, int]]

    @classmethod
    def of(cls, source: RegisterSource, revisions: Mapping[str, str], held: Any) -> "Ends":
        """
        Look through the registers.

        Args:
            source: The kinds that there are.

            revisions: Revision of each active bundle.

            held: The registers as OPA has them; whatever is no register holds no entries.
        """
        registers = held if isinstance(held, dict) else {}
        return cls(
            source,
            revisions,
            {kind: _days(registers.get(kind)) for kind in source.kinds},
        )

    def holds_for(self, source: RegisterSource, revisions: Mapping[str, str]) -> bool:
        """
        Whether nothing can have changed since.
        """
        # What has no revision may change, and nothing tells of it.
        return source is self.source and revisions == self.revisions and all(revisions.values())

    def counted(self, today: date) -> dict[tuple[str, str], int]:
        """
        Count entries by kind and how soon they end: a number for every kind and each of ENDS.
        """
        counts = {(kind, ends): 0 for kind in self.days for ends in ENDS}
        for kind, days in self.days.items():
            for until, number in days.items():
                counts[kind, ending(until, today)] += number
        return counts


def _days(register: Any) -> Counter[date | None]:
    entries = register.values() if isinstance(register, dict) else ()
    return Counter(_until(entry) for entry in entries)


def _until(entry: Any) -> date | None:
    if not isinstance(entry, dict) or "until" not in entry:
        return None
    # What is no day has been: somebody should look at it.
    return day(entry["until"]) or date.min
