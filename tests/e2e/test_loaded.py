"""
What a sidecar's processes have loaded: what is large, only where it is needed. The machine code in
a process shows it, by whatever name it was asked for.
"""

import re
from pathlib import Path

import pytest

from tests.credentials import Signer, key_set
from tests.e2e.serve import Sidecar, running
from tests.running import BUNDLES, evaluation

# Of the HTTP client and server that comes with OPA's client; of keys; of Flask.
LARGE = frozenset({"aiohttp", "cryptography", "markupsafe"})
_LOADED = re.compile(r"/site-packages/([^/]+)/\S+\.so$", re.MULTILINE)


def _large(pid: int) -> set[str]:
    maps = Path(f"/proc/{pid}/maps").read_text("utf-8")
    return set(_LOADED.findall(maps)) & LARGE


def _of_all(sidecar: Sidecar) -> tuple[set[str], list[set[str]]]:
    """
    Say what of it the master has, and each worker, once there were decisions.
    """
    for _ in range(20):
        assert sidecar.decide(evaluation("permit")).status == 200
    return _large(sidecar.process.pid), [_large(pid) for pid in sidecar.workers()]


@pytest.mark.parametrize(
    ("workers", "master"),
    [
        pytest.param(1, set(), id="a single one loads Flask for itself"),
        pytest.param(2, {"markupsafe"}, id="several share it"),
    ],
)
def test_nothing_large_is_loaded_for_nothing(workers: int, master: set[str]):
    """
    Where callers are not known, nothing of keys is loaded; and never what OPA's client has beside
    what is used. The master, who answers nobody, has Flask only to share it.
    """
    config = f"server: {{workers: {workers}}}"
    with running(config, SIDECAR_BUNDLE=str(BUNDLES / "faulty")) as sidecar:
        assert _of_all(sidecar) == (master, workers * [{"markupsafe"}])


def test_keys_are_loaded_for_those_who_have_some(tmp_path: Path):
    """
    Where callers have tokens, what verifies them is there from the start.
    """
    keys = tmp_path / "keys"
    keys.write_text(key_set(Signer.ec()), "utf-8")
    config = f"callers: {{jwt: {{jwks: {keys}, audience: sidecar}}}}"
    with running(config, SIDECAR_BUNDLE=str(BUNDLES / "faulty")) as sidecar:
        (worker,) = sidecar.workers()
        assert _large(worker) == {"cryptography", "markupsafe"}
