"""
A cluster of one node, for all tests of this folder: as a platform team would have it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes import images
from tests.kubernetes.build import CRDS
from tests.kubernetes.cluster import Cluster, one_node


@pytest.fixture(scope="session")
def built_images() -> tuple[str, ...]:
    """
    The images that pods run.
    """
    return images.built()


@pytest.fixture(scope="session")
def cluster(built_images: tuple[str, ...]) -> Iterator[Cluster]:
    """
    The cluster, which knows the Prometheus operator's resources, too.
    """
    with one_node(built_images) as running:
        for file in sorted(Path(CRDS).iterdir()):
            running.kubectl("apply", "--server-side", f"--filename={file}")
        kinds = (
            "crd/podmonitors.monitoring.coreos.com",
            "crd/prometheusrules.monitoring.coreos.com",
        )
        running.kubectl("wait", "--for=condition=established", "--timeout=60s", *kinds)
        yield running
