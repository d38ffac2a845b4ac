"""
What tests of every kind need: OPA, bundles, places to listen.
"""

import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sidecar.bundle import opa
from sidecar.bundle.build import BuiltBundle, build
from tests.running import BUNDLES

# How long an example takes says nothing of what must hold.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def opa_binary() -> Path:
    """
    OPA's binary, found as the sidecar finds it.
    """
    return opa.opa_binary()


@pytest.fixture(scope="session")
def built(
    opa_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], BuiltBundle]:
    """
    Build one of the tests' bundles, by its name.
    """
    folder = tmp_path_factory.mktemp("built")

    def by_name(name: str) -> BuiltBundle:
        return build(BUNDLES / name, folder / f"{name}.tar.gz", opa=opa_binary)

    return by_name


@pytest.fixture
def free_port() -> int:
    """
    A port of the loopback that nobody listens on.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """
    A path that is short enough for a Unix socket, and nobody listens on.
    """
    with tempfile.TemporaryDirectory(prefix="sock-") as folder:
        yield Path(folder, "opa.sock")
