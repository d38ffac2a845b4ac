"""
What a proxy does where there is no decision.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.serve import alive, free_port
from tests.proxies.recording import Upstream, upstream
from tests.proxies.servers import NAMES, proxy_running
from tests.proxies.settings import config

PERMITTED = ("GET", "/customers/acme/invoices")
WITHOUT_A_SIDECAR = {"nginx": 500, "traefik": 500, "caddy": 502, "envoy": 503}
WITHOUT_OPA = {"nginx": 500, "traefik": 503, "caddy": 503, "envoy": 503}


@pytest.fixture
def behind() -> Iterator[Upstream]:
    """
    What a proxy protects.
    """
    with upstream() as running:
        yield running


@pytest.mark.parametrize("name", NAMES)
def test_without_a_sidecar_nothing_is_served(name, behind: Upstream, tmp_path):
    """
    5xx where nobody listens, and the upstream hears nothing.
    """
    with proxy_running(name, tmp_path, free_port(), behind.port) as proxy:
        answer = proxy.ask(*PERMITTED)

    assert answer.status == WITHOUT_A_SIDECAR[name]
    assert behind.received == []


@pytest.mark.parametrize("name", NAMES)
def test_without_opa_nothing_is_served(name, behind: Upstream, tmp_path):
    """
    5xx where the sidecar has nobody to ask, and the upstream hears nothing.
    """
    nobody = f"http://127.0.0.1:{free_port()}"
    with alive(config(name, tmp_path), SIDECAR_OPA_URL=nobody) as sidecar:
        port = int(sidecar.address.rpartition(":")[2])
        with proxy_running(name, tmp_path / name, port, behind.port) as proxy:
            answer = proxy.ask(*PERMITTED)
        told = sidecar.errors()

    assert answer.status == WITHOUT_OPA[name]
    assert behind.received == []
    assert told["engine_unreachable"] == 1
