"""
The panels of the dashboards, as Grafana would ask for them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.e2e.serve import ROOT

DASHBOARDS: Final = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))

_LABEL: Final = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Target:
    """
    A query of a panel.

    Attributes:
        expression: What is asked.

        legend: What its series are called; labels stand in `{{…}}`.
    """

    expression: str
    legend: str

    def asked(self, range_s: float) -> str:
        """
        Put in what Grafana does, with everything chosen.

        Args:
            range_s: How much time is shown, in seconds.
        """
        asked = self.expression.replace("$__rate_interval", "5s")
        asked = asked.replace("$__range", f"{max(1, round(range_s))}s")
        for name in ("namespace", "application", "agreement", "instance"):
            asked = asked.replace(f"${name}", ".+")
        assert "$" not in asked, asked
        return asked

    def named(self, labels: dict[str, str]) -> str:
        """
        Name a series.
        """
        return _LABEL.sub(lambda found: labels.get(found[1], ""), self.legend).strip(", ")


@dataclass(frozen=True, slots=True)
class Panel:
    """
    A panel.

    Attributes:
        board: Its dashboard's file, without the ending.

        title: Its title.

        unit: Its unit.

        kind: What draws it: timeseries, bargauge or stat.

        stacked: Whether its series stand on each other.

        limit: What the value must not be above; None where it may be any.

        targets: Its queries.
    """

    board: str
    title: str
    unit: str
    kind: str
    stacked: bool
    limit: float | None
    targets: tuple[Target, ...]


def panels() -> Iterator[Panel]:
    """
    Read the panels of all dashboards, in their order.
    """
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text("utf-8"))["panels"]:
            if panel["type"] == "row":
                continue
            defaults = panel["fieldConfig"]["defaults"]
            steps = defaults.get("thresholds", {}).get("steps", [])
            custom = defaults.get("custom", {})
            yield Panel(
                file.stem,
                panel["title"],
                defaults["unit"],
                panel["type"],
                custom.get("stacking", {}).get("mode") == "normal",
                next((step["value"] for step in steps if step["value"] is not None), None),
                tuple(Target(each["expr"], each["legendFormat"]) for each in panel["targets"]),
            )
