"""
`opa check --strict --schema` refuses a misspelt path.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conventions.opa import binary

POLICIES = Path(__file__).parents[2] / "policies"


def _check(policies: Path) -> subprocess.CompletedProcess[str]:
    schemas = f"--schema={policies / 'schemas'}"
    command = [str(binary()), "check", "--strict", "--bundle", schemas, str(policies)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _modules() -> list[Path]:
    files = (file.relative_to(POLICIES) for file in sorted(POLICIES.rglob("*.rego")))
    return [file for file in files if not file.name.endswith("_test.rego")]


def _misspell(text: str, root: str) -> str:
    """
    Double the last letter of the first path below a root. `with` may name what it likes, and so may
    comments.
    """
    path = rf"^([^#\n]*(?<!with )\b{re.escape(root)}\.[a-z_]*([a-z]))\b"
    return re.sub(path, r"\1\2", text, count=1, flags=re.MULTILINE)


def test_the_policies_fit_their_schemas():
    """
    Nothing in the tree is refused.
    """
    done = _check(POLICIES)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", _modules(), ids=str)
@pytest.mark.parametrize(
    "root",
    ["input", "input.context", "input.context.facts", "ways", "vocabulary", "switches"],
)
def test_a_misspelt_path_is_refused(tmp_path, module, root):
    """
    A wrong letter in any module, in a path into the input or into the data, stops the check.
    """
    policies = tmp_path / "policies"
    shutil.copytree(POLICIES, policies)
    text = (policies / module).read_text("utf-8")
    misspelt = _misspell(text, root)
    (policies / module).write_text(misspelt, "utf-8")

    done = _check(policies)

    assert ("undefined ref" in done.stderr) == (misspelt != text)
