"""
What a dashboard is made of: a few kinds of panels, and the variables that all of them choose by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_model

OF_TARGETS: Final = 'namespace=~"$namespace",application=~"$application"'
"""
Chooses what is scraped, also where it has no bundle.
"""

CHOSEN: Final = f'{OF_TARGETS},instance=~"$instance"'
"""
Chooses among those too that decide by an agreement.
"""

_SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="$datasource")
_WIDTH: Final = 12
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class Panel:
    """
    A panel.

    Attributes:
        title: A question, or a noun.

        description: What to do about what it shows.

        unit: Grafana's name of the unit.

        queries: Expressions, by what their series are called.

        kind: lines, stacked, bars (one value each, for the time that is shown) or value (the same,
            large).

        limit: What the value must not be above; None where it may be any.

        exemplars: Whether traces are shown beside it.
    """

    title: str
    description: str
    unit: str
    queries: Mapping[str, str]
    kind: str = "lines"
    limit: float | None = None
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """
    A dashboard.

    Attributes:
        uid: Its name for programs, and its file's.

        title: Its name for people.

        description: What it is for.

        rows: Panels, by the titles of their rows.
    """

    uid: str
    title: str
    description: str
    rows: Mapping[str, Sequence[Panel]]


def written(board: Board) -> str:
    """
    Write a dashboard as Grafana takes it.
    """
    builder = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["privacy"])
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .link(
            dashboard.DashboardLink("Others")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags(["privacy"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for variable in _variables():
        builder.with_variable(variable)
    number = 0
    for title, panels in board.rows.items():
        builder.with_row(dashboard.Row(title))
        for panel in panels:
            number += 1
            builder.with_panel(_panel(panel).id(number))
    return JSONEncoder(sort_keys=True, indent=2).encode(builder.build()) + "\n"


def _variables() -> list[Builder[model.VariableModel]]:
    """
    Make the variables; each offers what those before it leave. The last one is not shown: it holds
    the sidecars that decide by the agreement.
    """
    chosen = 'namespace=~"$namespace",application=~"$application",agreement=~"$agreement"'
    return [
        dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        _choice("namespace", "Namespace", "privacy_ready, namespace"),
        _choice(
            "application", "Application", 'privacy_ready{namespace=~"$namespace"}, application'
        ),
        _choice("agreement", "Agreement", f"privacy_bundle_info{{{OF_TARGETS}}}, agreement"),
        _choice("instance", "Instance", f"privacy_bundle_info{{{chosen}}}, instance").hide(
            model.VariableHide.HIDE_VARIABLE
        ),
    ]


def _choice(name: str, label: str, values: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(_SOURCE)
        .query(f"label_values({values})")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _panel(panel: Panel) -> Any:
    made = _KINDS[panel.kind](panel)
    made.title(panel.title).description(panel.description).unit(panel.unit).datasource(_SOURCE)
    made.span(_WIDTH).height(_HEIGHT)
    for index, (legend, expression) in enumerate(panel.queries.items()):
        query = (
            prometheus.Dataquery()
            .ref_id(chr(ord("A") + index))
            .datasource(_SOURCE)
            .expr(expression)
            .legend_format(legend)
        )
        if panel.kind in ("bars", "value"):
            query.instant().format(prometheus_model.PromQueryFormat.TIME_SERIES)
        else:
            query.range().exemplar(panel.exemplars)
        made.with_target(query)
    if panel.limit is not None:
        made.thresholds(
            dashboard.ThresholdsConfig()
            .mode(model.ThresholdsMode.ABSOLUTE)
            .steps(
                [
                    model.Threshold(value=None, color="green"),
                    model.Threshold(value=panel.limit, color="red"),
                ]
            )
        )
    return made


def _lines(panel: Panel) -> Any:
    made = (
        timeseries.Panel()
        .min(0)
        .fill_opacity(10)
        .show_points(common_model.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_model.LegendDisplayMode.LIST)
            .placement(common_model.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    if panel.limit is not None:
        made.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_model.GraphThresholdsStyleMode.DASHED)
        )
    return made


def _stacked(panel: Panel) -> Any:
    stacked = common.StackingConfig().mode(common_model.StackingMode.NORMAL)
    return _lines(panel).fill_opacity(50).stacking(stacked)


def _bars(_: Panel) -> Any:
    return (
        bargauge.Panel()
        .min(0)
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .display_mode(common_model.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )


def _value(_: Panel) -> Any:
    return stat.Panel().reduce_options(
        common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    )


_KINDS: Final = {"lines": _lines, "stacked": _stacked, "bars": _bars, "value": _value}
