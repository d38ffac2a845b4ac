"""
Replay of many records, measured: `python -m bench.replay POLICIES [RECORDS SAMPLE]`.

Makes records of a week, replays them against a bundle in which some switches stand otherwise, and
prints how long that took, how much memory, and how many evaluations. Then asks for each record of a
sample alone, and exits 1 where that finds other flips than a replay of the sample. Machines differ:
what counts is how the numbers stand to each other.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import yaml

from bench.brute import Flips, flips
from bench.bundle import built
from bench.history import History
from sidecar.replay.deciding import policy

RECORDS: Final = 1_000_000
SAMPLE: Final = 20_000
QUESTIONS: Final = 5_000

CHANGED: Final[Mapping[str, Any]] = {
    "consent_always_required": True,
    "ground_required": False,
    "transfer_before_signing": True,
    "aggregates_may_be_sold": False,
}
"""
The switches that stand otherwise in the changed bundle: some open, some close.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """
    One run of `sidecar replay`.

    Attributes:
        report: What it found.

        seconds: How long it took.

        cpu_s: How many seconds of a core, OPA's among them.

        mebibytes: How much memory the larger of the two processes took, the sidecar and OPA.
    """

    report: dict[str, Any]
    seconds: float
    cpu_s: float
    mebibytes: float


def changed(policies: Path, target: Path) -> Path:
    """
    Copy policies, and set their switches otherwise.
    """
    shutil.copytree(policies, target)
    file = target / "privacy/interpretation/data.yaml"
    data = yaml.safe_load(file.read_text("utf-8"))
    for name, value in CHANGED.items():
        data["switches"][name]["value"] = value
    file.write_text(yaml.safe_dump(data), "utf-8")
    return target


def replay(records: Path, against: Path) -> Run:
    """
    Run `sidecar replay`.
    """
    with tempfile.TemporaryFile() as out:
        begin = perf_counter()
        process = subprocess.Popen(
            (sys.executable, "-m", "sidecar", "replay", records, "--against", against, "--json"),
            stdout=out,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode in (0, 1), process.returncode
        out.seek(0)
        cpu_s = usage.ru_utime + usage.ru_stime
        return Run(json.loads(out.read()), seconds, cpu_s, usage.ru_maxrss / 1024)


@contextmanager
def compared(
    policies: Path, history: History, sampled: int
) -> Iterator[tuple[Path, Path, Flips, float]]:
    """
    Make records, and find out the long way what a changed bundle makes of a sample of them.

    Returns:
        The folder of records, the sample, what a changed bundle decides otherwise in the sample,
        and how many seconds it took to ask for each of them alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        records, sample = here / "records", here / "sample.jsonl"
        records.mkdir()
        with built(policies) as plain:
            opa = plain.opa
            with policy(plain.path, opa) as deciding:
                history.write(records, deciding, sample, sampled)
        with built(changed(policies, here / "changed")) as other:
            begin = perf_counter()
            found = flips(sample, other.path, other.decision, opa)
            yield records, sample, found, perf_counter() - begin


def main() -> None:
    """
    Measure, and print.
    """
    policies, count, sampled = sys.argv[1], RECORDS, SAMPLE
    if sys.argv[2:]:
        count, sampled = map(int, sys.argv[2:])
    history = History(count, QUESTIONS)
    with compared(Path(policies), history, sampled) as (records, sample, found, alone_s):
        against = records.with_name("changed")
        size = sum(file.stat().st_size for file in records.iterdir())
        run = replay(records, against)
        of_sample = replay(sample, against)
    report = run.report
    flipped = ", ".join(f"{report[kind]:,} {kind}" for kind in ("opened", "closed", "undecided"))
    each_ms = alone_s / sampled * 1000
    same = found == Flips.reported(of_sample.report)
    agreed = f"{'as' if same else 'NOT as'} a replay of them finds"
    print(f"{report['records']:>10,} records, {size / 2**20:.0f} MiB in compressed segments")
    print(f"{report['evaluations']:>10,} evaluations")
    print(f"{run.seconds:>10.1f} s, {report['records'] / run.seconds:,.0f} records/s")
    print(f"{run.cpu_s:>10.1f} s of a core")
    print(f"{run.mebibytes:>10.0f} MiB at most")
    print(f"{'':>10} {flipped}")
    print(f"{sampled:>10,} of them asked alone: {alone_s:.1f} s, {each_ms:.2f} ms each")
    print(f"{sum(found.flips.values()):>10,} flips among these, {agreed}")
    if not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
