"""
docs/add-a-clause.md, followed to the letter in a copy of the tree.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.serve import ROOT

PAGE = ROOT / "docs/add-a-clause.md"
# What needs all that there is is run where all of it is run.
LEFT_TO_THE_READER = "make test "
TEXT = "4. Protection\n\nNothing that a company told is kept on what can be carried away.\n"
_STEP = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`, (?P<where>above|below|at the end)(?: `(?P<line>[^`\n]+)`)?:\n\n)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Step:
    """
    What the page says to do: to edit a file, or to run commands.

    Attributes:
        text: What comes in, or the commands.

        file: The file; None for commands.

        where: above, below or at the end.

        line: How the line begins that it stands above or below.
    """

    text: str
    file: str | None
    where: str
    line: str

    def follow(self, tree: Path) -> "subprocess.CompletedProcess[str] | None":
        """
        Do it in a tree.
        """
        if self.file is None:
            return self._run(tree)
        file = tree / self.file
        lines = file.read_text("utf-8").splitlines(keepends=True)
        at = len(lines)
        if self.line:
            # The one that a reader cannot miss.
            [at] = [n for n, line in enumerate(lines) if line.startswith(self.line)]
        lines.insert(at + (self.where == "below"), self.text)
        file.write_text("".join(lines), "utf-8")
        return None

    def _run(self, tree: Path) -> "subprocess.CompletedProcess[str]":
        # These are commands of a reader's, and not of the tests that run.
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        return subprocess.run(
            ["bash", "-euc", self.text],
            cwd=tree,
            env=kept | {"PYTHONPATH": str(tree)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _steps() -> Iterator[Step]:
    for found in _STEP.finditer(PAGE.read_text("utf-8")):
        step = Step(found["text"], found["file"], found["where"] or "", found["line"] or "")
        assert step.file or found["language"] == "sh", f"nobody is told where it goes:\n{step.text}"
        if not step.text.startswith(LEFT_TO_THE_READER):
            yield step


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """
    A copy of the tree, with the packages of this one.
    """
    copy = tmp_path / "tree"
    ignored = shutil.ignore_patterns(".*_cache", ".git", ".venv*", "__pycache__", "dist", "build")
    shutil.copytree(ROOT, copy, ignore=ignored)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    # Older than what was installed by them: nothing is installed from the copy.
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        os.utime(copy / name, (0, 0))
    (copy / "new-agreement.txt").write_text(TEXT, "utf-8")
    return copy


def test_a_clause_is_added_as_the_page_says(tree: Path):
    """
    Each edit finds its place, the agreement's check finds the section changed, and whatever the
    page checks with is content; then the clause stands in the reference, reviewed and with a rule.
    """
    first, *rest = _steps()
    checked = first.follow(tree)
    assert checked is not None
    assert checked.returncode == 1, checked.stderr
    assert "section 4: changed, sha256 " in checked.stdout
    for step in rest:
        done = step.follow(tree)
        assert done is None or done.returncode == 0, f"{step.text}\n{done.stdout}\n{done.stderr}"

    registry = yaml.safe_load((tree / "policies/privacy/agreement/data.yaml").read_text("utf-8"))
    clause = registry["clauses"]["4-g"]
    assert clause["sha256"] == clause["reviewed"] == registry["sections"]["4"]["sha256"]
    assert clause["sha256"] in checked.stdout
    reference = (tree / "docs/reference/clauses.md").read_text("utf-8")
    assert "4-g" in reference
    assert "A list of addresses is kept on a stick" in reference
