"""
Data that is otherwise in one environment: switches, most of all.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from sidecar import strict
from sidecar.errors import SettingsError

_NAMES: Final = frozenset({"data.json", "data.yaml", "data.yml"})


def merged(sources: Mapping[str, bytes], environment: Path) -> dict[str, bytes]:
    """
    Replace values in a bundle's data by an environment's.

    Args:
        sources: The bundle's files, by their paths.

        environment: A folder of files of data at the same paths, each with what is otherwise.

    Raises:
        SettingsError: A file or a key has none in the bundle to replace: nothing would read it; or
            a file cannot be read.
    """
    found = {file.relative_to(environment).as_posix(): file for file in _files(environment)}
    if not found:
        raise SettingsError(f"{environment} holds no file {', '.join(sorted(_NAMES))}")
    result = dict(sources)
    for path, file in found.items():
        if path not in sources:
            raise SettingsError(f"{file}: the bundle has no {path} to change")
        before = strict.mapping(path, yaml.safe_load(sources[path]) or {})
        after = _changed(str(file), before, strict.read(file))
        # JSON is YAML too: the name need not change.
        result[path] = json.dumps(after, sort_keys=True, default=str).encode()
    return result


def _files(environment: Path) -> list[Path]:
    return sorted(file for file in environment.rglob("*") if file.name in _NAMES)


def _changed(at: str, before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(before)
    for key, value in changes.items():
        if key not in before:
            raise SettingsError(f"{at}: the bundle has no {key} to change")
        both = isinstance(before[key], dict) and isinstance(value, dict)
        result[key] = _changed(f"{at}: {key}", before[key], value) if both else value
    return result
