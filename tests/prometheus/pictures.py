"""
Draw what the dashboards show of a story, one picture each: `make pictures` puts them into docs/.
"""

import os
from collections.abc import Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator, PercentFormatter
from PIL import Image

from tests.prometheus.panels import Panel, panels
from tests.prometheus.servers import Series
from tests.prometheus.story import Story

PICTURES: Final = os.environ.get("PICTURES")
"""
Where pictures are to stay.
"""

_SHOWN: Final = 8
_COLOURS: Final = [f"C{number}" for number in range(10)]


def draw(story: Story, folder: Path) -> list[Path]:
    """
    Draw every dashboard.

    Args:
        story: What is shown.

        folder: Where the pictures go, unless PICTURES says where.

    Returns:
        The files.
    """
    target = Path(PICTURES) if PICTURES else folder
    target.mkdir(exist_ok=True)
    return [
        _drawn(story, [*of_board], target / f"{board}.png")
        for board, of_board in groupby(panels(), key=lambda panel: panel.board)
    ]


def _drawn(story: Story, shown: Sequence[Panel], file: Path) -> Path:
    rows = (len(shown) + 1) // 2
    figure = Figure(figsize=(13, 2.9 * rows), layout="constrained")
    for index, panel in enumerate(shown):
        axes = figure.add_subplot(rows, 2, index + 1)
        axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold")
        axes.tick_params(labelsize=7)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if panel.kind == "timeseries":
            _lines(axes, story, panel)
        elif panel.kind == "stat":
            _value(axes, story, panel)
        else:
            _bars(axes, story, panel)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=72)
    # Few colours will do, and take half the room.
    Image.open(drawn).convert("RGB").quantize(255).save(file, optimize=True)
    return file


def _lines(axes: Any, story: Story, panel: Panel) -> None:
    found = [
        (target.named(dict(series.labels)), series)
        for target in panel.targets
        for series in story.prometheus.between(target.asked(0), story.began, story.full)
    ]
    found.sort(key=lambda named: -max(value for _, value in named[1].points))
    found = found[:_SHOWN]
    if panel.stacked:
        _stacked(axes, story, found)
    else:
        for index, (name, series) in enumerate(found):
            times = [at - story.began for at, _ in series.points]
            values = [value for _, value in series.points]
            axes.plot(times, values, label=name, linewidth=1.2, color=_COLOURS[index])
    axes.set_ylim(0, axes.get_ylim()[1])
    # As in Grafana: what is shown does not shrink for a limit that is far away.
    if panel.limit is not None and panel.limit < axes.get_ylim()[1]:
        axes.axhline(panel.limit, color="red", linewidth=0.8, linestyle="dashed")
    axes.set_xlim(0, story.full - story.began)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:.0f} s"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(_formatter(panel.unit))
    axes.grid(axis="y", linewidth=0.3)
    axes.legend(fontsize=6, ncols=2, loc="upper left", framealpha=0.6)


def _stacked(axes: Any, story: Story, found: Sequence[tuple[str, Series]]) -> None:
    moments = sorted({at for _, series in found for at, _ in series.points})
    heights = [[dict(series.points).get(moment, 0.0) for moment in moments] for _, series in found]
    axes.stackplot(
        [moment - story.began for moment in moments],
        heights,
        labels=[name for name, _ in found],
        colors=_COLOURS,
        alpha=0.8,
    )


def _bars(axes: Any, story: Story, panel: Panel) -> None:
    range_s = story.full - story.began
    found = sorted(
        (series.points[0][1], target.named(dict(series.labels)))
        for target in panel.targets
        for series in story.prometheus.at(target.asked(range_s), story.full)
    )[-_SHOWN:]
    names = [name if len(name) < 48 else f"{name[:47]}…" for _, name in found]
    bars = axes.barh(range(len(found)), [value for value, _ in found], color=_COLOURS[0])
    formatter = _formatter(panel.unit)
    axes.bar_label(bars, [formatter(value) for value, _ in found], fontsize=7, padding=2)
    axes.set_yticks(range(len(found)), names)
    axes.xaxis.set_visible(False)
    axes.set_ylim(-0.6, max(4, len(found)) - 0.4)
    axes.margins(x=0.15)


def _value(axes: Any, story: Story, panel: Panel) -> None:
    [series] = story.prometheus.at(panel.targets[0].asked(story.full - story.began), story.full)
    value = series.points[0][1]
    high = panel.limit is not None and value >= panel.limit
    shown = _formatter(panel.unit)(value)
    axes.text(0.5, 0.5, shown, fontsize=32, ha="center", va="center", color="r" if high else "g")
    axes.axis("off")


def _formatter(unit: str) -> Any:
    match unit:
        case "s":
            return EngFormatter(unit="s")
        case "percentunit":
            return PercentFormatter(xmax=1)
        case "bytes":
            return EngFormatter(unit="B")
        case "reqps" | "ops":
            return EngFormatter(unit="/s")
    return FuncFormatter(lambda value, _: f"{value:,.4g}" if value < 1000 else f"{value:,.0f}")
