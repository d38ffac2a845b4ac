"""
The list of Rego lines that no test reaches.
"""

from pathlib import Path

import pytest

from tests.conventions.opa import Refused
from tests.conventions.uncovered import Line, main, uncovered

RULES = """\
package library

open if input.day == "monday"

open if input.key
"""

TESTS = """\
package library_test

import data.library

test_open_on_mondays if library.open with input.day as "monday"
"""


@pytest.fixture(params=["a bundle", "no bundle"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """
    A folder of Rego whose second rule no test reaches.
    """
    folder = tmp_path / "rules"
    (folder / "library").mkdir(parents=True)
    (folder / "library/hours.rego").write_text(RULES, "utf-8")
    (folder / "library/hours_test.rego").write_text(TESTS, "utf-8")
    if request.param == "a bundle":
        (folder / ".manifest").write_text('{"roots": [""]}', "utf-8")
    return folder


def _reach_all(folder: Path) -> None:
    test = "\ntest_open_with_a_key if library.open with input.key as true\n"
    (folder / "library/hours_test.rego").write_text(TESTS + test, "utf-8")


def test_a_line_no_test_reaches_is_listed(folder):
    """
    Each line is listed with its file, its number and its text, once.
    """
    expected = [Line(folder / "library/hours.rego", 5, "open if input.key")]

    assert uncovered(folder) == expected


def test_nothing_is_listed_where_all_is_reached(folder):
    """
    Where the tests reach every line the list is empty.
    """
    _reach_all(folder)

    assert uncovered(folder) == []


def test_the_command_prints_the_lines(folder, monkeypatch, capsys):
    """
    The command prints place and text, and exits 1; where all is reached it exits 0.
    """
    monkeypatch.chdir(folder.parent)

    exit_codes = [main(["rules"])]
    _reach_all(folder)
    exit_codes.append(main(["rules"]))

    assert exit_codes == [1, 0]
    assert capsys.readouterr().out.splitlines() == [
        "rules/library/hours.rego:5: not covered: open if input.key",
        "Rego: 1 lines not covered",
        "Rego: every line covered",
    ]


def test_a_failing_test_is_no_coverage(folder, monkeypatch, capsys):
    """
    Where a test fails there is no list, and the exit code is 1.
    """
    monkeypatch.chdir(folder.parent)
    (folder / "library/hours_test.rego").write_text(TESTS.replace("monday", "sunday"), "utf-8")

    with pytest.raises(Refused):
        uncovered(folder)

    assert main(["rules"]) == 1
    assert "FAIL" in capsys.readouterr().err
