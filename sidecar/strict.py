"""
Dataclasses made from YAML, strictly: nothing unknown, nothing of another type, nothing twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

import yaml

from sidecar.errors import SettingsError

_Section = TypeVar("_Section")

_SAYS: Final = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
}


class _Loader(yaml.SafeLoader):
    """
    YAML in which no key stands twice.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """
        Make a mapping of a section.

        Raises:
            SettingsError: A key stands twice in it.
        """
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise SettingsError(f"{key.value} stands twice, again in line {_line(key)}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(file: Path) -> dict[str, Any]:
    """
    Read a file of YAML that holds a mapping; an empty one is an empty mapping.

    Raises:
        SettingsError: It is something else, or cannot be read.
    """
    try:
        document = yaml.load(file.read_text("utf-8"), _Loader)
    except OSError as wrong:
        raise SettingsError(f"{file} cannot be read: {wrong.strerror}") from wrong
    except SettingsError as wrong:
        raise SettingsError(f"{file}: {wrong.message}") from wrong
    except yaml.MarkedYAMLError as wrong:
        raise SettingsError(f"{file} is not YAML: {_problem(wrong)}") from wrong
    except (yaml.YAMLError, ValueError) as wrong:
        said = "it holds what is no text, no number or no date"
        raise SettingsError(f"{file} is not YAML: {said}") from wrong
    return mapping(str(file), {} if document is None else document)


def mapping(key: str, value: Any) -> dict[str, Any]:
    """
    Take a mapping from keys to values.

    Raises:
        SettingsError: It is something else.
    """
    if not isinstance(value, dict):
        raise SettingsError(f"{key} must be a mapping of keys to values, got {value!r}")
    return value


def section(
    kind: type[_Section], given: Mapping[str, Any], at: str = "", **beside: Any
) -> _Section:
    """
    Make a dataclass of a mapping; its fields that are dataclasses too are sections within it.

    Args:
        kind: The dataclass.

        given: What stands in the file.

        at: The keys that lead there, each with a dot behind it.

        beside: Fields that come from elsewhere, and may not stand in the file.

    Raises:
        SettingsError: A key is unknown or missing, or a value is of a wrong type; or what the
            dataclass itself raises.
    """
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in given:
        if key not in known:
            raise SettingsError(f"{at}{key} is unknown; known are {', '.join(known)}")
    for key in _required(kind):
        if key not in given and key not in beside:
            raise SettingsError(f"{at}{key} is missing")
    return kind(**{key: _value(hints[key], f"{at}{key}", given[key]) for key in given}, **beside)


def one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    """
    Let a word pass that is known.

    Raises:
        SettingsError: It is not.
    """
    if value not in known:
        raise SettingsError(f"{key} must be one of {', '.join(known)}, got {value!r}")


def between(key: str, value: float, least: float, most: float) -> None:
    """
    Let a number pass that is in a range.

    Raises:
        SettingsError: It is not.
    """
    if not least <= value <= most:
        raise SettingsError(f"{key} must be from {least} to {most}, got {value}")


def existing(key: str, path: Path | None) -> None:
    """
    Refuse a file that is set and is not there.

    Args:
        key: Its name for people.

        path: The file; None where none is set.

    Raises:
        SettingsError: It is not there, or is a folder.
    """
    if path is not None and not path.is_file():
        raise SettingsError(f"{key} must be a file, got {str(path)!r}")


def _required(kind: Any) -> Iterator[str]:
    for field in fields(kind):
        if field.default is MISSING and field.default_factory is MISSING:
            yield field.name


def _problem(wrong: yaml.MarkedYAMLError) -> str:
    where = f" in line {wrong.problem_mark.line + 1}" if wrong.problem_mark else ""
    return f"{wrong.problem}{where}"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _value(kind: Any, key: str, value: Any) -> Any:
    if isinstance(kind, UnionType):
        kind = get_args(kind)[0]
    if is_dataclass(kind):
        return section(kind, mapping(key, value), f"{key}.")  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        return _texts(key, value)
    if kind is float and type(value) is int:
        return value
    if kind is Path and type(value) is str and value:
        return Path(value)
    if type(value) is not kind:
        raise SettingsError(f"{key} must be {_SAYS[kind]}, got {value!r}")
    return value


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if type(value) is not list or not all(type(each) is str and each for each in value):
        raise SettingsError(f"{key} must be a list of texts, got {value!r}")
    return tuple(value)
