"""
Judge the policies by the conventions: `python -m tests.conventions.run [FOLDER]`.

Collects what conventions.rego asks for, has OPA decide, and prints each violation. Exits 0 where
there is none, 1 where there is one or where OPA could not read the policies.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conventions.opa import PATIENT, Refused, opa

CONVENTIONS = Path(__file__).with_name("conventions.rego")
REGISTRY = Path("privacy/agreement/data.yaml")

# The tests that are named by a clause: the others have nothing to say here, and take longer.
OF_CLAUSES = r"\.test_[0-9]"


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """
    One broken convention.

    Attributes:
        at: File and line, or the clause's id.

        rule: The convention.

        says: What is wrong.
    """

    at: str
    rule: str
    says: str


def violations(policies: Path) -> list[Violation]:
    """
    Judge a folder of policies.

    Args:
        policies: The bundle's root folder, as an absolute path.

    Returns:
        What is broken, in the order of the places.

    Raises:
        Refused: The policies are no valid bundle.
    """
    asked = json.dumps(collect(policies))
    query = ["eval", "--format", "raw", "--stdin-input", "-d", str(CONVENTIONS)]
    found = opa(policies, *query, "data.conventions.violations", stdin=asked)
    return sorted(Violation(**violation) for violation in found)


def collect(policies: Path) -> dict[str, Any]:
    """
    Collect the conventions' input: see conventions.rego for its members.
    """
    return {
        "annotations": opa(policies, "inspect", "-a", "-f", "json", policies.name)["annotations"],
        "modules": [_module(policies, file) for file in _rules(policies)],
        "registry": _document(policies / REGISTRY),
        "data": [{"file": str(file), "document": _document(file)} for file in _data(policies)],
        "tests": list(_tests(policies)),
    }


def _data(policies: Path) -> list[Path]:
    return sorted(file for file in policies.rglob("data.*") if file.suffix in {".yaml", ".json"})


def _document(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def _rules(policies: Path) -> list[Path]:
    files = sorted(policies.rglob("*.rego"))
    return [file for file in files if not file.name.endswith("_test.rego")]


def _module(policies: Path, file: Path) -> Any:
    arguments = ["parse", "--format", "json", "--json-include", "locations,-comments"]
    return opa(policies, *arguments, str(file.relative_to(policies.parent)))


def _tests(policies: Path) -> Iterator[dict[str, Any]]:
    for test in opa(
        policies,
        "test",
        *PATIENT,
        "--run",
        OF_CLAUSES,
        "--format",
        "json",
        "--bundle",
        policies.name,
    ):
        yield {"name": test["name"], "cases": sorted(test.get("sub_results", {}))}


def main(arguments: list[str]) -> int:
    """
    Print what is broken, and say so by the exit code.
    """
    policies = Path(*arguments or ["policies"]).absolute()
    try:
        broken = violations(policies)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    for violation in broken:
        print(f"{violation.at}: {violation.rule}: {violation.says}")
    print(f"conventions: {len(broken)} broken" if broken else "conventions: all kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
