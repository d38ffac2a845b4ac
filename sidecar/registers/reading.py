"""
Registers, read from the files that people keep, or from the bundle that was built of them.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sidecar import strict
from sidecar.bundle.archive import document, unpack
from sidecar.errors import SettingsError
from sidecar.registers.entry import Entry
from sidecar.registers.source import RegisterSource


def entries(registers: Path, source: RegisterSource) -> list[Entry]:
    """
    Read all entries.

    Args:
        registers: A folder of YAML, one file per kind and called after it, or a built bundle.

        source: The kinds that there are.

    Returns:
        The entries, by kind and id.

    Raises:
        SettingsError: A file is of no kind, cannot be read, or an entry is not as it must be; the
            message names the file, the entry and the key.
    """
    found = _of_folder(registers, source) if registers.is_dir() else _of_bundle(registers, source)
    return sorted(found, key=lambda entry: (entry.kind, entry.id))


def _of_folder(folder: Path, source: RegisterSource) -> Iterator[Entry]:
    files = sorted(file for file in folder.iterdir() if file.name[0] != ".")
    if not files:
        raise SettingsError(f"{folder} holds no registers")
    seen: dict[str, Path] = {}
    for file in files:
        kind = file.stem
        if file.suffix not in (".yaml", ".yml") or kind not in source.kinds:
            known = ", ".join(sorted(source.kinds))
            raise SettingsError(f"{file} must be a kind of register and .yaml; kinds are {known}")
        if kind in seen:
            raise SettingsError(f"{file}: {kind} stands in {seen[kind].name} already")
        seen[kind] = file
        yield from _entries(str(file), kind, strict.read(file))


def _of_bundle(bundle: Path, source: RegisterSource) -> Iterator[Entry]:
    with TemporaryDirectory(prefix="sidecar-registers-") as folder:
        unpack(bundle, Path(folder))
        held = document(Path(folder), "data.json")
    for step in source.at:
        held = held.get(step) if isinstance(held, dict) else None
    if not isinstance(held, dict):
        raise SettingsError(f"{bundle} holds no {'/'.join(source.at)}")
    for kind, register in held.items():
        if kind not in source.kinds:
            known = ", ".join(sorted(source.kinds))
            raise SettingsError(f"{bundle}: {kind} is no kind of register; kinds are {known}")
        yield from _entries(f"{bundle}: {kind}", kind, strict.mapping(kind, register))


def _entries(at: str, kind: str, register: dict[str, Any]) -> Iterator[Entry]:
    return (Entry.read(at, kind, id_, given) for id_, given in register.items())
