"""
Reads what OPA answers, one answer after the other.
"""

from io import BytesIO
from typing import Final, NamedTuple

from httptools import HttpResponseParser
from urllib3 import HTTPResponse

# Where one of them stands, an answer says itself where it ends.
_LENGTHS: Final = frozenset({b"content-length", b"transfer-encoding"})


class Received(NamedTuple):
    """
    What was answered.

    Attributes:
        status: The HTTP status.

        headers: The headers, by their names in small letters.

        body: The body, decoded.
    """

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Reader:
    """
    Reads the answers that come over one connection. The parser is llhttp's, in C.

    Attributes:
        done: Whether the answer has come as a whole.

        keeps: Whether the other side keeps the connection after it.
    """

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.expect()

    def expect(self) -> None:
        """
        Begin another answer.
        """
        self.done = self.keeps = self._headed = False
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """
        Read on.

        Raises:
            httptools.HttpParserError: It is no HTTP, or more than one answer.
            httptools.HttpParserUpgrade: What follows is to be no HTTP.
        """
        self._parser.feed_data(data)

    def ends_with_connection(self) -> bool:
        """
        Whether nothing else than the connection's end tells where the answer ends.
        """
        return self._headed and not _LENGTHS & self._headers.keys()

    def received(self) -> Received:
        """
        Return the answer. What is compressed, though nobody asked for it, is decoded by urllib3.

        Raises:
            urllib3.exceptions.DecodeError: It cannot be decoded.
        """
        body = b"".join(self._body)
        if encoding := self._headers.get(b"content-encoding"):
            how = {"Content-Encoding": encoding.decode("latin-1")}
            body = HTTPResponse(BytesIO(body), how).data
        return Received(self._status, self._headers, body)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """
        Refuse an answer that nobody asked for: the next question would take it for its own.
        """
        if self.done:
            raise ValueError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        Take a header.
        """
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """
        Look at what is known only now.
        """
        self._headed = True
        self._status = self._parser.get_status_code()
        # Whoever announces another answer instead of giving one is not waited for.
        self.keeps = self._status >= 200 and self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        """
        Take a part of the body.
        """
        self._body.append(part)

    def on_message_complete(self) -> None:
        """
        Have it all.
        """
        self.done = True
