"""
docs/reference/ is what the registry, the rules and the scenarios say.
"""

from pathlib import Path

import pytest
import yaml

from docs import generate
from docs.generate import REFERENCE, ROOT, Rule, Scenario, differences, rules, scenarios, write

RULES = """\
package library.loans

# METADATA
# title: Members borrow
# custom:
#   clause: 1-a
permits["1-a"] if input.subject.properties.member
"""

REGISTRY = {
    "sections": {"1": {"title": "Loans", "sha256": "a"}, "2": {"title": "Fees", "sha256": "b"}},
    "clauses": {
        "1-a": {
            "section": "1",
            "title": "Borrowing",
            "says": "Who is a member\nmay borrow.",
            "modality": "permission",
            "binds": ["library", "member"],
            "decidable": "yes",
        },
        "2-a": {
            "section": "2",
            "title": "Kindness",
            "says": "Nobody is shouted at.",
            "modality": "obligation",
            "binds": ["library"],
            "decidable": "no",
            "undecidable": "No request tells.",
            "instead": "The librarian hears it.",
        },
    },
}

PAGE = """\
# The clauses

Written by `make docs` from the registry, the rules' annotations and the scenarios.
2 clauses, 1 of them with a rule.

## 1 Loans

### 1-a Borrowing

> Who is a member may borrow.

- Section 1, permission, binds library, member.
- Rule: [policies/library/loans.rego:7](../../policies/library/loans.rego#L7), Members borrow.
- Scenarios:
    - [A member takes a book](../../tests/scenarios/1.yaml)

## 2 Fees

### 2-a Kindness

> Nobody is shouted at.

- Section 2, obligation, binds library.
- No rule: No request tells.
- Instead: The librarian hears it.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """
    A small project with two clauses, one rule and one scenario.
    """
    for file, text in {
        "policies/privacy/agreement/data.yaml": yaml.safe_dump(REGISTRY, sort_keys=False),
        "policies/library/loans.rego": RULES,
        "tests/scenarios/1.yaml": yaml.safe_dump(
            [{"name": "A member takes a book", "clauses": ["1-a"]}]
        ),
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, "utf-8")
    return tmp_path


def test_the_tree_is_up_to_date():
    """
    `make docs` would change nothing.
    """
    assert differences(ROOT) == []


def test_every_clause_has_its_rule_or_reason(root):
    """
    A clause is written with its rule's place and title and its scenarios, or with its reason.
    """
    write(root)

    assert (root / REFERENCE / "clauses.md").read_text("utf-8") == PAGE


def test_rules_and_scenarios_are_found_by_clause(root):
    """
    A rule is found by its label, a scenario by the clauses that it shows.
    """
    assert rules(root / "policies") == {
        "1-a": Rule("policies/library/loans.rego", 7, "Members borrow")
    }
    assert scenarios(root) == {"1-a": [Scenario("tests/scenarios/1.yaml", "A member takes a book")]}


def test_a_page_that_nothing_writes_is_removed(root):
    """
    Writing empties the folder first.
    """
    (root / REFERENCE).mkdir(parents=True)
    (root / REFERENCE / "old.md").write_text("Old.\n", "utf-8")

    write(root)

    assert [page.name for page in (root / REFERENCE).iterdir()] == ["clauses.md"]


def test_each_difference_is_named(root):
    """
    A page with other words, one that is absent and one too many are each a difference.
    """
    absent = differences(root)
    write(root)
    none = differences(root)
    (root / REFERENCE / "clauses.md").write_text("Other words.\n", "utf-8")
    (root / REFERENCE / "old.md").write_text("Old.\n", "utf-8")

    assert absent == [REFERENCE / "clauses.md"]
    assert none == []
    assert differences(root) == [REFERENCE / "clauses.md", REFERENCE / "old.md"]


def test_the_check_prints_the_command_that_mends(root, monkeypatch, capsys):
    """
    --check exits 1 and names the command; after that command it exits 0.
    """
    monkeypatch.setattr(generate, "ROOT", root)

    exit_codes = [generate.main(["--check"]), generate.main([]), generate.main(["--check"])]

    assert exit_codes == [1, 0, 0]
    assert capsys.readouterr().out.splitlines() == [
        "docs/reference/clauses.md is not up to date; mend it with: make docs",
        "docs/reference is up to date",
    ]
