"""
The configuration of the OPA that fetches: the operator's own, completed with what must hold.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sidecar import strict
from sidecar.bundle.signing import public_algorithm
from sidecar.errors import SettingsError

FETCHED: Final = "fetched"
"""
The folder, beside OPA's socket, in which it keeps what it has fetched.
"""

_KNOWN: Final = ("services", "bundles", "labels")
_OURS: Final = ("persist", "signing", "size_limit_bytes")
# Of a file beside the bundles.
_TAKEN: Final = "lock"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")


@dataclass(frozen=True, slots=True)
class FetchingConfig:
    """
    By what OPA fetches.

    Attributes:
        names: The bundles' names.

        content: OPA's configuration, as JSON.
    """

    names: tuple[str, ...]
    content: bytes

    @classmethod
    def read(cls, file: Path, *, keys: Sequence[Path] | None, most_bytes: int) -> "FetchingConfig":
        """
        Read the operator's part, and add ours: signatures, size, and that what was fetched is kept.

        Args:
            file: YAML with `services` and `bundles`, as OPA knows them.

            keys: Public keys that bundles must be signed by, each known to OPA by its file's name
                without the ending. None for any bundle that is not signed.

            most_bytes: How large a file in a bundle may be.

        Raises:
            SettingsError: Something is missing, or may not stand there. What OPA itself knows of
                services and bundles, it checks itself.
        """
        given = strict.read(file)
        for key in given:
            if key not in _KNOWN:
                raise SettingsError(f"{file}: {key} is unknown here; known are {', '.join(_KNOWN)}")
        bundles = strict.mapping(f"{file}: bundles", given.get("bundles"))
        if not bundles:
            raise SettingsError(f"{file}: bundles must not be empty")
        ours: dict[str, Any] = {"persist": True, "size_limit_bytes": most_bytes}
        if keys is not None:
            # Without a key's id each that is known will do; unsigned is refused by its being there.
            ours["signing"] = {}
        completed = {
            **given,
            "bundles": {
                name: {**_bundle(f"{file}: bundles.{name}", name, bundle), **ours}
                for name, bundle in bundles.items()
            },
            "keys": _keys(keys or ()),
            "persistence_directory": FETCHED,
            # Without one of these two, OPA sends its status to the first service.
            "status": {"prometheus": True},
        }
        return cls(tuple(bundles), json.dumps(completed).encode())


def _bundle(key: str, name: Any, bundle: Any) -> dict[str, Any]:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == _TAKEN:
        raise SettingsError(f"{key} must be a plain name, and not {_TAKEN}")
    given = strict.mapping(key, bundle)
    for ours in _OURS:
        if ours in given:
            raise SettingsError(f"{key}.{ours} is set by the sidecar, not in this file")
    return given


def _keys(keys: Sequence[Path]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for key in keys:
        if key.stem in known:
            raise SettingsError(f"signing.keys: {key.stem} stands twice; keys are told by it")
        known[key.stem] = {"algorithm": public_algorithm(key), "key": key.read_text("utf-8")}
    return known
