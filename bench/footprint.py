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

        busy_mb: The same, where each of many questions went to OPA.

        ready_s: Seconds from the start until it said that it is ready, the median of some.
    """

    resident_mb: dict[str, float]
    busy_mb: dict[str, float]
    ready_s: float


def footprint(bundle: Built) -> Footprint:
    """
    Start a sidecar some times, from a bundle that is built, and look at the last one.
    """
    starts = [_started(bundle, "", 20) for _ in range(STARTS)]
    busy, _ = _started(bundle, "memory: {entries: 1}", 400)
    return Footprint(starts[-1][0], busy, statistics.median(ready_s for _, ready_s in starts))


def _started(bundle: Built, config: str, rounds: int) -> tuple[dict[str, float], float]:
    """
    Start a sidecar, have it answer, and look at it.
    """
    began = time.perf_counter()
    with running(config, SIDECAR_BUNDLE=str(bundle.path)) as sidecar:
        ready_s = time.perf_counter() - began
        connection = connect(f"http://{sidecar.address}")
        for each in asked() * rounds:
            post(connection, EVALUATION, json.dumps(each).encode())
        connection.close()
        taken = {"master": resident(sidecar.process.pid) / MB}
        taken |= {kind: resident(pid) / MB for pid, kind in sidecar.children().items()}
    return taken, ready_s
