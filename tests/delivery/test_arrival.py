"""
Bundles that arrive while callers ask.
"""

import json
from pathlib import Path

from tests.delivery.arrival import arrival
from tests.delivery.bundle_server import bundle_server


def test_over_plain_http(tmp_path: Path, opa_binary: Path):
    """
    Ship, change, rotate the key, roll back: each answer is right for a revision that was active
    then, and nobody is refused for the change.
    """
    with bundle_server(tmp_path / "served") as server:
        seen = arrival(
            tmp_path,
            opa_binary,
            lambda content: server.put("policy.tar.gz", content),
            json.dumps(server.fetching),
            {},
        )

    assert seen == ["1-park-walk", "2-park-stay", "3-park-walk", "2-park-stay"]
