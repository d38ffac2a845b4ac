"""
The path that is decided on is the path that is served.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.gateway import paths
from sidecar.gateway.routes import Routes
from tests.proxies import settings
from tests.proxies.gateway import Gateway

WAYS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "gateway" / "paths.yaml").read_text("utf-8")
)
ROUTES = Routes.read(settings.ROUTES)


@pytest.mark.parametrize("way", [pytest.param(way, id=way["sent"]) for way in WAYS])
def test_what_is_served_is_what_was_permitted(gateway: Gateway, way):
    """
    However a path is written: the upstream gets what the sidecar was asked about, character by
    character, and as it stands there it is on a route; or it gets nothing.
    """
    request = f"GET {way['sent']} HTTP/1.1\r\nHost: served.example\r\n\r\n"

    gateway.proxy.send(request.encode("latin-1"))

    for reached in gateway.reached():
        assert [reached.target] == gateway.decided()
        assert reached.method == "GET"
        ROUTES.route("GET", paths.segments(reached.target))


@pytest.mark.parametrize(
    "way", [pytest.param(way, id=way["sent"]) for way in WAYS if way["is"].startswith("GET ")]
)
def test_what_has_one_reading_is_served(gateway: Gateway, way):
    """
    Nor does a proxy refuse paths that are read in one way only.
    """
    answer = gateway.ask("GET", way["sent"])

    assert answer.status == 200
    [reached] = gateway.reached()
    assert paths.segments(reached.target) == paths.segments(way["sent"])
