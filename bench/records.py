"""
What it costs to be seen: `python -m bench.records`.

Asks sidecars that differ in nothing but what they leave behind, in turns, and prints for each how
many requests a second were answered, and how much processor time each took, also as ratios to the
one that leaves no records. The sidecar and who asks it share the machine, so the processor time is
the steadier figure.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from tests.e2e.collector import Collector
from tests.e2e.keeping import disclosure
from tests.e2e.serve import ROOT, free_port
from tests.running import eventually

ROUNDS: Final = 5
ROUND_S: Final = 4.0
CALLERS: Final = 8

_SERVE: Final = "from sidecar.__main__ import main; main()"
# There is no setting for it: the library's counters do nothing.
_UNCOUNTED: Final = (
    "import prometheus_client as library; "
    "library.Counter.inc = library.Histogram.observe = lambda *_, **__: None; "
)


@dataclass
class Variant:
    """
    A sidecar to be measured.

    Attributes:
        name: What it leaves behind.

        config: What stands in its settings.

        code: What Python runs.

        rates: Requests a second, of each round.

        costs: Processor time for each request in milliseconds, of each round.
    """

    name: str
    config: str
    code: str = _SERVE
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """
        Ask for a round.
        """
        with _running(self) as (process, address):
            _asked(address, 0.5)
            begin, spent = time.perf_counter(), _spent(process.pid)
            answered = _asked(address, ROUND_S)
            self.rates.append(answered / (time.perf_counter() - begin))
            self.costs.append((_spent(process.pid) - spent) * 1000 / answered)


@contextmanager
def _running(variant: Variant) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        records = Path(folder, "records")
        records.mkdir()
        config = f"log: {{level: error}}\n{variant.config.format(folder=records)}"
        Path(folder, "config").write_text(config, "utf-8")
        address = f"127.0.0.1:{free_port()}"
        process = subprocess.Popen(
            [sys.executable, "-c", variant.code, "serve"],
            cwd=ROOT,
            env=os.environ
            | {"SIDECAR_LISTEN": address, "SIDECAR_CONFIG": f"{folder}/config", "TMPDIR": folder},
            stdout=subprocess.DEVNULL,
        )
        try:
            if not eventually(lambda: _ready(address)):
                raise SystemExit(f"{variant.name} does not get ready")
            yield process, address
        finally:
            process.terminate()
            process.wait()


def _ready(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _asked(address: str, within_s: float) -> int:
    """
    Ask as often as several callers can, and say how often that was.
    """
    end = time.perf_counter() + within_s
    body = json.dumps(disclosure()).encode()
    counts: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(address, timeout=20)
        count = 0
        while time.perf_counter() < end:
            path, headers = "/access/v1/evaluation", {"Content-Type": "application/json"}
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read()
            count += response.status == 200
        connection.close()
        counts.append(count)

    threads = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def _spent(pid: int) -> float:
    """
    Add up the processor time of a process and of all below it, in seconds.
    """
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    below = Path(f"/proc/{pid}/task").glob("*/children")
    return own + sum(_spent(int(child)) for file in below for child in file.read_text().split())


def main() -> None:
    """
    Measure all in turns, and print a table.
    """
    durable = "records: {{sink: file, mode: durable, folder: {folder}}}"
    with Collector() as collector:
        traces = f"traces: {{{{url: '{collector.url}/v1/traces', sample: %s}}}}"
        off = "records: {sink: none}".replace("{", "{{").replace("}", "}}")
        variants = [
            Variant("no records", off),
            Variant("no records, nothing counted", off, _UNCOUNTED + _SERVE),
            Variant("records to stdout", ""),
            Variant("records in files", "records: {{sink: file, folder: {folder}}}"),
            Variant("records in files, durable", durable),
            Variant("no records, all traced", f"{off}\n{traces % 1}"),
            Variant("no records, 1 in 100 traced", f"{off}\n{traces % 0.01}"),
        ]
        for _ in range(ROUNDS):
            for variant in variants:
                variant.measure()
    rate, cost = median(variants[0].rates), median(variants[0].costs)
    print("| left behind | requests/s | ratio | processor ms a request | ratio |")
    print("|---|---|---|---|---|")
    for each in variants:
        rated, costed = median(each.rates), median(each.costs)
        ratios = f"{rated / rate:.2f} | {costed:.3f} | {costed / cost:.2f}"
        print(f"| {each.name} | {rated:,.0f} | {ratios} |")


if __name__ == "__main__":
    main()
