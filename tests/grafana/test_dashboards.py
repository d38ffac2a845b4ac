"""
deploy/grafana/: dashboards that say what to do, and ask for metrics that there are.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from deploy.grafana import generate
from tests.alerts.series import names, own_series
from tests.e2e.pages import table
from tests.e2e.serve import ROOT

FOLDER: Final = ROOT / "deploy/grafana"
BOARDS: Final = sorted((FOLDER / "dashboards").glob("*.json"))
# Of OPA: those of the alerts, and those that only dashboards show.
OF_OPA: Final = {
    "http_request_duration_seconds_bucket",
    "http_request_duration_seconds_count",
    "go_memory_classes_total_bytes",
}
UNITS: Final = {"short", "s", "ops", "reqps", "percentunit", "bytes"}

_LINK: Final = re.compile(r"\b([a-z]+(?:-[a-z]+)+)\b")


def _board(file: Any) -> dict[str, Any]:
    board: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return board


def _panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in BOARDS:
        for panel in _board(file)["panels"]:
            if panel["type"] != "row":
                yield file.stem, panel


PANELS: Final = [*_panels()]


def _recorded() -> set[str]:
    return {
        rule["record"]
        for name in ("rules.yaml", "clauses.yaml")
        for group in yaml.safe_load((ROOT / "deploy/prometheus" / name).read_text("utf-8"))[
            "groups"
        ]
        for rule in group["rules"]
    }


def test_they_are_what_would_be_written(capsys: pytest.CaptureFixture[str]):
    """
    Nobody has changed a generated file, or left one over.
    """
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: file.stem)
def test_they_are_chosen_by_the_same(file: Any):
    """
    Namespace, application and agreement choose on each, and no two panels have one title.
    """
    board = _board(file)
    titles = [panel["title"] for panel in board["panels"]]

    assert board["uid"] == file.stem
    assert [variable["name"] for variable in board["templating"]["list"]] == [
        *("datasource", "namespace", "application", "agreement", "instance")
    ]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(
    "panel", [panel for _, panel in PANELS], ids=[f"{b}-{p['id']}" for b, p in PANELS]
)
def test_a_panel_is_whole(panel: dict[str, Any]):
    """
    Each has a title, a unit, a sentence that says what to do, and queries with a name.
    """
    assert panel["title"][0].isupper()
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert len(panel["description"].split()) >= 12 and panel["description"].endswith(".")
    assert panel["targets"]
    assert all(target["legendFormat"] for target in panel["targets"])


def test_every_metric_exists():
    """
    Each is the sidecar's own, is recorded by a rule, or one of OPA's or Prometheus' that are known.
    """
    others = {row["metric"].strip("`") for row in table(ROOT / "docs/slo.md", "metric")} | OF_OPA
    asked = {
        name for _, panel in PANELS for target in panel["targets"] for name in names(target["expr"])
    }

    assert asked - own_series() - _recorded() - others == set()
    assert asked >= OF_OPA


def test_every_runbook_exists():
    """
    A page that a description names is there.
    """
    pages = {page.stem for page in (ROOT / "docs/runbooks").iterdir()}
    named = {
        name
        for _, panel in PANELS
        if "runbook" in panel["description"]
        for name in _LINK.findall(panel["description"].partition("runbook")[2])
    }

    assert named - {"bench-policies"} <= pages
    assert len(named) >= 10


def test_provisioning_leads_to_them():
    """
    The files that Grafana reads at its start are YAML of the kind that it knows.
    """
    source = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yaml").read_text())
    provider = yaml.safe_load((FOLDER / "provisioning/dashboards/privacy.yaml").read_text())

    assert [each["type"] for each in source["datasources"]] == ["prometheus"]
    assert [each["type"] for each in provider["providers"]] == ["file"]
