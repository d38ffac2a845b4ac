"""
What tests of the engine need: an OPA that is at fault where it is asked to be.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sidecar.bundle.build import BuiltBundle
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from tests.running import opa_running


@pytest.fixture(scope="module")
def faulty(
    built: Callable[[str], BuiltBundle], opa_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opa]:
    """
    A client of an OPA with the bundle `faulty`, with fewer connections than threads may want.
    """
    folder = tmp_path_factory.mktemp("opa")
    endpoint = Endpoint(f"unix://{folder}/s", connections=3, wait_s=20, read_timeout_s=20)
    with opa_running(opa_binary, endpoint, "--bundle", built("faulty").path, log=folder / "log"):
        opa = Opa(endpoint)
        yield opa
        opa.close_connection()
