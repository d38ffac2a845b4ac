"""
Answers that a store seldom gives: many pages, errors, and what is no S3 at all. That a real one is
understood, is tested in tests/s3.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import SettingsError
from sidecar.records.bucket import Bucket
from tests.fakes import OddServer, http_answer

_PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult><Name>b</Name><IsTruncated>{more}</IsTruncated>{next}{objects}</ListBucketResult>
"""
_OBJECT = "<Contents><Key>{}</Key><Size>{}</Size></Contents>"


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> Callable[[OddServer], None]:
    """
    Make a server the store that the environment names.
    """

    def at(server: OddServer) -> None:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "only for tests",
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            monkeypatch.setenv(name, value)

    return at


def _xml(text: str, status: str = "200 OK") -> bytes:
    return http_answer(text, status, "application/xml")


def test_all_pages_of_a_list_are_read(speaking: Callable[[OddServer], None]):
    """
    However many there are; what only begins alike is not below the prefix.
    """
    first = _OBJECT.format("r/a.jsonl", 1) + _OBJECT.format("r2/b.jsonl", 2)
    pages = {
        False: _PAGE.format(
            more="true", next="<NextContinuationToken>t</NextContinuationToken>", objects=first
        ),
        True: _PAGE.format(more="false", next="", objects=_OBJECT.format("r/c.jsonl", 3)),
    }

    with OddServer(lambda request: _xml(pages[b"continuation-token=t" in request])) as server:
        speaking(server)
        sizes = Bucket("s3://b/r/").sizes()

    assert sizes == {"r/a.jsonl": 1, "r/c.jsonl": 3}
    assert len(server.requests) == 2


def test_an_empty_list_is_one(speaking: Callable[[OddServer], None]):
    """
    Of a bucket without objects.
    """
    with OddServer(lambda _: _xml(_PAGE.format(more="false", next="", objects=""))) as server:
        speaking(server)

        assert Bucket("s3://b").sizes() == {}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            _xml("<Error><Code>AccessDenied</Code></Error>", "403 Forbidden"),
            "the store says AccessDenied",
        ),
        (_xml("<Error><Code>SlowDown</Code></Error>", "503 Slow Down"), "the store says SlowDown"),
        (_xml("<html>", "200 OK"), "the store says 500"),
        (None, "ConnectionClosedError"),
    ],
    ids=["denied", "busy", "page", "closed"],
)
def test_an_error_of_the_store_is_said(
    speaking: Callable[[OddServer], None], tmp_path: Path, answer: bytes | None, says: str
):
    """
    With its address and the store's word for it, and nothing else of what the store sent.
    """
    with OddServer(lambda _: answer) as server:
        speaking(server)
        bucket = Bucket("s3://b/r")

        with pytest.raises(SettingsError, match=f"^s3://b/r cannot be read: {says}$"):
            bucket.sizes()


def test_an_object_that_is_gone_is_said(speaking: Callable[[OddServer], None], tmp_path: Path):
    """
    It may have been deleted since it was listed.
    """
    with OddServer(lambda _: http_answer(b"", "404 Not Found")) as server:
        speaking(server)

        with pytest.raises(SettingsError, match=r"^s3://b cannot be read: the store says 404$"):
            Bucket("s3://b").fetch("r/a.jsonl", tmp_path / "a")
