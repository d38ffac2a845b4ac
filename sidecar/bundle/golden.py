"""
Decisions that travel in a bundle: requests, each with the answer that it must get.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sidecar.errors import EngineNonsense, SettingsError

# Promises are asked on a day of their own, so that their answers stay the same.
_DATE: Final = "2000-01-01"


@dataclass(frozen=True, slots=True)
class Promise:
    """
    An evaluation, and what its answer must say.

    Attributes:
        name: What it is called.

        evaluation: What the policy is given, with its date.

        expect: `decision`, and members of the decision's context. Lists are compared in any order,
            and objects in them by their id.
    """

    name: str
    evaluation: Mapping[str, Any]
    expect: Mapping[str, Any]

    @classmethod
    def all_of(cls, document: Any) -> "list[Promise]":
        """
        Read what stands in a bundle.

        Raises:
            EngineNonsense: It is of another shape.
        """
        try:
            return [cls(each["name"], each["evaluation"], each["expect"]) for each in document]
        except (KeyError, TypeError) as wrong:
            raise EngineNonsense() from wrong


def document_of(sources: Sequence[Path]) -> list[dict[str, Any]]:
    """
    Read promises from YAML: lists of `name`, `request` and `expect`, perhaps with a `date`. Of two
    with one name in different sources, the later one counts.

    Args:
        sources: Files, or folders of them.

    Returns:
        What stands in the bundle: in the order of their names.

    Raises:
        SettingsError: Something is of another shape; the message names the file and the entry.
    """
    found: dict[str, dict[str, Any]] = {}
    for source in sources:
        found.update(_of(source))
    return [found[name] for name in sorted(found)]


def _of(source: Path) -> dict[str, dict[str, Any]]:
    files = sorted(source.glob("*.yaml")) if source.is_dir() else [source]
    if not files:
        raise SettingsError(f"{source} holds no file that ends in .yaml")
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        for name, promise in _entries(file):
            if name in found:
                raise SettingsError(f"{file}: {name!r} stands twice")
            found[name] = promise
    return found


def _entries(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        entries = yaml.safe_load(file.read_text("utf-8"))
    except OSError as wrong:
        raise SettingsError(f"{file} cannot be read: {wrong.strerror}") from wrong
    except (yaml.YAMLError, ValueError) as wrong:
        raise SettingsError(f"{file} is not YAML") from wrong
    if not isinstance(entries, list):
        raise SettingsError(f"{file} must hold a list")
    for number, entry in enumerate(entries, 1):
        match entry:
            case {"name": str(name), "request": dict(request), "expect": dict(expect)} if (
                type(expect.get("decision")) is bool
            ):
                date = str(entry.get("date", _DATE))
                evaluation = {**request, "environment": {"date": date}}
                yield name, {"name": name, "evaluation": evaluation, "expect": expect}
            case _:
                raise SettingsError(
                    f"{file}: entry {number} must have a name, a request and what to expect, a "
                    "decision at least"
                )
