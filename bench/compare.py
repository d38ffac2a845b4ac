"""
The sidecar beside others: `python -m bench.compare BUNDLE`.

All are started on one core, the load comes from another where there is one, and they are measured
in turns, several times. Prints what was measured, and writes it to docs/benchmarks.md, with a
picture. BENCH_ROUNDS and BENCH_SECONDS say how often, and how long each time.
"""

import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import tools
from bench.bundle import Built, built
from bench.cores import LOAD, SERVER, on_core
from bench.footprint import Footprint, footprint
from bench.page import write
from bench.processes import processor_s
from bench.stalls import Stalls, stalls
from bench.tools import Latency, LoadFailed, ToolMissing
from bench.variants import Target, Variant, variants

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "2"))
WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True)
class Spread:
    """
    A figure that was measured several times.

    Attributes:
        values: As it was each time.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """
        What half of them stay below.
        """
        return statistics.median(self.values)

    def over(self, other: "Spread") -> "Spread":
        """
        Divide by another, turn by turn: what slows the machine down slows both.
        """
        return Spread(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))


@dataclass(frozen=True, slots=True)
class Result:
    """
    What a run came to.

    Attributes:
        names: What variants are called, by their keys.

        decisions: Decisions a second, by the variant's key.

        costs: Microseconds of a core that a decision took, by the variant's key.

        latencies: Milliseconds, by the variant's key and the rate.

        footprint: Memory, and the time to be ready.

        stalls: How the machine itself was, between the turns.
    """

    names: Mapping[str, str]
    decisions: Mapping[str, Spread]
    costs: Mapping[str, Spread]
    latencies: Mapping[tuple[str, int], Sequence[Latency]]
    footprint: Footprint
    stalls: Stalls


def measure(bundle: Built, rounds: int, seconds: float) -> Result:
    """
    Run everything, and measure it in turns.
    """
    decisions: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    latencies: dict[tuple[str, int], list[Latency]] = {}
    quiet = stalls(WARM_UP_S)
    with ExitStack() as held:
        with on_core(SERVER):
            running = [
                (variant, held.enter_context(variant.start(bundle))) for variant in variants()
            ]
        held.enter_context(on_core(LOAD))
        for _, target in running:
            tools.throughput(_url(target), target.bodies, WARM_UP_S)
        for turn in range(rounds):
            _say(f"turn {turn + 1} of {rounds}")
            for variant, target in running:
                before = processor_s(*target.pids)
                answered = tools.throughput(_url(target), target.bodies, seconds)
                used_s = processor_s(*target.pids) - before
                decisions.setdefault(variant.key, []).append(answered.per_second * target.decisions)
                costs.setdefault(variant.key, []).append(
                    used_s / max(1, answered.requests * target.decisions) * 1e6
                )
            for variant, target, rate in _at_rates(running):
                found = tools.latency(_url(target), target.bodies, rate, seconds)
                latencies.setdefault((variant.key, rate), []).append(found)
                quiet += stalls(WARM_UP_S / 4)
    return Result(
        {variant.key: variant.name for variant, _ in running},
        {key: Spread(tuple(values)) for key, values in decisions.items()},
        {key: Spread(tuple(values)) for key, values in costs.items()},
        latencies,
        footprint(bundle),
        quiet,
    )


def _at_rates(
    running: Sequence[tuple[Variant, Target]],
) -> Iterator[tuple[Variant, Target, int]]:
    for variant, target in running:
        for rate in variant.rates:
            yield variant, target, rate


def _url(target: Target) -> str:
    return target.address + target.path


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main(source: str, page: str = "docs/benchmarks.md") -> int:
    """
    Measure, and write the page.
    """
    try:
        tools.check()
        with built(Path(source)) as bundle:
            result = measure(bundle, ROUNDS, SECONDS)
    except ToolMissing as wrong:
        _say(str(wrong))
        return 3
    except LoadFailed as wrong:
        _say(f"not everything was answered: {wrong}")
        return 1
    print(write(Path(page), result, bundle.opa))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
