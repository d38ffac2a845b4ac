"""
Where the endpoints that decide and search are (AuthZEN 1.0, section 10.1.1).
"""

from typing import Final

from sidecar.bundle.manifest import SEARCHES

EVALUATION: Final = "/access/v1/evaluation"
EVALUATIONS: Final = "/access/v1/evaluations"
DECISIONS: Final = (EVALUATION, EVALUATIONS)
SEARCH: Final = {kind: f"/access/v1/search/{kind}" for kind in SEARCHES}
