"""
Splitting a numbered text into its sections.
"""

import pytest

from sidecar.agreement.text import sections

LIBRARY = """\
Rules of the village library

In force since May.

1.   Books

Books are lent to members.

1.1 How long

A loan ends after
4 weeks.   It may be renewed
1.2 times on average.

2.   Fees
2.1 None

There are none.

2.10. Exceptions

Lost books are paid for.

Top of page
"""


def test_headings_split_the_text():
    """
    Each heading, of any level, begins a section of its own, in the text's order.
    """
    found = [(section.number, section.title) for section in sections(LIBRARY).values()]

    assert found == [
        ("1", "Books"),
        ("1.1", "How long"),
        ("2", "Fees"),
        ("2.1", "None"),
        ("2.10", "Exceptions"),
    ]


def test_a_section_holds_its_own_text_alone():
    """
    A section's text ends at the next heading, be it a subsection's.
    """
    assert sections(LIBRARY)["1"].text == "Books are lent to members."


def test_a_number_inside_a_paragraph_is_text():
    """
    A line that begins with a number in the middle of a paragraph is no heading.
    """
    expected = "A loan ends after 4 weeks. It may be renewed 1.2 times on average."

    assert sections(LIBRARY)["1.1"].text == expected


def test_a_heading_may_follow_a_heading():
    """
    A section with no text of its own is a section all the same.
    """
    assert sections(LIBRARY)["2"].text == ""


def test_what_follows_the_last_heading_belongs_to_it():
    """
    A page's closing line counts as text: leaving it out could hide a change.
    """
    assert sections(LIBRARY)["2.10"].text == "Lost books are paid for. Top of page"


@pytest.mark.parametrize(
    "line",
    [
        "4 weeks at most.",
        "1. Numbers do not go back",
        "1.1 Nor do they stand still",
        "1.2.",
        "12345.1 Nor run away",
        "Section 2. Nor hide",
    ],
)
def test_a_line_that_only_looks_like_a_heading_is_text(line):
    """
    A bare number, one that does not follow the last heading's, or one with no title, is text.
    """
    text = f"1. Books\n\n1.1 How long\n\n{line}\n"

    assert list(sections(text)) == ["1", "1.1"]
    assert sections(text)["1.1"].text == line


def test_numbers_follow_as_numbers():
    """
    2.10 comes after 2.9, although the text "2.10" sorts before "2.9".
    """
    assert list(sections("2.9 Nine\n\n2.10 Ten\n")) == ["2.9", "2.10"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace(" ", "   "),
        lambda text: text.replace("lent to", "lent\u00a0to"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("1.   Books", "1.\tBooks"),
    ],
)
def test_white_space_does_not_count(change):
    """
    Two copies that differ in white space or line ends alone have the same digests.
    """
    assert sections(change(LIBRARY)) == sections(LIBRARY)


@pytest.mark.parametrize(
    ("old", "new"), [("members", "everyone"), ("Books are", "books are"), ("Books\n", "Loans\n")]
)
def test_every_word_counts(old, new):
    """
    Another word, another case or another title is another digest, of that section only.
    """
    before, after = sections(LIBRARY), sections(LIBRARY.replace(old, new, 1))

    assert [n for n in before if before[n].sha256 != after[n].sha256] == ["1"]


def test_no_heading_no_section():
    """
    A text with no numbered heading has no sections.
    """
    assert sections("Just a letter.\n\n4 weeks ago.\n") == {}
