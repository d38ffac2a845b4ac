"""
Write what is generated for Grafana and Prometheus: the dashboards, and the list of clauses.

`python -m deploy.grafana.generate` writes it anew; with --check it writes nothing, and exits 1
where a file is not what it would write.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from deploy.grafana.board import Board, written
from deploy.grafana.clauses import CLAUSES
from deploy.grafana.decisions import DECISIONS
from deploy.grafana.engine import ENGINE

ROOT: Final = Path(__file__).parents[2]
BOARDS: Final[tuple[Board, ...]] = (DECISIONS, CLAUSES, ENGINE)
DASHBOARDS: Final = Path("deploy/grafana/dashboards")
CLAUSES_FILE: Final = Path("deploy/prometheus/clauses.yaml")

_REGISTRY: Final = Path("policies/privacy/agreement/data.yaml")
_MEND: Final = "make docs"
_HEAD: Final = """\
# The clauses that have a rule, each with its title: for the dashboard on clauses, and for
# PrivacyClauseNeverExercised. Written by `make docs` from the registry. With a bundle of your own,
# list its clauses here; or leave the file out.

groups:
  - name: privacy-clauses
    rules:
"""


def files(root: Path) -> dict[Path, str]:
    """
    Write every file.

    Args:
        root: The project's root.

    Returns:
        Each file's text, by its path from the root.
    """
    made = {DASHBOARDS / f"{board.uid}.json": written(board) for board in BOARDS}
    return {**made, CLAUSES_FILE: _HEAD + "".join(_clauses(root))}


def _clauses(root: Path) -> Iterator[str]:
    registry = yaml.safe_load((root / _REGISTRY).read_text("utf-8"))
    for clause, entry in registry["clauses"].items():
        if "undecidable" not in entry:
            labels = f"{{clause: {json.dumps(clause)}, title: {json.dumps(entry['title'])}}}"
            yield (
                "      - {record: privacy:clause_with_rule, expr: vector(1), labels: "
                + labels
                + "}\n"
            )


def main(arguments: list[str]) -> int:
    """
    Write, or with --check only say whether all is up to date.
    """
    made = files(ROOT)
    if arguments != ["--check"]:
        for left in (ROOT / DASHBOARDS).glob("*.json"):
            left.unlink()
        (ROOT / DASHBOARDS).mkdir(exist_ok=True)
        for file, text in made.items():
            (ROOT / file).write_text(text, "utf-8")
        return 0
    there = {file.relative_to(ROOT) for file in (ROOT / DASHBOARDS).glob("*.json")} | {CLAUSES_FILE}
    different = [
        file
        for file in sorted(made.keys() | there)
        if file not in made
        or not (ROOT / file).exists()
        or (ROOT / file).read_text("utf-8") != made[file]
    ]
    for file in different:
        print(f"{file} is not up to date; mend it with: {_MEND}")
    if not different:
        print(f"{DASHBOARDS} and {CLAUSES_FILE} are up to date")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
