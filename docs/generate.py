"""
Write docs/reference/ from the registry, the rules' annotations and the scenarios.

`python -m docs.generate` empties the folder and writes it anew; with --check it writes nothing, and
exits 1 where the folder is not what it would write.
"""

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conventions.opa import opa
from tests.conventions.run import REGISTRY

ROOT = Path(__file__).parents[1]
REFERENCE = Path("docs/reference")
MEND = "make docs"

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """
    The rule that decides a clause.

    Attributes:
        file: Where it stands, from the project's root.

        row: Its line, from 1.

        title: Its annotation's title.
    """

    file: str
    row: int
    title: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    A scenario that shows a clause.

    Attributes:
        file: Where it stands, from the project's root.

        name: Its title.
    """

    file: str
    name: str


def pages(root: Path) -> dict[Path, str]:
    """
    Write every page of the reference.

    Args:
        root: The project's root, as an absolute path.

    Returns:
        Each page's text, by its path from the root.
    """
    registry = yaml.safe_load((root / "policies" / REGISTRY).read_text("utf-8"))
    lines = _clauses_page(registry, rules(root / "policies"), scenarios(root))
    return {REFERENCE / "clauses.md": "\n".join(lines) + "\n"}


def rules(policies: Path) -> dict[str, Rule]:
    """
    Read from the annotations which rule decides which clause, by the clause's id.
    """
    annotations = opa(policies, "inspect", "-a", "-f", "json", policies.name)["annotations"]
    return {
        annotation["annotations"]["custom"]["clause"]: Rule(
            annotation["location"]["file"],
            annotation["location"]["row"],
            annotation["annotations"].get("title", ""),
        )
        for annotation in annotations
        if "clause" in annotation["annotations"].get("custom", {})
    }


def scenarios(root: Path) -> dict[str, list[Scenario]]:
    """
    Read which scenarios show which clause, by the clause's id, in the files' order.
    """
    shown: dict[str, list[Scenario]] = {}
    for file in sorted((root / "tests/scenarios").glob("*.yaml")):
        for entry in yaml.safe_load(file.read_text("utf-8")):
            for clause in entry["clauses"]:
                scenario = Scenario(file.relative_to(root).as_posix(), entry["name"])
                shown.setdefault(clause, []).append(scenario)
    return shown


def _clauses_page(
    registry: Entry, decided: Mapping[str, Rule], shown: Mapping[str, list[Scenario]]
) -> Iterator[str]:
    yield "# The clauses"
    yield ""
    yield f"Written by `{MEND}` from the registry, the rules' annotations and the scenarios."
    yield f"{len(registry['clauses'])} clauses, {len(decided)} of them with a rule."
    for number, section in registry["sections"].items():
        yield from ("", f"## {number} {section['title']}")
        for clause, entry in registry["clauses"].items():
            if entry["section"] == number:
                yield from _clause(clause, entry)
                yield from _decided(entry, decided.get(clause))
                yield from _shown(shown.get(clause, []))


def _clause(clause: str, entry: Entry) -> Iterator[str]:
    yield from ("", f"### {clause} {entry['title']}", "", f"> {_one_line(entry['says'])}", "")
    yield f"- Section {entry['section']}, {entry['modality']}, binds {', '.join(entry['binds'])}."


def _decided(entry: Entry, rule: Rule | None) -> Iterator[str]:
    if rule:
        yield f"- Rule: [{rule.file}:{rule.row}](../../{rule.file}#L{rule.row}), {rule.title}."
    else:
        yield f"- No rule: {_one_line(entry['undecidable'])}"
        yield f"- Instead: {_one_line(entry['instead'])}"


def _shown(scenarios: list[Scenario]) -> Iterator[str]:
    if scenarios:
        yield "- Scenarios:"
    for scenario in scenarios:
        yield f"    - [{scenario.name}](../../{scenario.file})"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def write(root: Path) -> None:
    """
    Empty docs/reference/, so that no page outlives its source, and write it anew.
    """
    written = pages(root)
    shutil.rmtree(root / REFERENCE, ignore_errors=True)
    for page, text in written.items():
        (root / page).parent.mkdir(parents=True, exist_ok=True)
        (root / page).write_text(text, "utf-8")


def differences(root: Path) -> list[Path]:
    """
    Say which pages are not what would be written: other words, absent, or no longer written.
    """
    written = pages(root)
    there = {
        file.relative_to(root): file.read_text("utf-8")
        for file in (root / REFERENCE).rglob("*")
        if file.is_file()
    }
    return sorted(
        page for page in written.keys() | there.keys() if written.get(page) != there.get(page)
    )


def main(arguments: list[str]) -> int:
    """
    Write the reference, or with --check only say whether it is up to date.
    """
    if arguments != ["--check"]:
        write(ROOT)
        return 0
    different = differences(ROOT)
    for page in different:
        print(f"{page} is not up to date; mend it with: {MEND}")
    if not different:
        print(f"{REFERENCE} is up to date")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
