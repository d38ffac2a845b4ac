"""
What a sidecar takes: memory of each process, and time until it is ready.
"""

import json
import statistics
import time
from dataclasses import dataclass

from bench.bundle import Built
from bench.load import connect, post
from bench.processes import resident
from bench.variants import EVALUATION, asked
from tests.e2e.serve import running

STARTS = 5
MB = 1_048_576


@dataclass(frozen=True, slots=True)
class Footprint:
    """
    What a sidecar takes.

    Attributes:
        resident_mb: Megabytes that are resident, by the process, after it has answered.

        ready_s: Seconds from the start until it said that it is ready, the median of some.
    """

    resident_mb: dict[str, float]
    ready_s: float


def footprint(bundle: Built) -> Footprint:
    """
    Start a sidecar some times, from a bundle that is built, and look at the last one.
    """
    times = []
    taken: dict[str, float] = {}
    for _ in range(STARTS):
        began = time.perf_counter()
        with running("", SIDECAR_BUNDLE=str(bundle.path)) as sidecar:
            times.append(time.perf_counter() - began)
            connection = connect(f"http://{sidecar.address}")
            for each in asked() * 20:
                post(connection, EVALUATION, json.dumps(each).encode())
            connection.close()
            taken = {"master": resident(sidecar.process.pid) / MB}
            taken |= {kind: resident(pid) / MB for pid, kind in sidecar.children().items()}
    return Footprint(taken, statistics.median(times))
