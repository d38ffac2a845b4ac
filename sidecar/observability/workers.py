"""
The folder through which several workers share their metrics.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def metrics_of_all_workers() -> Iterator[None]:
    """
    Have a folder through which workers share their metrics, before any metric is made.
    """
    folder = tempfile.mkdtemp(prefix="sidecar-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
