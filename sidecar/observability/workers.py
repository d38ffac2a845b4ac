"""
The folder through which several workers share their metrics.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.folders import temporary_folder


@contextmanager
def metrics_of_all_workers() -> Iterator[None]:
    """
    Have a folder through which workers share their metrics, before any metric is made.
    """
    with temporary_folder("sidecar-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        yield
