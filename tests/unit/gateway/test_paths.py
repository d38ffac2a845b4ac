"""
sidecar.gateway.paths, by the ways to write a path in tests/gateway/paths.yaml.
"""

from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import PathAmbiguous, RequestError
from sidecar.gateway import paths
from sidecar.gateway.routes import Routes

GATEWAY = Path(__file__).parents[2] / "gateway"
TABLE = Routes.read(GATEWAY.parents[1] / "deploy" / "proxies" / "routes.yaml")
WAYS = yaml.safe_load((GATEWAY / "paths.yaml").read_text("utf-8"))

# What paths are smuggled with, beside any text.
PIECES = st.sampled_from(
    [
        *(
            "/",
            "//",
            ".",
            "..",
            "%2e",
            "%2F",
            "%5c",
            "\\",
            ";",
            "?",
            "#",
            "%",
            "%25",
            "%00",
            "%c0%af",
        ),
        *("customers", "invoices", "%69nvoices", "acme", "a b", "\u2025", "%EF%BC%8E", " ", ","),
    ]
)


@pytest.mark.parametrize("way", WAYS, ids=[way["sent"] for way in WAYS])
def test_a_path_is_on_its_route_or_refused(way: dict[str, str]):
    """
    Each way to write a path has the one outcome that the table says.
    """
    try:
        became = str(TABLE.route("GET", paths.segments(way["sent"])))
    except RequestError as wrong:
        became = wrong.code

    assert became == way["is"], way["why"]


def test_there_are_ways_enough():
    """
    At least 40 of them are refused, and no way stands twice.
    """
    sent = [way["sent"] for way in WAYS]

    assert len(set(sent)) == len(sent)
    assert sum(way["is"] == "path_ambiguous" for way in WAYS) >= 40


def test_a_path_that_is_too_long_is_refused():
    """
    The longest path there may be is read, one more character is not.
    """
    longest = "/" + "a" * (paths.LONGEST - 1)

    assert paths.segments(longest) == (longest[1:],)
    with pytest.raises(PathAmbiguous):
        paths.segments(longest + "a")


@given(st.lists(PIECES | st.text(max_size=3), max_size=9).map("".join))
def test_what_is_read_has_one_reading(target: str):
    """
    What is not refused reads the same once more, and whoever decodes it, before or after splitting
    it, merges slashes or removes dot segments, comes to the same segments.
    """
    with suppress(PathAmbiguous):
        read = paths.segments(target)
        path = target.partition("?")[0]

        assert paths.segments("/" + "/".join(quote(each) for each in read)) == read
        assert tuple(unquote(path)[1:].split("/")) == read
        assert not {".", ".."} & set(read)
        assert "" not in read[:-1]
        assert unquote(unquote(path)) == unquote(path)


@given(st.text(max_size=12))
def test_any_name_is_read_as_it_is_or_refused(name: str):
    """
    A segment of any text, encoded, is that text or refused: it is never another one.
    """
    with suppress(PathAmbiguous):
        read = paths.segments(f"/customers/{quote(name, safe='')}/invoices")

        assert read == ("customers", name, "invoices")
