"""
Every proxy, with its configuration, in front of an upstream and beside a sidecar.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.serve import Sidecar, running
from tests.proxies.gateway import Gateway
from tests.proxies.recording import upstream, wire
from tests.proxies.servers import NAMES, proxy_running
from tests.proxies.settings import config


@pytest.fixture(scope="session", params=NAMES)
def _asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Sidecar]]:
    with running(config(request.param, tmp_path_factory.mktemp("keys"))) as sidecar:
        yield request.param, sidecar


@pytest.fixture(scope="module")
def _gateway(
    _asked: tuple[str, Sidecar], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    name, sidecar = _asked
    host, _, port = sidecar.address.rpartition(":")
    with upstream() as behind, wire(host, int(port)) as between:
        folder = tmp_path_factory.mktemp(name)
        with proxy_running(name, folder, between.port, behind.port) as proxy:
            yield Gateway(proxy, behind, between, sidecar)


@pytest.fixture
def gateway(_gateway: Gateway) -> Gateway:
    """
    A proxy of each kind that asks a sidecar; nothing has come yet.
    """
    _gateway.upstream.received.clear()
    _gateway.wire.asked.clear()
    return _gateway
