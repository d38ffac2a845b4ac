"""
Judge the policies by the conventions: `python -m tests.conventions.run [FOLDER]`.

Collects what conventions.rego asks for, has OPA decide, and prints each violation. Exits 0 where
there is none, 1 where there is one or where OPA could not read the policies.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conventions.opa import PATIENT, Refused, opa

CONVENTIONS = Path(__file__).with_name("conventions.rego")
REGISTRY = Path("privacy/agreement/data.yaml")

Tests = list[dict[str, Any]]


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


def violations(policies: Path, run: Tests) -> list[Violation]:
    """
    Judge a folder of policies.

    Args:
        policies: The bundle's root folder, as an absolute path.

        run: What `run_tests` gave for it.

    Returns:
        What is broken, in the order of the places.

    Raises:
        Refused: The policies are no valid bundle.
    """
    asked = json.dumps(_collected(policies) | {"tests": run})
    query = ["eval", "--format", "raw", "--stdin-input", "-d", str(CONVENTIONS)]
    found = opa(policies, *query, "data.conventions.violations", stdin=asked)
    return sorted(Violation(**violation) for violation in found)


def run_tests(policies: Path) -> Tests:
    """
    Run a folder's tests: the name of each, and those of its cases.

    Raises:
        Refused: The policies are no valid bundle.
    """
    ran = opa(policies, "test", *PATIENT, "--format", "json", "--bundle", policies.name)
    return [{"name": test["name"], "cases": sorted(test.get("sub_results", {}))} for test in ran]


def _collected(policies: Path) -> dict[str, Any]:
    """
    Collect what stands in the files: see conventions.rego for its members.
    """
    return {
        "annotations": opa(policies, "inspect", "-a", "-f", "json", policies.name)["annotations"],
        "modules": [_module(policies, file) for file in _rules(policies)],
        "registry": _document(policies / REGISTRY),
        "data": [{"file": str(file), "document": _document(file)} for file in _data(policies)],
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


def main(arguments: list[str]) -> int:
    """
    Print what is broken, and say so by the exit code.
    """
    policies = Path(*arguments or ["policies"]).absolute()
    try:
        broken = violations(policies, run_tests(policies))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    for violation in broken:
        print(f"{violation.at}: {violation.rule}: {violation.says}")
    print(f"conventions: {len(broken)} broken" if broken else "conventions: all kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
