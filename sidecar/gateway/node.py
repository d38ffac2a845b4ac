"""
A part of a YAML file that knows where it stands.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sidecar.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Node:
    """
    A value in a file.

    Attributes:
        file: The file's name.

        at: The keys that lead to the value, with dots between them; empty for the whole.

        value: The value.
    """

    file: str
    at: str
    value: Any

    @property
    def place(self) -> str:
        """
        Where it stands, for people.
        """
        return f"{self.file}: {self.at}"

    def wrong(self, expected: str) -> SettingsError:
        """
        Make the error of a value that is something else than was expected.
        """
        return SettingsError(f"{self.place} must be {expected}, got {self.value!r}")

    def parts(self, *known: str, needed: tuple[str, ...] = ()) -> dict[str, "Node"]:
        """
        Take a mapping apart.

        Args:
            known: The keys that it may have; any text where none are given.

            needed: The keys that it must have.

        Raises:
            SettingsError: It is no mapping, or a key is unknown, or missing.
        """
        if not isinstance(self.value, dict):
            raise self.wrong("a mapping of keys to values")
        for key in self.value:
            if not isinstance(key, str) or (known and key not in known):
                of = f"known are {', '.join(known)}" if known else "keys are texts"
                raise SettingsError(f"{self.file}: {self._below(key)} is unknown; {of}")
        for key in needed:
            if key not in self.value:
                raise SettingsError(f"{self.file}: {self._below(key)} is missing")
        return {key: Node(self.file, self._below(key), value) for key, value in self.value.items()}

    def entries(self) -> Iterator["Node"]:
        """
        Take a list apart.

        Raises:
            SettingsError: It is no list.
        """
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for index, value in enumerate(self.value):
            yield Node(self.file, self._below(index), value)

    def text(self) -> str:
        """
        Take a text.

        Raises:
            SettingsError: It is something else, or empty.
        """
        if not isinstance(self.value, str) or not self.value:
            raise self.wrong("a text")
        return self.value

    def json(self) -> Any:
        """
        Take a value that JSON has, too.

        Raises:
            SettingsError: It is, or holds, something else.
        """
        match self.value:
            case dict():
                return {key: part.json() for key, part in self.parts().items()}
            case list():
                return [entry.json() for entry in self.entries()]
            case float() if math.isfinite(self.value):
                return self.value
            case None | bool() | int() | str():
                return self.value
        raise self.wrong("a value of JSON, such as a text; dates stand in quotation marks")

    def _below(self, key: object) -> str:
        return f"{self.at}.{key}" if self.at else str(key)
