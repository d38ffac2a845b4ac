"""
sidecar.engine.reader: answers, however they come.
"""

import gzip

import pytest
from httptools import HttpParserError
from urllib3.exceptions import DecodeError

from sidecar.engine.reader import Reader, Received
from tests.fakes import http_answer

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"1\r\n{\r\n10\r\n" + b" " * 15 + b"}\r\n0\r\n\r\n"
)


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_answers_are_read_in_whatever_parts_they_come(at_once: int):
    """
    One after the other, with a length or in chunks, and each is done with its last byte.
    """
    reader = Reader()
    bodies = []
    for answer in (http_answer("{ }"), CHUNKED, http_answer("", "204 No Content"), CHUNKED):
        reader.expect()
        for start in range(0, len(answer), at_once):
            assert not reader.done
            reader.feed(answer[start : start + at_once])
        assert reader.done and reader.keeps
        bodies.append(reader.received().body)

    chunked = b"{" + b" " * 15 + b"}"
    assert bodies == [b"{ }", chunked, b"", chunked]


def test_what_is_told_of_an_answer():
    """
    Its status, its headers whatever their letters, and its body.
    """
    reader = Reader()
    reader.feed(b"HTTP/1.1 302 Found\r\nLOCATION: /a\r\nContent-Length: 1\r\n\r\n-")

    expected = {b"location": b"/a", b"content-length": b"1"}
    assert reader.received() == Received(302, expected, b"-")


@pytest.mark.parametrize("more", [http_answer("{}"), b"HTTP", b"}"])
def test_a_second_answer_is_refused(more: bytes):
    """
    What nobody asked for is not left for the next question, be it in the same packet or later.
    """
    for together in (True, False):
        reader = Reader()
        with pytest.raises(HttpParserError):
            if together:
                reader.feed(http_answer("{}") + more)
            reader.feed(http_answer("{}"))
            reader.feed(more)


@pytest.mark.parametrize(
    "answer",
    [
        http_answer("{}", extra="Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
    ],
)
def test_not_every_connection_is_kept(answer: bytes):
    """
    It is not where the other side says so, nor where it has yet to say the rest.
    """
    reader = Reader()
    reader.feed(answer)

    assert reader.done and not reader.keeps


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n{", True),
        (b"HTTP/1.1 200 OK\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{", False),
    ],
)
def test_an_answer_without_a_length_ends_with_its_connection(answer: bytes, ends: bool):
    """
    Every other one that is not done yet was broken off.
    """
    reader = Reader()
    reader.feed(answer)

    assert not reader.done
    assert reader.ends_with_connection() is ends


def test_what_is_compressed_is_decoded():
    """
    Nobody asked for it, and it can be read all the same; what only claims to be, is an error.
    """
    reader = Reader()
    reader.feed(http_answer(gzip.compress(b"{}"), extra="Content-Encoding: gzip\r\n"))
    assert reader.received().body == b"{}"

    reader.expect()
    reader.feed(http_answer("{}", extra="Content-Encoding: gzip\r\n"))
    with pytest.raises(DecodeError):
        reader.received()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused(answer: bytes):
    """
    So is what can be read in two ways.
    """
    with pytest.raises(HttpParserError):
        Reader().feed(answer)
