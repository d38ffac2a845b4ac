"""
The policies keep the conventions, and each convention bites: broken once, in a copy.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conventions.run import REGISTRY, Tests, main, run_tests, violations

POLICIES = Path(__file__).parents[2] / "policies"
LABEL = re.compile(r"# custom:\n#   clause: (?P<clause>\S+)\n")

Break = Callable[[Path], None]


@pytest.fixture(scope="module")
def run() -> Tests:
    """
    The policies' tests, run once: most breaks leave them as they are.
    """
    return run_tests(POLICIES)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """
    A copy of the policies, to break.
    """
    policies = tmp_path / "policies"
    shutil.copytree(POLICIES, policies)
    return policies


def test_the_policies_keep_the_conventions(run):
    """
    No convention is broken in the tree.
    """
    assert violations(POLICIES, run) == []


def _append(text: str) -> Break:
    """
    Add Rego to a file of section 4, where "4-a" has its rule.
    """

    def breaks(policies: Path) -> None:
        file = _rules(policies, "s4")
        file.write_text(file.read_text("utf-8") + text, "utf-8")

    return breaks


def _replace(glob: str, old: str | re.Pattern[str], new: str) -> Break:
    """
    Replace the first match in the first file that has one.
    """
    pattern = re.compile(re.escape(old)) if isinstance(old, str) else old

    def breaks(policies: Path) -> None:
        for file in sorted((policies / "privacy/clauses").glob(glob)):
            text, times = pattern.subn(new, file.read_text("utf-8"), count=1)
            if times:
                file.write_text(text, "utf-8")
                return
        raise AssertionError(f"no {pattern.pattern} in {glob}")

    return breaks


def _registry(change: Callable[[dict[str, dict[str, dict[str, str]]]], None]) -> Break:
    def breaks(policies: Path) -> None:
        registry = yaml.safe_load((policies / REGISTRY).read_text("utf-8"))
        change(registry)
        (policies / REGISTRY).write_text(yaml.safe_dump(registry), "utf-8")

    return breaks


def _move(policies: Path) -> None:
    moved = _rules(policies, "s5_2")
    moved.rename(moved.with_name("s4_moved.rego"))


def _rules(policies: Path, section: str) -> Path:
    files = (policies / "privacy/clauses").glob(f"{section}_*.rego")
    return next(file for file in files if not file.name.endswith("_test.rego"))


def _undecided(registry: dict[str, dict[str, dict[str, str]]]) -> dict[str, str]:
    return next(entry for entry in registry["clauses"].values() if entry["decidable"] == "no")


@pytest.mark.parametrize(
    ("rule", "breaks"),
    [
        ("unknown clause", _replace("*.rego", LABEL, "# custom:\n#   clause: 9-z\n")),
        ("unknown clause", _append('\n_probe := "9-z"\n')),
        ("duplicate id", _append("\n# METADATA\n# custom:\n#   clause: 4-a\n_probe := 1\n")),
        ("missing label", _append("\nprobe := 1\n")),
        ("other label", _append('\n# METADATA\n# custom:\n#   clause: 4-a\nprobe["4-b"] := 1\n')),
        (
            "gathered label",
            _append("\n# METADATA\n# title: It is so\n# labels:\n#   team: legal\nprobe := 1\n"),
        ),
        ("wrong module", _move),
        ("no rule", _replace("*.rego", LABEL, "")),
        ("no reason", _registry(lambda r: _undecided(r).update(undecidable=""))),
        ("no reason", _registry(lambda r: _undecided(r).update(instead=""))),
        ("wrong word", _registry(lambda r: r["clauses"]["4-a"].update(decidable="maybe"))),
        ("not reviewed", _registry(lambda r: r["clauses"]["4-a"].update(reviewed="older"))),
        ("not reviewed", _registry(lambda r: r["sections"]["4"].update(sha256="newer"))),
        ("wrong section", _registry(lambda r: r["clauses"]["4-a"].update(section="44"))),
    ],
)
def test_a_broken_convention_is_found(copy, run, rule, breaks):
    """
    Each convention, broken once in a copy of the policies, is reported by its name.
    """
    breaks(copy)

    assert rule in {violation.rule for violation in violations(copy, run)}


def test_each_missing_case_is_found(copy):
    """
    A clause whose test loses one of its three kinds of cases is reported with that kind.
    """
    for clause, kind in (("1-a", "permitted"), ("4-a", "refused"), ("5.2-a", "boundary")):
        _lose(copy, clause, kind)

    broken = violations(copy, run_tests(copy))

    assert [(found.at, found.rule, found.says.split('"')[1]) for found in broken] == [
        ("1-a", "missing case", "permitted: …"),
        ("4-a", "missing case", "refused: …"),
        ("5.2-a", "missing case", "boundary: …"),
    ]


def _lose(policies: Path, clause: str, kind: str) -> None:
    """
    Rename a clause's cases of one kind.
    """
    name = re.sub("[.-]", "_", clause)
    test = re.compile(rf"^test_{name}\[name\] if \{{\n.*?^\}}", re.MULTILINE | re.DOTALL)
    for file in (policies / "privacy/clauses").glob("*_test.rego"):
        text = file.read_text("utf-8")
        renamed = test.sub(lambda found: found[0].replace(f'"{kind}: ', '"other: '), text)
        file.write_text(renamed, "utf-8")


def test_the_command_says_what_is_broken(copy, capsys):
    """
    The command prints place, convention and sentence, and exits 1.
    """
    _registry(lambda r: r["clauses"]["4-a"].update(reviewed="older"))(copy)

    exit_code = main([str(copy)])

    assert exit_code == 1
    assert capsys.readouterr().out.splitlines() == [
        "4-a: not reviewed: section 4 has changed since the clause was reviewed",
        "conventions: 1 broken",
    ]


def test_policies_that_opa_refuses_are_no_success(copy, capsys):
    """
    Where OPA cannot read the policies, its words are printed and the exit code is 1.
    """
    _append("\nprobe :=\n")(copy)

    exit_code = main([str(copy)])

    assert exit_code == 1
    assert "rego_parse_error" in capsys.readouterr().err
