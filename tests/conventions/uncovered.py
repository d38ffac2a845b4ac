"""
List the lines of Rego that no test reaches: `python -m tests.conventions.uncovered FOLDER…`.

`opa test --threshold 100` says only that there are some. Exits 1 where there is one.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conventions.opa import PATIENT, Refused, opa


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """
    A line that no test reaches.

    Attributes:
        file: Where it stands.

        row: Its number, from 1.

        text: What it says.
    """

    file: Path
    row: int
    text: str


def uncovered(folder: Path) -> list[Line]:
    """
    Run a folder's tests and list what they do not reach.

    Args:
        folder: Rego with its tests, a bundle or not; an absolute path.

    Raises:
        Refused: OPA could not read the folder, or a test fails.
    """
    bundle = ["--bundle"] if (folder / ".manifest").is_file() else []
    report = opa(folder, "test", *PATIENT, "--coverage", "--format", "json", *bundle, folder.name)
    return sorted(
        Line(file, row, text)
        for name, covered in report["files"].items()
        for file in [_file(folder, name)]
        for row, text in _lines(file, covered.get("not_covered", []))
    )


def _file(folder: Path, name: str) -> Path:
    # In a bundle's report, OPA prefixes the folder's name twice.
    return folder / name.rpartition(f"{folder.name}/")[2]


def _lines(file: Path, ranges: list[dict[str, dict[str, int]]]) -> Iterator[tuple[int, str]]:
    text = file.read_text("utf-8").splitlines()
    rows = {
        row for reach in ranges for row in range(reach["start"]["row"], reach["end"]["row"] + 1)
    }
    yield from ((row, text[row - 1].strip()) for row in rows)


def main(folders: list[str]) -> int:
    """
    Print the lines, and say by the exit code whether there are any.
    """
    try:
        lines = [line for folder in folders for line in uncovered(Path(folder).absolute())]
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    for line in lines:
        print(f"{line.file.relative_to(Path.cwd())}:{line.row}: not covered: {line.text}")
    print(f"Rego: {len(lines)} lines not covered" if lines else "Rego: every line covered")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
