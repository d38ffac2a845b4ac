"""
What all tests look at: one story, lived through once.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.prometheus.story import Story, lived_through


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> Iterator[Story]:
    """
    Everything that happened to the fleet, as Prometheus and Alertmanager saw it.
    """
    with lived_through(tmp_path_factory.mktemp("story"), opa_binary) as story:
        yield story
