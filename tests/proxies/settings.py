"""
The sidecar's settings, from the sample in deploy/proxies/.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.credentials import Signer, key_set
from tests.proxies.servers import CONFIGURATIONS

ROUTES = CONFIGURATIONS / "routes.yaml"
SAMPLE: dict[str, Any] = yaml.safe_load((CONFIGURATIONS / "sidecar.yaml").read_text("utf-8"))
JWT: dict[str, str] = SAMPLE["forward_auth"]["jwt"]
SIGNER = Signer.ec()


def config(proxy: str, folder: Path) -> str:
    """
    Set up a sidecar as the sample does, with files of this machine.

    Args:
        proxy: Which proxy asks.

        folder: Where the keys of its clients' tokens may stand.
    """
    keys = folder / "users.jwks"
    keys.write_text(key_set(SIGNER), "utf-8")
    jwt = {**JWT, "jwks": str(keys)}
    asks = {**SAMPLE["forward_auth"], "proxy": proxy, "routes": str(ROUTES), "jwt": jwt}
    return json.dumps({**SAMPLE, "forward_auth": asks})


def token(**claims: Any) -> str:
    """
    Sign a token for a client of the proxy; it is good unless a claim says otherwise.
    """
    return SIGNER.token(**{"iss": JWT["issuer"], "aud": JWT["audience"], **claims})
