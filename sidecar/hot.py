"""
The shortest way from a connection to an answer and back: for requests that ask for a decision, that
are there as a whole, and whose head is an ordinary one. Whatever is not like that is gunicorn's.

It ends where the longer way does, in what stands before the endpoints: what is checked, decided,
recorded and counted is the same.
"""

import io
import time
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from gunicorn import SERVER
from gunicorn.util import http_date

from sidecar.api.front import Soon
from sidecar.api.request import Reply, Rest, finished
from sidecar.heads import Heads

_END: Final = b"\r\n\r\n"
_AT_ONCE: Final = 65_536


Written = tuple[bytes, bytes]
"""
An answer's head and its body, as they are sent.
"""


class Taken(NamedTuple):
    """
    A request that was taken.

    Attributes:
        answer: The answer, as it is sent; None where something is to be waited for.

        finish: Waits for that, and writes the answer; it is told whether the connection stays.
    """

    answer: Written | None
    finish: Callable[[bool], Written]


class Hot:
    """
    Takes requests.

    Args:
        cfg: gunicorn's settings.

        soon: Answers what need not wait.

        paths: Where it is asked.
    """

    def __init__(self, cfg: Any, soon: Soon, paths: Iterable[str]) -> None:
        self._soon = soon
        self._heads = Heads(cfg, [f"POST {path} HTTP/1.1\r\n".encode() for path in paths])

    def take(self, connection: Any) -> Taken | None:
        """
        Receive a request and answer it, without waiting for anything.

        Args:
            connection: Where something has come in, as gunicorn has it.

        Returns:
            None where gunicorn is to answer: it finds what was received.

        Raises:
            BlockingIOError: Nothing has come in after all.
            OSError: The connection is broken.
        """
        received = connection.sock.recv_now(_AT_ONCE)
        taken = self._taken(received, connection)
        if taken is None:
            connection.parser.unreader.unread(received)
        return taken

    def _taken(self, received: bytes, connection: Any) -> Taken | None:
        start = received.find(_END) + len(_END)
        environ = self._heads.find(received[:start], connection) if start >= len(_END) else None
        # What breaks off, and what is followed by more, takes the longer way.
        if environ is None or int(environ["CONTENT_LENGTH"]) != len(received) - start:
            return None
        environ["wsgi.input"] = io.BytesIO(received[start:])
        environ["gunicorn.socket"] = connection.sock
        host, port, *_ = connection.client
        environ["REMOTE_ADDR"] = host
        environ["REMOTE_PORT"] = str(port)
        # What is left to do belongs to the same request.
        context = copy_context()
        got = context.run(self._soon, environ)
        if got is None:
            return None
        answer = written(got, keep=True) if isinstance(got, Reply) else None
        return Taken(answer, partial(_finished, context, got))


def _finished(context: Context, got: Reply | Rest, keep: bool) -> Written:
    return written(context.run(finished, got), keep=keep)


def written(reply: Reply, *, keep: bool) -> Written:
    """
    Write a reply as gunicorn does.

    Args:
        reply: The reply, its length among its headers.

        keep: Whether the connection stays.
    """
    headers = "".join([f"{name}: {value}\r\n" for name, value in reply.headers.items()])
    date = _date(int(time.time()))
    connection = "keep-alive" if keep else "close"
    head = (
        f"HTTP/1.1 {reply.line}\r\nServer: {SERVER}\r\nDate: {date}\r\n"
        f"Connection: {connection}\r\n{headers}\r\n"
    )
    return head.encode("latin-1"), reply.body


@lru_cache(maxsize=2)
def _date(seconds: int) -> str:
    return str(http_date(seconds))
