"""
Which core does what: servers get the first of those there are, the load comes from the last.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

CORES = sorted(os.sched_getaffinity(0))
SERVER = 0
LOAD = -1


@contextmanager
def on_core(index: int) -> Iterator[None]:
    """
    Keep to one core: this thread, and the processes and threads it starts.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORES[index]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
