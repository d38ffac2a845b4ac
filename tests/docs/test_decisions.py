"""
docs/decisions.md leaves nothing out that a caller can get.
"""

from collections.abc import Iterator

import pytest
import yaml

from sidecar import errors
from sidecar.errors import SidecarError
from tests.e2e.pages import table
from tests.e2e.serve import ROOT

PAGE = ROOT / "docs/decisions.md"
VOCABULARY = ROOT / "policies/privacy/vocabulary/data.yaml"
# What stops the start has no caller, and what others are derived from is not raised itself.
NEVER_ANSWERED = {
    errors.SidecarError,
    errors.EngineError,
    errors.SettingsError,
    errors.MissingPart,
}


def _errors(root: type[SidecarError] = SidecarError) -> Iterator[type[SidecarError]]:
    yield root
    for below in root.__subclasses__():
        yield from _errors(below)


def _listed(column: str) -> list[str]:
    return [row[column].strip("`") for row in table(PAGE, column)]


def test_every_error_has_a_row():
    """
    The table of errors has each code that a caller can get, with its status, and no other.
    """
    answered = {error.code: error.status for error in set(_errors()) - NEVER_ANSWERED}
    rows = {row["`code`"].strip("`"): int(row["status"]) for row in table(PAGE, "`code`")}
    wrong = [
        *(
            f"docs/decisions.md does not say what to do about `{code}` ({answered[code]}): "
            "add a row to its table of errors"
            for code in sorted(answered.keys() - rows.keys())
        ),
        *(
            f"docs/decisions.md has a row for `{code}`, which no caller gets: take it out"
            for code in sorted(rows.keys() - answered.keys())
        ),
        *(
            f"docs/decisions.md says {rows[code]} of `{code}`: it is {answered[code]}"
            for code in sorted(answered.keys() & rows.keys())
            if rows[code] != answered[code]
        ),
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("column", "terms"),
    [("`reason`", "reasons"), ("obligation", "obligations"), ("record", "records")],
)
def test_every_term_of_an_answer_has_a_row(column: str, terms: str):
    """
    The page says what to do about each reason, obligation and record of the vocabulary.
    """
    vocabulary = yaml.safe_load(VOCABULARY.read_text("utf-8"))

    assert sorted(_listed(column)) == sorted(vocabulary[terms])


@pytest.mark.parametrize("column", ["`code`", "`reason`", "obligation", "record"])
def test_no_row_stands_twice(column: str):
    """
    What a reader finds first is all that there is.
    """
    listed = _listed(column)

    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("row", table(PAGE, "`code`"), ids=lambda row: row["`code`"].strip("`"))
def test_every_error_says_when_and_what_to_do(row: dict[str, str]):
    """
    No row is left half written.
    """
    assert row["when"] and row["do"]
