"""
The OpenAPI document against what is served.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from tests.e2e.serve import serving


@pytest.fixture(scope="module")
def api() -> Iterator[Any]:
    """
    The API as its own document describes it.
    """
    with serving() as address:
        yield schemathesis.openapi.from_url(f"http://{address}/openapi.json")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_what_is_served_is_what_is_described(case: schemathesis.Case) -> None:
    """
    Whatever the document lets callers send is answered as the document says.
    """
    case.call_and_validate()
