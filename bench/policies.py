"""
How long a decision takes in OPA alone: `python -m bench.policies BUNDLE`.

Asks the bundle's decision for each request of bench/requests/, with `opa bench`, on one core.
Machines differ: compare rows within one run, best with the first, which evaluates nothing.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bundle import REQUESTS, Built, built, evaluations
from sidecar.engine.engine import utc_today

NOTHING = "true"
TIMER = "histogram_timer_rego_query_eval_ns"


@dataclass(frozen=True, slots=True)
class Row:
    """
    What one request came to.

    Attributes:
        name: The request's name.

        median_us: Microseconds an evaluation took, the median of several runs' medians.

        p99_us: Likewise, of their 99th percentiles.

        allocations: Objects made by an evaluation.
    """

    name: str
    median_us: float
    p99_us: float
    allocations: int


def measure(bundle: Built, requests: Path, runs: int = 3) -> Iterator[Row]:
    """
    Measure every request, after a query that evaluates nothing.
    """
    yield _row("(nothing)", _bench(bundle, NOTHING, {}, runs))
    query = ".".join(("data", *bundle.decision))
    for name, evaluation in evaluations(requests).items():
        # The date is added, as the sidecar does.
        dated = evaluation | {"environment": {"date": utc_today()}}
        yield _row(name, _bench(bundle, query, dated, runs))


def _bench(bundle: Built, query: str, asked: dict[str, Any], runs: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "input.json")
        file.write_text(json.dumps(asked), "utf-8")
        options = ["--format=json", f"--count={runs}", f"--bundle={bundle.path}", f"--input={file}"]
        done = subprocess.run(
            [bundle.opa, "bench", *options, query],
            env=os.environ | {"GOMAXPROCS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return list(_documents(done.stdout))


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """
    Read JSON documents that stand one after the other.
    """
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        text = text[end:]
        yield document


def _row(name: str, runs: list[dict[str, Any]]) -> Row:
    def median_us(key: str) -> float:
        return statistics.median(float(run["Extra"][f"{TIMER}_{key}"]) for run in runs) / 1000

    allocations = statistics.median(run["MemAllocs"] / run["N"] for run in runs)
    return Row(name, median_us("median"), median_us("99%"), round(allocations))


def main(source: str, requests: str = str(REQUESTS)) -> int:
    """
    Print a table, a row as soon as it is measured.
    """
    print("| request | median µs | p99 µs | allocations |")
    print("|---|---:|---:|---:|")
    with built(Path(source)) as bundle:
        for row in measure(bundle, Path(requests)):
            print(
                f"| {row.name} | {row.median_us:.0f} | {row.p99_us:.0f} | {row.allocations} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
