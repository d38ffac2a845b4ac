"""
What was measured, as a page with a picture.
"""

import os
import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.bundle.opa import version

if TYPE_CHECKING:
    from bench.compare import Result, Spread

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"
PICTURE = "benchmarks.svg"

# Which is divided by which, and what is asked for at least.
RATIOS = (
    ("warm", "opa", 1.2),
    ("warm", "cerbos", 1.7),
    ("warm", "wsgi", 0.8),
    ("unrecorded", "wsgi", None),
    ("cold", "opa", 0.35),
    ("cold", "client", 1.6),
    ("batch", "warm", 25),
)
# So many decisions a second are enough, whatever the ratio.
ENOUGH = {"batch": 100_000}
# Milliseconds that 99 of 100 requests stay below, by variant and rate.
BOUNDS = {("warm", 500): 2.0, ("cold", 500): 6.0}


def write(page: Path, result: "Result", opa: Path) -> str:
    """
    Replace the measured part of the page, and draw its picture.

    Returns:
        The measured part.

    Raises:
        ValueError: The page does not say where that part is.
    """
    measured = "\n".join(_measured(result, opa))
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks {BEGIN} or {END}")
    page.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}", "utf-8")
    _draw(page.with_name(PICTURE), result)
    return measured


def _measured(result: "Result", opa: Path) -> Iterator[str]:
    yield from _machine(opa)
    yield ""
    yield "| who | decisions/s, median | from | to | µs of a core for one |"
    yield "|---|---:|---:|---:|---:|"
    for key, name in result.names.items():
        told = result.decisions[key]
        low, high = min(told.values), max(told.values)
        cost = result.costs[key].median
        yield f"| {name} | {told.median:,.0f} | {low:,.0f} | {high:,.0f} | {cost:,.0f} |"
    yield ""
    yield f"![Decisions a second]({PICTURE})"
    yield ""
    yield "| ratio, turn by turn | median | from | to | wanted | by what of a core it took |"
    yield "|---|---:|---:|---:|---|---:|"
    for over, under, least in RATIOS:
        ratio = result.decisions[over].over(result.decisions[under])
        name = f"{result.names[over]} : {result.names[under]}"
        cost = result.costs[under].over(result.costs[over]).median
        wanted = _wanted(ratio.median, least, result.decisions[over].median, ENOUGH.get(over))
        yield f"| {name} | {_spread(ratio)} | {wanted} | {cost:.2f} |"
    yield ""
    yield "| at a steady rate | requests/s | p50 ms | p99 ms | p99.9 ms | p99 wanted |"
    yield "|---|---:|---:|---:|---:|---|"
    for (key, rate), found in result.latencies.items():
        p50, p99, p999 = (
            sorted(getattr(each, name) for each in found)[len(found) // 2]
            for name in ("p50", "p99", "p999")
        )
        bound = BOUNDS.get((key, rate))
        met = "" if bound is None else f"under {bound:g}: {'yes' if p99 < bound else 'no'}"
        yield f"| {result.names[key]} | {rate} | {p50:.2f} | {p99:.2f} | {p999:.2f} | {met} |"
    yield ""
    away = result.stalls.gaps_ms
    longest = max(away, default=0)
    yield (
        "The machine itself: looked at in between, the servers' core was away for more than a "
        f"millisecond {len(away)} times in {result.stalls.seconds:.0f} s, {longest:.0f} ms at the "
        "longest."
    )
    yield ""
    kept, busy = result.footprint.resident_mb, result.footprint.busy_mb
    yield (
        f"A sidecar's processes are resident with: {_listed(kept)} MB; where each question went to "
        f"OPA: {_listed(busy)} MB. It is ready {result.footprint.ready_s:.2f} s after its start "
        "(median)."
    )


def _listed(megabytes: Mapping[str, float]) -> str:
    return ", ".join(f"{what} {mb:.0f}" for what, mb in megabytes.items())


def _spread(told: "Spread") -> str:
    return f"{told.median:.2f} | {min(told.values):.2f} | {max(told.values):.2f}"


def _wanted(ratio: float, least: float | None, decisions: float, enough: float | None) -> str:
    if least is None:
        return ""
    met = ratio >= least or (enough is not None and decisions >= enough)
    instead = "" if enough is None else f", or {enough:,} a second"
    return f"{least:g}{instead}: {'yes' if met else 'no'}"


def _machine(opa: Path) -> Iterator[str]:
    numbers = version(opa) or ()
    yield (
        f"Machine: {_processor()}, {len(os.sched_getaffinity(0))} cores that may be used; Linux "
        f"{platform.release().split('-')[0]}; Python {platform.python_version()}; "
        f"OPA {'.'.join(map(str, numbers))}."
    )


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.M)
    return found[1].strip() if found else platform.machine()


def _draw(file: Path, result: "Result") -> None:
    import matplotlib

    matplotlib.use("svg")
    # The same file for the same figures.
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"
    from matplotlib import pyplot

    single = [key for key in result.names if "batch" not in key]
    medians = [result.decisions[key].median for key in single]
    spans = [
        [
            median - min(result.decisions[key].values)
            for key, median in zip(single, medians, strict=True)
        ],
        [
            max(result.decisions[key].values) - median
            for key, median in zip(single, medians, strict=True)
        ],
    ]
    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    colours = [
        "tab:blue" if result.names[key].startswith("sidecar") else "tab:gray" for key in single
    ]
    axes.barh([result.names[key] for key in single], medians, xerr=spans, color=colours)
    axes.invert_yaxis()
    axes.set_xlabel("decisions a second, one at a time, server on one core")
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
