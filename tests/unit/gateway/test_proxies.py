"""
sidecar.gateway.proxies: the original request, as each proxy tells of it.
"""

from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from sidecar.errors import PathAmbiguous
from sidecar.gateway.proxies import METHODS, TARGETS, Original, original
from sidecar.gateway.settings import PROXIES

TOLD = {
    "nginx": {"X-Original-URI": "/a?b=1", "X-Original-Method": "PATCH"},
    "traefik": {"X-Forwarded-Uri": "/a?b=1", "X-Forwarded-Method": "PATCH"},
    "caddy": {"X-Forwarded-Uri": "/a?b=1", "X-Forwarded-Method": "PATCH"},
}


def _request(line: str, headers: Any = (), method: str = "GET") -> Request:
    environ = EnvironBuilder("/", method=method, headers=headers).get_environ()
    return Request({**environ, "RAW_URI": line})


def _told(proxy: str, **more: str) -> Original:
    if proxy == "envoy":
        return original(_request("/forward-auth/a?b=1", more, "PATCH"), proxy)
    return original(_request("/forward-auth", TOLD[proxy] | more), proxy)


@pytest.mark.parametrize("proxy", PROXIES)
def test_each_proxy_is_understood(proxy: str):
    """
    Method and target are those of the original request, the target as it was sent.
    """
    assert _told(proxy) == Original("PATCH", "/a?b=1")


@pytest.mark.parametrize(
    ("proxy", "name"),
    [
        (proxy, name)
        for proxy in PROXIES
        for name in (*TARGETS, *METHODS)
        if name not in TOLD.get(proxy, ())
    ],
)
def test_another_word_on_the_request_is_refused(proxy: str, name: str):
    """
    A header by which some server reads another path or method is refused, whichever proxy asks; one
    that says the same is not.
    """
    same = "/a?b=1" if name in TARGETS else "PATCH"

    assert _told(proxy, **{name: same}) == Original("PATCH", "/a?b=1")
    for other in ("/b", "DELETE", ""):
        with pytest.raises(PathAmbiguous):
            _told(proxy, **{name: other})


@pytest.mark.parametrize("proxy", TOLD)
@pytest.mark.parametrize("missing", [0, 1])
def test_a_proxy_that_tells_half_is_refused(proxy: str, missing: int):
    """
    Without the target, or without the method, nothing is decided.
    """
    told = dict(TOLD[proxy])
    del told[list(told)[missing]]

    with pytest.raises(PathAmbiguous):
        original(_request("/forward-auth", told), proxy)


@pytest.mark.parametrize("proxy", TOLD)
@pytest.mark.parametrize(
    "target", ["/a,/b", "/a, /b", "/a,b", "/a?x=1,/b", "/a?x=1,http://upstream/b"]
)
def test_a_header_that_may_have_stood_twice_is_refused(proxy: str, target: str):
    """
    Values that are joined by a comma are not taken for one.
    """
    told = TOLD[proxy] | {next(iter(TOLD[proxy])): target}

    with pytest.raises(PathAmbiguous):
        original(_request("/forward-auth", told), proxy)


@pytest.mark.parametrize(
    ("name", "value"), [("X-Original-URI", "/b"), ("X-Original-Method", "PUT")]
)
def test_a_header_that_stands_twice_is_refused(name: str, value: str):
    """
    The same header twice says nothing, whichever comes first.
    """
    told = list(TOLD["nginx"].items())

    for headers in ([*told, (name, value)], [(name, value), *told]):
        with pytest.raises(PathAmbiguous):
            original(_request("/forward-auth", headers), "nginx")


@pytest.mark.parametrize("proxy", TOLD)
@pytest.mark.parametrize("line", ["/forward-auth/b", "/forward-auth/b?c", "/forward-auth/"])
def test_a_target_in_the_request_line_is_not_for_these(proxy: str, line: str):
    """
    Proxies that tell the target in a header ask with no other one.
    """
    with pytest.raises(PathAmbiguous):
        original(_request(line, TOLD[proxy]), proxy)


@pytest.mark.parametrize("query", ["?", "?page=2", "?/b"])
def test_a_query_in_the_request_line_is_for_caddy_alone(query: str):
    """
    Caddy appends the client's query to the address that it asks; the target is in the header.
    """
    line = f"/forward-auth{query}"

    told = original(_request(line, TOLD["caddy"]), "caddy")

    assert told == Original("PATCH", "/a?b=1")
    for proxy in ("nginx", "traefik"):
        with pytest.raises(PathAmbiguous):
            original(_request(line, TOLD[proxy]), proxy)


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("line", ["http://s/forward-auth/a", "/%66orward-auth/a", "", "/a"])
def test_an_endpoint_that_is_written_otherwise_is_refused(proxy: str, line: str):
    """
    Where the target begins is clear only behind the endpoint's own path.
    """
    with pytest.raises(PathAmbiguous):
        original(_request(line, TOLD.get(proxy, {})), proxy)
