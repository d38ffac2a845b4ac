"""
What every endpoint that decides has in common: the request's body, its names, and its answer.
"""

from typing import Any

import msgspec
from flask import Request, Response

from sidecar.api import parse
from sidecar.errors import BodyTooLarge, MalformedJson
from sidecar.settings import Limits

encode = msgspec.json.Encoder().encode


def read(request: Request, limits: Limits) -> parse.Object:
    """
    Read a request's body, within its limits.

    Raises:
        BodyTooLarge: It is larger than is taken.
        RequestError: It is not what the standard asks for.
    """
    length = request.content_length
    if length is not None and length > limits.body_bytes:
        raise BodyTooLarge()
    # A body without a length is read up to the limit, and no further.
    try:
        content = request.stream.read(limits.body_bytes + 1)
    except Exception as broken:
        # Whatever the server makes of a body that breaks off, or is not in chunks as it says.
        raise MalformedJson() from broken
    if len(content) > limits.body_bytes:
        raise BodyTooLarge()
    return parse.body(request.headers.get("Content-Type"), content, limits.nesting)


def answered(value: Any, decision_id: str | None = None, status: int = 200) -> Response:
    """
    Make a response of a value.
    """
    response = Response(encode(value), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if decision_id is not None:
        response.headers["X-Decision-ID"] = decision_id
    return response
