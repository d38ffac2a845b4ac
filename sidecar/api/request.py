"""
What every endpoint that decides has in common: the request's body, its names, and its answer.

Such an endpoint takes a request as WSGI has it and gives a `Reply`, so that it does not matter
whether Flask or the server calls it. Where it would have to wait, it gives what is left to do: who
called it may have somebody else wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from flask import Response
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.sansio.utils import get_content_length
from werkzeug.wsgi import get_input_stream

from sidecar.api import parse
from sidecar.errors import BodyTooLarge, MalformedJson
from sidecar.settings import Limits

Environ = dict[str, Any]

_LINES: Final = {code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items()}

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Reply:
    """
    What a request is answered with.

    Attributes:
        body: The body, JSON as a rule.

        status: The status.

        headers: The headers by their names, beside the length.
    """

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """
        The status as WSGI has it.
        """
        return _LINES[self.status]

    def response(self) -> Response:
        """
        Make the same of Flask.
        """
        return Response(self.body, self.status, self.headers)


Rest = Callable[[], Reply]
"""
What is left to do for a reply, where that may have to wait: for OPA, or for a disk.
"""

Endpoint = Callable[[Environ], Reply | Rest]


def finished(got: Reply | Rest) -> Reply:
    """
    Do what is left to do, and wait for it.
    """
    return got if isinstance(got, Reply) else got()


def read(
    environ: Environ,
    limits: Limits,
    parsed: Callable[[str | None, bytes, int], parse.Object] = parse.body,
) -> parse.Object:
    """
    Read a request's body, within its limits.

    Args:
        environ: The request.

        limits: The limits.

        parsed: Reads it.

    Raises:
        BodyTooLarge: It is larger than is taken.
        RequestError: It is not what the standard asks for.
    """
    length = get_content_length(
        environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING")
    )
    if length is not None and length > limits.body_bytes:
        raise BodyTooLarge()
    # A body without a length is read up to the limit, and no further.
    try:
        content = get_input_stream(environ).read(limits.body_bytes + 1)
    except Exception as broken:
        # Whatever the server makes of a body that breaks off, or is not in chunks as it says.
        raise MalformedJson() from broken
    if len(content) > limits.body_bytes:
        raise BodyTooLarge()
    return parsed(environ.get("CONTENT_TYPE"), content, limits.nesting)


def reply(value: Any, decision_id: str | None = None, status: int = 200) -> Reply:
    """
    Make a reply of a value.
    """
    return told(encode(value), decision_id, status)


def told(body: bytes, decision_id: str | None = None, status: int = 200) -> Reply:
    """
    Make a reply of a body that is JSON already.
    """
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if decision_id is not None:
        headers["X-Decision-ID"] = decision_id
    return Reply(body, status, headers)


def answered(value: Any, status: int = 200) -> Response:
    """
    Make a response of Flask's of a value.
    """
    return reply(value, status=status).response()


def header(environ: Mapping[str, Any], name: str) -> str | None:
    """
    Look up a header, by its name as WSGI has it, such as `X_REQUEST_ID`.
    """
    value: str | None = environ.get(f"HTTP_{name}")
    return value
