"""
What the README and the pages show is what happens.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.pages import asked_and_answered, blocks, cut, run, same_each_time
from tests.e2e.serve import ROOT, serving

README = ROOT / "README.md"
DECISIONS = ROOT / "docs/decisions.md"
OWN_BUNDLE = ROOT / "docs/bring-your-own-bundle.md"


@pytest.fixture(scope="module")
def agreement() -> Iterator[str]:
    """
    A sidecar started as the README says.
    """
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def own_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The folder that docs/bring-your-own-bundle.md spells out.
    """
    root = tmp_path_factory.mktemp("own")
    for block in blocks(OWN_BUNDLE):
        if block.file:
            (root / block.file).parent.mkdir(parents=True, exist_ok=True)
            (root / block.file).write_text(block.text, "utf-8")
    return root / "library"


@pytest.fixture(scope="module")
def own(own_bundle: Path) -> Iterator[str]:
    """
    A sidecar that serves that folder.
    """
    with serving(SIDECAR_BUNDLE=str(own_bundle)) as address:
        yield address


def test_the_readme_answers_as_it_says(agreement):
    """
    The README's requests, run against a sidecar started as it says, give the README's answers.
    """
    shown = asked_and_answered(README)
    answers = [run(command, agreement) for command, _ in shown]

    assert shown
    assert [same_each_time(answer) for answer in answers] == [
        same_each_time(expected) for _, expected in shown
    ]


def test_decisions_are_what_their_page_shows(agreement):
    """
    Each request of docs/decisions.md gives the answer that stands there, as far as it stands there.
    """
    shown = asked_and_answered(DECISIONS)
    answers = [run(command, agreement) for command, _ in shown]

    # There is no block that is neither asked nor compared.
    assert len(shown) * 2 == len(blocks(DECISIONS))
    assert [
        cut(answer, expected) for answer, (_, expected) in zip(answers, shown, strict=True)
    ] == [expected for _, expected in shown]


def test_a_bundle_of_ten_lines_is_served(own):
    """
    The sample of docs/bring-your-own-bundle.md, served as it stands, answers as the page says.
    """
    shown = asked_and_answered(OWN_BUNDLE)

    assert shown
    assert [run(command, own) for command, _ in shown] == [expected for _, expected in shown]


def test_a_bundle_of_ten_lines_refuses(own):
    """
    A plain boolean can refuse, too: somebody who is no member may not borrow.
    """
    command, _ = asked_and_answered(OWN_BUNDLE)[0]

    assert run(command.replace('"member": true', '"member": false'), own) == {"decision": False}


def test_the_sample_has_ten_lines(own_bundle):
    """
    What the page calls ten lines is no more than that, blank lines aside.
    """
    files = [file for file in own_bundle.rglob("*") if file.is_file()]
    lines = [line for file in files for line in file.read_text("utf-8").splitlines() if line]

    assert len(lines) <= 10
