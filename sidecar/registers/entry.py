"""
One entry of a register.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import NoneType
from typing import Any, Final

from sidecar.errors import SettingsError
from sidecar.strict import mapping

_KEYS: Final = ("facts", "author", "date", "until", "reference")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One entry of a register.

    Attributes:
        kind: The register's kind.

        id: What it is found by.

        facts: The facts that it decides, with their values.

        author: Who made it.

        made: When it was made.

        until: The last day on which it holds; None where it has no end.

        reference: Where its evidence is.
    """

    kind: str
    id: str
    facts: Mapping[str, Any]
    author: str
    made: date
    until: date | None
    reference: str

    @classmethod
    def read(cls, at: str, kind: str, id_: Any, given: Any) -> "Entry":
        """
        Read an entry as it stands in YAML or in a bundle.

        Args:
            at: Where the register stands, for messages.

            kind: The register's kind.

            id_: The entry's id.

            given: The rest.

        Raises:
            SettingsError: Something is unknown, absent or of another type; the message names the
                entry and the key.
        """
        if type(id_) is not str or not id_:
            raise SettingsError(f"{at}: an entry's id must be a text, got {id_!r}: quote it")
        here = f"{at}: {id_}"
        given = mapping(here, given)
        for key in given:
            if key not in _KEYS:
                raise SettingsError(f"{here}.{key} is unknown; known are {', '.join(_KEYS)}")
        for key in _KEYS:
            if key not in given and key != "until":
                raise SettingsError(f"{here}.{key} is missing")
        facts = mapping(f"{here}.facts", given["facts"])
        if not facts:
            raise SettingsError(f"{here}.facts must not be empty: an entry that says nothing")
        for fact, value in facts.items():
            _check_plain(f"{here}.facts.{fact}", fact, value)
        made = _day(f"{here}.date", given["date"])
        until = _day(f"{here}.until", given["until"]) if "until" in given else None
        if until is not None and until < made:
            raise SettingsError(f"{here}.until must not be before date, got {until}")
        author, reference = (_text(f"{here}.{key}", given[key]) for key in ("author", "reference"))
        return cls(kind, id_, facts, author, made, until, reference)

    def said(self) -> dict[str, Any]:
        """
        Write it as it stands in a bundle.
        """
        return {
            "facts": dict(self.facts),
            "author": self.author,
            "date": self.made.isoformat(),
            **({"until": self.until.isoformat()} if self.until else {}),
            "reference": self.reference,
        }


def day(text: Any) -> date | None:
    """
    Read a date that is written as YYYY-MM-DD; None where it is anything else.
    """
    if type(text) is not str or not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _check_plain(key: str, name: Any, value: Any) -> None:
    """
    Refuse what JSON cannot hold: YAML reads days, and keys that are no texts.
    """
    if type(name) is not str:
        raise SettingsError(f"{key} must be called by a text: quote it")
    if isinstance(value, dict):
        for below, each in value.items():
            _check_plain(f"{key}.{below}", below, each)
    elif isinstance(value, list):
        for each in value:
            _check_plain(key, name, each)
    elif type(value) not in (str, bool, int, NoneType):
        raise SettingsError(
            f"{key} must be a text, true or false, a whole number, or a list or mapping of them, "
            f"got {value!r}"
        )


def _day(key: str, value: Any) -> date:
    # YAML reads a date that is not quoted.
    found = value if type(value) is date else day(value)
    if found is None:
        raise SettingsError(f"{key} must be a date such as 2027-01-31, got {value!r}")
    return found


def _text(key: str, value: Any) -> str:
    if type(value) is not str or not value.strip():
        raise SettingsError(f"{key} must be a text, got {value!r}")
    return value
