"""
Which entries of registers an evaluation's ids select: all that ids count for, where a policy
promises it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sidecar.canonical import canonical
from sidecar.registers.source import RegisterSource

MOST: Final = 100_000
"""
How many entries are held at most, of all kinds together: each takes some 200 bytes, which makes
20 MB in each worker.
"""

_DIGEST: Final = 16

_Entries = Mapping[str, bytes]
_Place = tuple[int, tuple[str, ...], _Entries]


class Selected:
    """
    The entries that were active, each as a digest of what it says: entries that say the same are
    the same. Above MOST entries there are none, and ids stay as they are.

    Args:
        source: By what an entry of each kind is found.

        reads: The paths that a decision reads, in the order in which values at them are given.

        revisions: Revision of each bundle that was active, by its name.

        held: The registers as OPA has them; whatever is no register holds no entries.

    Attributes:
        revisions: The revisions, always in the same order.
    """

    __slots__ = ("_places", "revisions")

    def __init__(
        self,
        source: RegisterSource,
        reads: Sequence[str],
        revisions: Mapping[str, str],
        held: Any,
    ) -> None:
        self.revisions = tuple(sorted(revisions.items()))
        self._places: tuple[_Place, ...] = ()
        registers = _registers(source, held)
        if sum(map(len, registers.values())) <= MOST:
            self._places = tuple(_places(source, reads, _digests(registers)))

    def put(self, found: list[list[Any]]) -> None:
        """
        Put the entries in the place of the ids that select them.

        A text becomes a list: of what it selects, an empty one where that is nothing. Anything else
        is put into two lists, and a mark is added: nothing that a caller sends looks like a text
        that was replaced, and where none was, nothing looks like what was.

        Args:
            found: The value at each path, in a list, which is empty where there is none. The lists
                are replaced, and nothing that is in them is changed.

        Raises:
            UnicodeEncodeError: An id cannot be written: OPA would read it as another one.
        """
        for index, below, entries in self._places:
            if found[index]:
                found[index] = [_within(found[index][0], below, entries)]
        found.append([])


def _registers(source: RegisterSource, held: Any) -> dict[str, Mapping[str, Any]]:
    registers = held if isinstance(held, dict) else {}
    found = {kind: registers.get(kind) for kind in source.kinds}
    return {kind: each if isinstance(each, dict) else {} for kind, each in found.items()}


def _digests(registers: Mapping[str, Mapping[str, Any]]) -> dict[str, _Entries]:
    # Many entries say the same: one digest for all of them.
    known: dict[bytes, bytes] = {}
    return {
        kind: {
            id_: known.setdefault(digest := _digest(kind, id_, entry), digest)
            for id_, entry in register.items()
        }
        for kind, register in registers.items()
    }


def _digest(kind: str, id_: str, entry: Any) -> bytes:
    # Numbers with a point were rounded when they were read: such an entry is like no other.
    told = [kind, entry, id_] if _rounded(entry) else [kind, entry]
    return hashlib.blake2b(canonical(told), digest_size=_DIGEST).digest()


def _rounded(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_rounded, value.values()))
    if isinstance(value, list):
        return any(map(_rounded, value))
    return isinstance(value, float)


def _places(
    source: RegisterSource, reads: Sequence[str], digests: Mapping[str, _Entries]
) -> Iterator[_Place]:
    """
    Say for each value that is read where ids stand in it, and what these select.
    """
    kinds: dict[str, tuple[str, ...]] = {}
    for kind in sorted(source.kinds):
        for path in dict.fromkeys(source.kinds[kind]):
            kinds[path] = (*kinds.get(path, ()), kind)
    selects = {some: _merged([digests[kind] for kind in some]) for some in set(kinds.values())}
    for path, some in kinds.items():
        # What is read below it could not be found any more.
        if any(other.startswith(f"{path}.") for other in (*reads, *kinds)):
            continue
        for index, read in enumerate(reads):
            if f"{path}.".startswith(f"{read}."):
                below = path[len(read) + 1 :]
                yield index, tuple(below.split(".")) if below else (), selects[some]


def _merged(registers: Sequence[_Entries]) -> _Entries:
    """
    Join what an id selects: each digest tells its kind.
    """
    if len(registers) == 1:
        return registers[0]
    merged: dict[str, bytes] = {}
    for register in registers:
        for id_, digest in register.items():
            merged[id_] = merged.get(id_, b"") + digest
    return merged


def _within(value: Any, below: tuple[str, ...], entries: _Entries) -> Any:
    """
    Copy a value with the entries in the place of the ids that stand in it.
    """
    if not below:
        # Of an id, or of ids by the facts that they are evidence for.
        if isinstance(value, dict):
            return {name: _selected(each, entries) for name, each in value.items()}
        return _selected(value, entries)
    if not isinstance(value, dict) or below[0] not in value:
        return value
    return {**value, below[0]: _within(value[below[0]], below[1:], entries)}


def _selected(value: Any, entries: _Entries) -> list[Any]:
    if type(value) is not str:
        return [[value]]
    entry = entries.get(value)
    if entry is not None:
        return [entry]
    if not value.isascii():
        value.encode()
    return []
