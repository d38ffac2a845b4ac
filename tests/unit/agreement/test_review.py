"""
Comparing a text with the registry.
"""

import pytest

from sidecar.agreement.review import Registry, RegistryMalformed, Review, review
from sidecar.agreement.text import sections

TEXT = "1. Books\n\nBooks are lent.\n\n1.1 How long\n\nFour weeks.\n\n2. Fees\n\nNone.\n"


def _registry(text: str = TEXT) -> Registry:
    """
    A registry that was reviewed against the text, with a clause "<section>-x" for each section.
    """
    found = sections(text)
    return Registry(
        {number: section.sha256 for number, section in found.items()},
        {f"{number}-x": (number, section.sha256) for number, section in found.items()},
    )


def test_the_same_text_puts_nothing_up_for_review():
    """
    A text that was reviewed as it stands gives an empty, false review.
    """
    unchanged = review(sections(TEXT), _registry())

    assert unchanged == Review((), (), (), ())
    assert not unchanged


def test_a_changed_section_puts_its_clauses_up_for_review():
    """
    Only the clauses of the section whose words changed are up for review.
    """
    changed = review(sections(TEXT.replace("Four", "Six")), _registry())

    assert changed == Review(changed=("1.1",), new=(), gone=(), clauses=("1.1-x",))
    assert changed


def test_a_section_that_is_gone_puts_its_clauses_up_for_review():
    """
    A clause whose section the text no longer has is up for review.
    """
    gone = review(sections(TEXT.split("2. Fees")[0]), _registry())

    assert gone == Review(changed=(), new=(), gone=("2",), clauses=("2-x",))


def test_a_new_section_is_up_for_review():
    """
    A section that the registry does not know is up for review, though it has no clause yet.
    """
    new = review(sections(TEXT + "\n3. Cats\n\nAre welcome.\n"), _registry())

    assert new == Review(changed=(), new=("3",), gone=(), clauses=())
    assert new


def test_a_clause_that_lags_behind_its_section_is_up_for_review():
    """
    Where the registry has the new text's digest and the clause an older one, the clause is named.
    """
    lagging = Registry(_registry().sections, {"2-x": ("2", "older")})

    assert review(sections(TEXT), lagging) == Review((), (), (), ("2-x",))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "sections must be a mapping"),
        ({"sections": []}, "sections must be a mapping"),
        ({"sections": {}}, "clauses must be a mapping"),
        ({"sections": {1.1: {}}, "clauses": {}}, "sections must have names in quotes, got 1.1"),
        ({"sections": {"1": "x"}, "clauses": {}}, "sections.1 must be a mapping"),
        ({"sections": {"1": {}}, "clauses": {}}, "sections.1.sha256 must be text"),
        ({"sections": {}, "clauses": {"1-x": {}}}, "clauses.1-x.section must be text"),
        (
            {"sections": {}, "clauses": {"1-x": {"section": "1", "reviewed": 7}}},
            "clauses.1-x.reviewed must be text",
        ),
    ],
)
def test_a_registry_of_another_shape_is_refused(document, message):
    """
    What is absent or of a wrong type is named.
    """
    with pytest.raises(RegistryMalformed) as refused:
        Registry.from_document(document)

    assert str(refused.value) == message


def test_a_registry_is_read():
    """
    Digests and reviewed digests are read; the rest of the document is left alone.
    """
    document = {
        "version": "1",
        "sections": {"1": {"title": "Books", "sha256": "a"}},
        "clauses": {"1-x": {"section": "1", "says": "Books.", "reviewed": "b"}},
    }

    assert Registry.from_document(document) == Registry({"1": "a"}, {"1-x": ("1", "b")})
