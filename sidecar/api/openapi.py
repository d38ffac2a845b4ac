"""
`GET /openapi.json`: the API's description.
"""

from importlib.resources import files

import msgspec
import yaml
from flask import Response

from sidecar.settings import Limits


class OpenApiEndpoint:
    """
    Answers with the OpenAPI document, true to what is set.

    Args:
        limits: How much a request may ask for.
    """

    def __init__(self, limits: Limits) -> None:
        text = files("sidecar.api").joinpath("openapi.yaml").read_text("utf-8")
        document = yaml.safe_load(text)
        schemas = document["components"]["schemas"]
        schemas["Evaluations"]["properties"]["evaluations"]["maxItems"] = limits.evaluations
        self._document = msgspec.json.encode(document)

    def __call__(self) -> Response:
        """
        Answer.
        """
        return Response(self._document, content_type="application/json")
