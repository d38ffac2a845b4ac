"""
A request's way, measured: `python -m bench.way BUNDLE`.

One OPA with the bundle, asked directly, through a sidecar that remembers nothing, and through one
that does, all on one core; the load comes from another. Prints where the time goes at 1 and at 8
connections. Machines differ: compare within one run.
"""

import json
import re
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.bundle import REQUESTS, Built, built, evaluations
from bench.cores import LOAD, SERVER, on_core
from bench.load import Measured, connect, get, load, post
from sidecar.engine.engine import utc_today
from sidecar.engine.supervisor import Job, Supervisor
from tests.e2e.serve import running, serving

CONNECTIONS = (1, 8)
REQUESTS_IN_ALL = 8000
EVALUATIONS = 1000
EVALUATION = "/access/v1/evaluation"
EVALUATION_TIMER = "timer_rego_query_eval_ns"
SIDECAR_STAGE = re.compile(r'privacy_decision_duration_seconds_(sum|count)\{.*?stage="(\w+)".*?\}')
OPA_HANDLER = re.compile(r'http_request_duration_seconds_(sum|count)\{.*?handler="(v1/data)".*?\}')

Question = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """
    A request's way at some number of connections, on average, in microseconds.

    Attributes:
        direct: OPA asked directly.

        through: The sidecar asked that remembers nothing.

        remembered: The other one, which has been asked the same before.

        evaluation: What OPA took to evaluate one, by OPA's own count, asked one at a time.

        in_opa: What a request took in OPA, by OPA's own count.

        stages: What it took in each of the sidecar's stages, by the sidecar's own count.
    """

    direct: Measured
    through: Measured
    remembered: Measured
    evaluation: float
    in_opa: float
    stages: Mapping[str, float]

    def parts(self) -> dict[str, float]:
        """
        Split the whole into its parts, which add up to it.
        """
        stages = dict(self.stages)
        total, opa = stages.pop("total"), stages.pop("opa")
        return {
            **stages,
            "OPA: evaluation": self.evaluation,
            "OPA: all else": self.in_opa - self.evaluation,
            "transport to OPA and back, and waiting": opa - self.in_opa,
            "sidecar: all else": total - opa - sum(stages.values()),
            "HTTP to the sidecar and back, and waiting": self.through.mean_us - total,
        }


def measure(bundle: Built, requests: Path) -> Iterator[Way]:
    """
    Measure a request's way, at each number of connections.
    """
    asked: list[Question] = list(evaluations(requests).values())
    with (
        on_core(SERVER),
        Supervisor(bundle.opa, Job.deciding({"decision": bundle.path})) as opa,
        running("memory: {entries: 0}", SIDECAR_OPA_URL=opa.url) as cold,
        serving(SIDECAR_OPA_URL=opa.url) as warm,
        on_core(LOAD),
    ):
        sidecars = f"http://{cold.address}", f"http://{warm}"
        for connections in CONNECTIONS:
            yield _way(opa.url, *sidecars, bundle.decision, asked, connections)


def _way(
    opa: str,
    sidecar: str,
    warm: str,
    decision: tuple[str, ...],
    asked: list[Question],
    connections: int,
) -> Way:
    path = f"/v1/data/{'/'.join(decision)}?provenance=true&strict-builtin-errors=true"
    environment = {"environment": {"date": utc_today()}}
    questions = [json.dumps({"input": {**each, **environment}}).encode() for each in asked]
    evaluated = [json.dumps(each).encode() for each in asked]
    each = REQUESTS_IN_ALL // connections

    load(opa, path, questions, connections, each // 10)
    direct = load(opa, path, questions, connections, each)
    evaluation = _evaluation_us(opa, f"{path}&metrics=true", questions)
    load(sidecar, EVALUATION, evaluated, connections, each // 10)
    before = _taken(sidecar, SIDECAR_STAGE), _taken(opa, OPA_HANDLER)
    through = load(sidecar, EVALUATION, evaluated, connections, each)
    after = _taken(sidecar, SIDECAR_STAGE), _taken(opa, OPA_HANDLER)

    load(warm, EVALUATION, evaluated, connections, each // 10)
    remembered = load(warm, EVALUATION, evaluated, connections, each)

    stages, in_opa = (_mean_us(*pair) for pair in zip(before, after, strict=True))
    return Way(direct, through, remembered, evaluation, in_opa["v1/data"], stages)


def _evaluation_us(opa: str, path: str, questions: list[bytes]) -> float:
    with closing(connect(opa)) as connection:
        turns = (questions[turn % len(questions)] for turn in range(EVALUATIONS))
        answers = [json.loads(post(connection, path, question)) for question in turns]
    taken = statistics.fmean(answer["metrics"][EVALUATION_TIMER] for answer in answers)
    return taken / 1000


def _taken(address: str, counted: re.Pattern[str]) -> dict[tuple[str, str], float]:
    """
    Read sums and counts from a server's metrics: {(name, "sum" or "count"): value}.
    """
    taken: dict[tuple[str, str], float] = {}
    for line in get(address, "/metrics").decode().splitlines():
        series, _, value = line.rpartition(" ")
        if found := counted.fullmatch(series):
            what, name = found.groups()
            taken[name, what] = taken.get((name, what), 0.0) + float(value)
    return taken


def _mean_us(
    before: Mapping[tuple[str, str], float], after: Mapping[tuple[str, str], float]
) -> dict[str, float]:
    since = {key: value - before.get(key, 0.0) for key, value in after.items()}
    return {
        name: since[name, "sum"] / since[name, "count"] * 1e6
        for name, what in since
        if what == "count" and since[name, what]
    }


def table(ways: list[Way]) -> Iterator[str]:
    """
    Write what was measured as a table, a pair of columns for each number of connections.
    """
    at = [f"µs at {way.through.connections} | share" for way in ways]
    yield _row("", at)
    yield "|---|" + "---:|---:|" * len(ways)
    for part in ways[0].parts():
        yield _row(part, [_share(way, part) for way in ways])
    yield _row("the whole", [f"{way.through.mean_us:.0f} | 100%" for way in ways])
    yield _row("p99", [f"{way.through.p99_us:.0f} |" for way in ways])
    yield _row("requests/s", [f"{way.through.per_second:.0f} | 1.0" for way in ways])
    for name, of in (("OPA asked directly", "direct"), ("what is remembered", "remembered")):
        yield _row(f"requests/s of {name}", [_beside(way, getattr(way, of)) for way in ways])


def _row(name: str, columns: list[str]) -> str:
    return f"| {name} | {' | '.join(columns)} |"


def _share(way: Way, part: str) -> str:
    taken = way.parts()[part]
    return f"{taken:.0f} | {taken / way.through.mean_us:.0%}"


def _beside(way: Way, other: Measured) -> str:
    return f"{other.per_second:.0f} | {other.per_second / way.through.per_second:.1f}"


def main(source: str, requests: str = str(REQUESTS)) -> int:
    """
    Measure, and print a table.
    """
    with built(Path(source)) as bundle:
        ways = list(measure(bundle, Path(requests)))
    print("\n".join(table(ways)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
