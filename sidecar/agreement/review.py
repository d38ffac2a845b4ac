"""
Compare an agreement's text with the registry of its clauses, and say what is up for review.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.agreement.text import Section


class RegistryMalformed(ValueError):
    """
    The registry is not of the expected shape; the message says where.
    """


@dataclass(frozen=True, slots=True)
class Registry:
    """
    What the registry says of sections and clauses, as far as a review needs it.

    Attributes:
        sections: Digest of each section, by its number.

        clauses: Section and last reviewed digest of each clause, by the clause's id.
    """

    sections: Mapping[str, str]
    clauses: Mapping[str, tuple[str, str]]

    @classmethod
    def from_document(cls, document: object) -> "Registry":
        """
        Read the registry's document, as the bundle's data has it.

        Args:
            document: ``{"sections": {number: {sha256}}, "clauses": {id: {section, reviewed}}}``;
                what else there is, is left alone.

        Raises:
            RegistryMalformed: Something is absent or of a wrong type.
        """
        sections = _entries(document, "sections")
        clauses = _entries(document, "clauses")
        return cls(
            {number: _word(entry, f"sections.{number}", "sha256") for number, entry in sections},
            {
                clause: (
                    _word(entry, f"clauses.{clause}", "section"),
                    _word(entry, f"clauses.{clause}", "reviewed"),
                )
                for clause, entry in clauses
            },
        )


@dataclass(frozen=True, slots=True)
class Review:
    """
    What a text changes against the registry.

    Attributes:
        changed: Numbers of the sections whose words are no longer those of the registry.

        new: Numbers of the sections that the registry does not know.

        gone: Numbers of the sections that the text no longer has.

        clauses: Ids of the clauses whose section, in this text, is not the one they were last
            reviewed against.
    """

    changed: tuple[str, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    clauses: tuple[str, ...]

    def __bool__(self) -> bool:
        """
        Whether anything is up for review.
        """
        return bool(self.changed or self.new or self.gone or self.clauses)


def review(text: Mapping[str, Section], registry: Registry) -> Review:
    """
    Compare a text's sections with the registry, each list in its own side's order.
    """
    known = registry.sections
    now = {number: section.sha256 for number, section in text.items()}
    return Review(
        changed=tuple(n for n in now if n in known and now[n] != known[n]),
        new=tuple(n for n in now if n not in known),
        gone=tuple(n for n in known if n not in now),
        clauses=tuple(
            clause
            for clause, (section, reviewed) in registry.clauses.items()
            if now.get(section) != reviewed
        ),
    )


def _entries(document: object, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = document.get(key) if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise RegistryMalformed(f"{key} must be a mapping")
    for name, entry in entries.items():
        if not isinstance(name, str):
            raise RegistryMalformed(f"{key} must have names in quotes, got {name!r}")
        if not isinstance(entry, dict):
            raise RegistryMalformed(f"{key}.{name} must be a mapping")
        yield name, entry


def _word(entry: Mapping[str, Any], at: str, key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise RegistryMalformed(f"{at}.{key} must be text")
    return value
