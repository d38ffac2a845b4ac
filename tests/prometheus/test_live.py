"""
A real Prometheus scrapes two sidecars and their OPAs under load, while one thing after the other
goes wrong: panels have data, alerts fire for their cause and resolve, and Alertmanager is told.
"""

from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.prometheus.panels import Panel, panels
from tests.prometheus.pictures import draw
from tests.prometheus.servers import FOLDER
from tests.prometheus.story import OF_DAYS, OF_HOURS, WHOLE, Alert, Story

PANELS: Final = [*panels()]
ALERTS: Final = OF_HOURS + (OF_DAYS if WHOLE else [])


def test_everything_is_scraped(story: Story):
    """
    Both sidecars, and the OPA that each asks, answer Prometheus with the labels that dashboards
    choose by.
    """
    seen = {
        (target["labels"]["job"], target["labels"]["application"], target["health"])
        for target in story.targets
    }

    assert seen == {(job, app, "up") for job in ("sidecar", "opa") for app in ("billing", "help")}


def test_every_rule_can_be_evaluated(story: Story):
    """
    No expression, of an alert or of what is recorded, is wrong.
    """
    assert {rule["health"] for rule in story.rules} == {"ok"}
    assert {rule.get("lastError", "") for rule in story.rules} == {""}


def test_every_alert_is_waited_for():
    """
    None of those that are shipped is left out here; of several rules for one alert, each is there.
    """
    shipped = [
        (rule["alert"], rule["labels"].get("window", ""))
        for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]

    assert sorted(shipped) == sorted(
        (alert.name, alert.labels.get("window", "")) for alert in OF_HOURS + OF_DAYS
    )


@pytest.mark.parametrize(
    "alert", ALERTS, ids=lambda alert: f"{alert.name}{alert.labels.get('window', '')}"
)
def test_every_alert_fires_for_its_cause_and_resolves(story: Story, alert: Alert):
    """
    Alertmanager's receiver was told of both, with the labels that the cause has.
    """
    firing = [each for each in story.told if each["status"] == "firing"]
    resolved = [each for each in story.told if each["status"] == "resolved"]

    assert alert.among(firing), sorted({each["labels"]["alertname"] for each in firing})
    assert alert.among(resolved)


@pytest.mark.parametrize("panel", PANELS, ids=[f"{panel.board} {panel.title}" for panel in PANELS])
def test_every_panel_has_data(story: Story, panel: Panel):
    """
    Each of its queries finds something that is a number.
    """
    range_s = story.full - story.began
    for target in panel.targets:
        asked = target.asked(range_s)

        assert story.prometheus.between(asked, story.began, story.full), asked


def test_traces_are_beside_how_long_answers_take(story: Story):
    """
    Prometheus keeps exemplars, each with the trace of a request.
    """
    name = "privacy_decision_duration_seconds_bucket"
    found = story.prometheus.exemplars(name, story.began, story.ended)

    assert found
    assert all(len(exemplar["labels"]["trace_id"]) == 32 for exemplar in found)


def test_pictures_can_be_drawn(story: Story, tmp_path: Path):
    """
    Each dashboard is a picture that is not too large for a page.
    """
    drawn = draw(story, tmp_path)

    assert {file.name for file in drawn} == {f"{panel.board}.png" for panel in PANELS}
    assert all(10_000 < file.stat().st_size < 200_000 for file in drawn)
