"""
Which recorded decisions found an entry of a register, as far as records tell.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sidecar.records.masking import HASHED, Ids
from sidecar.registers.entry import Entry
from sidecar.registers.source import RegisterSource

_CLEAR: Final = Ids("clear")


@dataclass(slots=True)
class Reliance:
    """
    The recorded decisions that found one entry.

    Attributes:
        decisions: How many there are.

        permitted: How many of them are permissions.

        last: The date of the last one, as YYYY-MM-DD.

        example: That one's id.
    """

    decisions: int = 0
    permitted: int = 0
    last: str = ""
    example: str = ""

    def add(self, record: Mapping[str, Any], day: str) -> None:
        """
        Count a decision in.
        """
        self.decisions += 1
        self.permitted += record["result"]["decision"]
        if day >= self.last:
            self.last, self.example = day, record["decision_id"]


@dataclass(frozen=True, slots=True)
class Leaning:
    """
    Looks recorded decisions through for the entries that they found.

    Attributes:
        reliances: What was found, by the entry's kind and id.

        untold: How many records do not tell ids, by why: dropped, or hashed with a key that is not
            known.
    """

    reliances: dict[tuple[str, str], Reliance] = field(
        default_factory=lambda: defaultdict(Reliance)
    )
    untold: dict[str, int] = field(default_factory=lambda: {"dropped": 0, "hashed": 0})

    @classmethod
    def of(
        cls,
        records: Iterable[Mapping[str, Any]],
        entries: Iterable[Entry],
        source: RegisterSource,
        key: bytes | None,
    ) -> "Leaning":
        """
        Look records through.

        Args:
            records: The records, as they were written.

            entries: The entries to look for.

            source: By what an entry of each kind is found.

            key: What ids were hashed with; None where that is not known.
        """
        found = cls()
        by_place = _by_place(entries, source, key)
        paths = {path for paths in source.kinds.values() for path in paths}
        for record in records:
            asked = record["input"]
            subject = _at(asked, "subject.id")
            if subject is None:
                found.untold["dropped"] += 1
            elif str(subject).startswith(HASHED) and key is None:
                found.untold["hashed"] += 1
            day = str(_at(asked, "environment.date") or "")
            for entry in {(each.kind, each.id): each for each in _selected(asked, paths, by_place)}:
                found.reliances[entry].add(record, day)
        return found


_ByPlace = Mapping[tuple[str, str], list[Entry]]


def _by_place(entries: Iterable[Entry], source: RegisterSource, key: bytes | None) -> _ByPlace:
    forms = [_CLEAR, *([Ids("hash", key)] if key is not None else [])]
    places: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        for path in source.kinds[entry.kind]:
            for ids in forms:
                places[path, str(ids.masked(entry.id))].append(entry)
    return places


def _selected(asked: Mapping[str, Any], paths: set[str], by_place: _ByPlace) -> Iterator[Entry]:
    for path in paths:
        value = _at(asked, path)
        if isinstance(value, str):
            yield from by_place.get((path, value), ())
        elif isinstance(value, dict):
            for fact, id_ in value.items():
                found = by_place.get((path, id_), ()) if isinstance(id_, str) else ()
                yield from (entry for entry in found if fact in entry.facts)


def _at(asked: Any, path: str) -> Any:
    for step in path.split("."):
        asked = asked.get(step) if isinstance(asked, dict) else None
    return asked
