"""
A store that speaks S3, one for each process of tests.
"""

from collections.abc import Iterator

import pytest

from tests.s3.server import Store, store_running


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """
    A store that runs.
    """
    with store_running(tmp_path_factory.mktemp("store")) as running:
        yield running
