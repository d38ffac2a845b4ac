"""
Every proxy, with its configuration, in front of an upstream and beside a sidecar.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.serve import running
from tests.proxies.gateway import Gateway
from tests.proxies.recording import upstream, wire
from tests.proxies.servers import NAMES, config, proxy_running


@pytest.fixture(scope="session", params=NAMES)
def _gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    name = request.param
    with ExitStack() as held:
        sidecar = held.enter_context(running(config(name)))
        host, _, port = sidecar.address.rpartition(":")
        between = held.enter_context(wire(host, int(port)))
        behind = held.enter_context(upstream())
        folder = tmp_path_factory.mktemp(name)
        proxy = held.enter_context(proxy_running(name, folder, between.port, behind.port))
        yield Gateway(proxy, behind, between, sidecar)


@pytest.fixture
def gateway(_gateway: Gateway) -> Gateway:
    """
    A proxy of each kind that asks a sidecar; nothing has come yet.
    """
    _gateway.upstream.received.clear()
    _gateway.wire.asked.clear()
    return _gateway
