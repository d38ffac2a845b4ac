"""
docs/gateways.md shows a table that can be used as it is.
"""

import re
from pathlib import Path

import yaml

from sidecar.gateway.routes import Routes
from tests.e2e.serve import ROOT

PAGE = ROOT / "docs/gateways.md"
VOCABULARY = ROOT / "policies/privacy/vocabulary/data.yaml"


def test_the_table_can_be_used(tmp_path: Path):
    """
    It has no mistake, and only terms that the agreement knows.
    """
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    [shown] = [block for block in blocks if "routes:\n" in block]
    file = tmp_path / "routes.yaml"
    file.write_text(shown, "utf-8")
    vocabulary = yaml.safe_load(VOCABULARY.read_text("utf-8"))
    kinds = {
        **{"subject": "subjects", "action": "actions", "category": "categories"},
        **{"purpose": "purposes", "recipient": "recipients", "fact": "facts"},
        "obligation": "obligations",
    }

    routes = Routes.read(file).routes

    assert len(routes) == 2
    for route in routes:
        route.check({kind: frozenset(vocabulary[name]) for kind, name in kinds.items()})
