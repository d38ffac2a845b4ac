"""
Bundles shipped through a real OCI registry and a real store that speaks S3, while callers ask.
"""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli.bundle import bundle as command
from tests.delivery.arrival import arrival
from tests.delivery.stores.registry import registry_running
from tests.s3.server import Store, store_running

EXPECTED = ["1-park-walk", "2-park-stay", "3-park-walk", "2-park-stay"]


def _pushed(folder: Path, address: str, content: bytes) -> None:
    bundle = folder / "pushed.tar.gz"
    bundle.write_bytes(content)
    done = CliRunner().invoke(command, ["push", str(bundle), address])
    assert done.exit_code == 0, done.output
    pulled = folder / "pulled.tar.gz"
    done = CliRunner().invoke(command, ["pull", address, "--output", str(pulled)])
    assert done.exit_code == 0, done.output
    assert pulled.read_bytes() == content


def test_through_a_registry(tmp_path: Path, opa_binary: Path):
    """
    Push, poll, activate, change the key, roll back: each answer is right for a revision that was
    active then, and nobody is refused for the change.
    """
    with registry_running(tmp_path) as registry:
        address = f"{registry}/policies/park:live"
        fetching = {
            "services": {"registry": {"url": f"http://{registry}", "type": "oci"}},
            "bundles": {
                "policy": {
                    "service": "registry",
                    "resource": address,
                    "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1},
                }
            },
        }
        seen = arrival(
            tmp_path,
            opa_binary,
            lambda content: _pushed(tmp_path, f"oci+http://{address}", content),
            json.dumps(fetching),
            {},
        )

    assert seen == EXPECTED


def test_through_s3(tmp_path: Path, opa_binary: Path, monkeypatch: pytest.MonkeyPatch):
    """
    The same, with requests that are signed for S3.
    """
    folder = tmp_path / "store"
    folder.mkdir()
    with store_running(folder) as store:
        store.filled("policies", {})
        for name, value in store.environment.items():
            monkeypatch.setitem(os.environ, name, value)
        seen = arrival(
            tmp_path,
            opa_binary,
            lambda content: _pushed(tmp_path, "s3://policies/park.tar.gz", content),
            json.dumps(_of_s3(store)),
            store.environment,
        )

    assert seen == EXPECTED


def _of_s3(store: Store) -> dict[str, object]:
    return {
        "services": {
            "store": {
                "url": f"{store.url}/policies",
                "credentials": {"s3_signing": {"environment_credentials": {}}},
            }
        },
        "bundles": {
            "policy": {
                "service": "store",
                "resource": "park.tar.gz",
                "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1},
            }
        },
    }
