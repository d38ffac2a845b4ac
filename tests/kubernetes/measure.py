"""
What both containers need, at rest and under load: `make measure-kubernetes`.

The dev overlay on a cluster of one node, asked at its sidecar at a steady rate. Processor time and
memory are those of the containers' control groups, as a kubelet sees them; memory is without files
that could be read again.
"""

import http.client
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sidecar.api.paths import EVALUATION, EVALUATIONS
from tests.e2e.serve import ROOT
from tests.kubernetes import images
from tests.kubernetes.cluster import Cluster, one_node
from tests.kubernetes.rendering import OURS, dev_overlay, kustomized
from tests.running import eventually

SPACE: Final = "billing-dev"
RATES: Final = (0, 100, 1000)
SECONDS: Final = 15.0
HEAD: Final = """\
| asked for/s | made/s | failed | p99 ms | OPA: cores | MiB | sidecar: cores | MiB |
|---:|---:|---:|---:|---:|---:|---:|---:|"""

_CONNECTIONS: Final = 8
_GROUPS: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Row:
    """
    What a rate came to.

    Attributes:
        rate: Decisions asked for in a second.

        made: Decisions made in a second.

        failed: How many got no decision.

        p99_ms: Milliseconds that 99 of 100 answers stayed below.

        cores: Processors that each container used, by its name.

        mib: Memory of each at its most, in MiB.
    """

    rate: int
    made: float
    failed: int
    p99_ms: float
    cores: dict[str, float]
    mib: dict[str, float]

    def __str__(self) -> str:
        """
        Write a line of a table.
        """
        used = " | ".join(f"{self.cores[name]:.3f} | {self.mib[name]:.0f}" for name in OURS)
        return f"| {self.rate} | {self.made:.0f} | {self.failed} | {self.p99_ms:.1f} | {used} |"


@dataclass(frozen=True, slots=True)
class Trial:
    """
    A way of running the sidecar, and of asking it.

    Attributes:
        name: What it is called.

        settings: Settings of the sidecar.

        batch: How many decisions a request asks for.
    """

    name: str
    settings: dict[str, Any]
    batch: int = 1

    def asked(self) -> tuple[str, list[bytes]]:
        """
        Say where is asked, and what: the requests that are benchmarked elsewhere, in turn.
        """
        files = sorted((ROOT / "bench" / "requests").glob("*.json"))
        evaluations = [json.loads(file.read_text("utf-8")) for file in files]
        if self.batch == 1:
            return EVALUATION, [json.dumps(each).encode() for each in evaluations]
        turns = itertools.islice(itertools.cycle(evaluations), self.batch)
        return EVALUATIONS, [json.dumps({"evaluations": list(turns)}).encode()]


TRIALS: Final = (
    Trial("remembered, one worker", {}),
    Trial("remembered, two workers", {"server": {"workers": 2}}),
    Trial("remembered, one worker, ten in a request", {}, batch=10),
    Trial("OPA asked for each, one worker", {"memory": {"entries": 0}}),
)


class Group:
    """
    A container's control group.

    Args:
        pid: A process in it.
    """

    def __init__(self, pid: int) -> None:
        lines = Path(f"/proc/{pid}/cgroup").read_text("ascii").splitlines()
        parts = (line.split(":", 2) for line in lines)
        paths = {name: path for _, names, path in parts for name in names.split(",")}
        self._memory = _GROUPS / "memory" / paths["memory"].lstrip("/")
        self._cpu = _GROUPS / "cpuacct" / paths["cpuacct"].lstrip("/")

    def seconds(self) -> float:
        """
        Processor time so far.
        """
        return int((self._cpu / "cpuacct.usage").read_text("ascii")) / 1e9

    def mib(self) -> float:
        """
        Memory now, as a kubelet counts it.
        """
        used = int((self._memory / "memory.usage_in_bytes").read_text("ascii"))
        stat = (self._memory / "memory.stat").read_text("ascii").split()
        return (used - int(stat[stat.index("total_inactive_file") + 1])) / 2**20


def measured(address: str, groups: dict[str, Group], rate: int, trial: Trial) -> Row:
    """
    Ask at a rate, and look.
    """
    before = {name: group.seconds() for name, group in groups.items()}
    most = dict.fromkeys(groups, 0.0)
    begun = time.monotonic()
    with _asked(address, rate // trial.batch, *trial.asked()) as (times, failures):
        while (elapsed := time.monotonic() - begun) < SECONDS:
            for name, group in groups.items():
                most[name] = max(most[name], group.mib())
            time.sleep(0.2)
        made = len(times) * trial.batch / elapsed
        cores = {name: (group.seconds() - before[name]) / elapsed for name, group in groups.items()}
    ordered = sorted(times) or [0.0]
    p99 = ordered[int(len(ordered) * 0.99) - 1] * 1000
    return Row(rate, made, len(failures), p99, cores, most)


@contextmanager
def _asked(
    address: str, rate: int, path: str, requests: Sequence[bytes]
) -> Iterator[tuple[list[float], list[str]]]:
    times: list[float] = []
    failures: list[str] = []
    stop = threading.Event()

    def ask(number: int) -> None:
        every = _CONNECTIONS / rate
        due = time.monotonic() + every * number / _CONNECTIONS
        with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
            for turn in range(number, sys.maxsize):
                if stop.wait(max(0.0, due - time.monotonic())):
                    return
                begun = time.perf_counter()
                head = {"Content-Type": "application/json"}
                body = requests[turn % len(requests)]
                connection.request("POST", path, body, head)
                answer = connection.getresponse()
                answer.read()
                times.append(time.perf_counter() - begun)
                if answer.status != 200:
                    failures.append(str(answer.status))
                due += every

    numbers = range(_CONNECTIONS if rate else 0)
    threads = [threading.Thread(target=ask, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    try:
        yield times, failures
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _deployed(cluster: Cluster, folder: Path, trial: Trial) -> tuple[str, dict[str, Group]]:
    overlay = dev_overlay(folder)
    file = overlay.parents[1] / "config" / "sidecar.yaml"
    settings = yaml.safe_load(file.read_text("utf-8")) | trial.settings
    file.write_text(yaml.safe_dump(settings), "utf-8")
    cluster.apply(*kustomized(overlay))
    where = f"--namespace={SPACE}"
    cluster.kubectl("rollout", "status", "deployment/billing", where, "--timeout=120s")

    def pods() -> Any:
        return cluster.got("pods", where)["items"]

    assert eventually(lambda: len(pods()) == 1, 120)
    (pod,) = pods()
    name = pod["metadata"]["name"]
    groups = {each: Group(cluster.process(SPACE, name, each)) for each in OURS}
    return f"{pod['status']['podIP']}:8180", groups


def main() -> None:
    """
    Print a table for each trial.
    """
    with one_node(images.built()) as cluster, tempfile.TemporaryDirectory() as folder:
        for number, trial in enumerate(TRIALS):
            deployed = _deployed(cluster, Path(folder, str(number)), trial)
            print(f"{trial.name}\n{HEAD}", flush=True)
            for rate in RATES:
                print(measured(*deployed, rate, trial), flush=True)


if __name__ == "__main__":
    main()
