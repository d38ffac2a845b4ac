"""
`GET /openapi.json`: the API's description.
"""

from functools import cache
from importlib.resources import files

import msgspec
import yaml
from flask import Response


@cache
def description() -> bytes:
    """
    The OpenAPI document, as JSON.
    """
    text = files("sidecar.api").joinpath("openapi.yaml").read_text("utf-8")
    return msgspec.json.encode(yaml.safe_load(text))


def openapi() -> Response:
    """
    Answer with the document.
    """
    return Response(description(), content_type="application/json")
