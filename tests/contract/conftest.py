"""
Sidecars to put the contract's cases to.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sidecar.app import create_app
from sidecar.bundle.build import BuiltBundle, build
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.memory import Memory
from sidecar.settings import Settings
from tests.contract.asking import Ask, through_flask, through_http
from tests.e2e.serve import ROOT, serving
from tests.running import opa_running

PUBLIC_URL = "https://pdp.example.com/tenant1"
PAGE_KEY = b"the same in all of them"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """
    One bundle's answers, by two ways.

    Attributes:
        ways: How to ask, by the way's name: `flask` calls the application, `routed` one where Flask
            finds every endpoint, `remembering` one that remembers, `gunicorn` a server that does,
            and `longer` the same, where the server's loop does not answer.

        address: Where the server listens.
    """

    ways: dict[str, Ask]
    address: str


@pytest.fixture(scope="module")
def sidecar(
    request: pytest.FixtureRequest,
    built: Callable[[str], BuiltBundle],
    opa_binary: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sidecar]:
    """
    A sidecar with the bundle that the parameter names, in this process and served by gunicorn.
    """
    folder = tmp_path_factory.mktemp("sidecar")
    name = request.param
    if name == "privacy":
        bundle = build(ROOT / "policies", folder / "privacy.tar.gz", opa=opa_binary)
    else:
        bundle = built(name)
    # Only one of them is known by a public address.
    known = {"SIDECAR_PUBLIC_URL": PUBLIC_URL} if name == "directory" else {}
    endpoint = Endpoint(f"unix://{folder}/s", read_timeout_s=20)
    with (
        opa_running(opa_binary, endpoint, "--bundle", bundle.path, log=folder / "log"),
        serving(SIDECAR_OPA_URL=endpoint.url, **known) as address,
    ):
        opa = Opa(endpoint)
        settings = Settings.from_environment(known)
        app = create_app(settings, Engine(opa), page_key=PAGE_KEY)
        routed = create_app(settings, Engine(opa), page_key=PAGE_KEY)
        # What Flask has of its own: nothing is taken before it looks.
        del routed.wsgi_app
        engine = Engine(opa, memory=Memory(1000, 10_000_000))
        remembering = create_app(settings, engine, page_key=PAGE_KEY)
        ways = {
            "flask": through_flask(app),
            "routed": through_flask(routed),
            "remembering": through_flask(remembering),
            "gunicorn": through_http(address),
            # What changes nothing, but has gunicorn parse the head.
            "longer": through_http(address, headers={"Expect": "100-continue"}),
        }
        yield Sidecar(ways, address)
        opa.close_connection()
