"""
deploy/prometheus/ asks for metrics that there are, and each alert has its page and its tests.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from sidecar import errors
from sidecar.errors import SidecarError
from tests.alerts.series import names, own_series
from tests.e2e.pages import table
from tests.e2e.serve import ROOT

PROMETHEUS: Final = ROOT / "deploy/prometheus"
RUNBOOKS: Final = ROOT / "docs/runbooks"
SLO: Final = ROOT / "docs/slo.md"
REGISTRY: Final = ROOT / "policies/privacy/agreement/data.yaml"
# Answered where records of decisions cannot be kept.
OF_RECORDS: Final = "records_not_kept"


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def _rules() -> Iterator[dict[str, Any]]:
    for name in ("rules.yaml", "clauses.yaml", "alerts.yaml"):
        for group in _read(PROMETHEUS / name)["groups"]:
            yield from group["rules"]


def _alerts() -> list[dict[str, Any]]:
    return [rule for rule in _rules() if "alert" in rule]


def _cases() -> Iterator[dict[str, Any]]:
    for file in (PROMETHEUS / "tests").glob("*.yaml"):
        for test in _read(file)["tests"]:
            yield from test["alert_rule_test"]


def test_names_are_found():
    """
    Labels, functions and the values of labels are no metrics.
    """
    expression = (
        'sum by (job) (rate(a_total{code=~"x|y"}[5m])) > 0 unless on (b) c:d_e offset 1d * 2'
    )

    assert names(expression) == {"a_total", "c:d_e"}


def test_every_metric_exists():
    """
    Each is the sidecar's own, is recorded by a rule, or stands in the list of docs/slo.md.
    """
    others = {row["metric"].strip("`") for row in table(SLO, "metric")}
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    asked = set().union(*(names(rule["expr"]) for rule in _rules()))
    unknown = asked - own_series() - others - recorded

    assert not unknown, f"no sidecar has {sorted(unknown)}, and docs/slo.md does not list them"
    assert not (others | recorded) - asked, "listed or recorded, and never asked for"


def test_each_error_of_ours_counts_and_no_other():
    """
    Availability counts the codes that are answered with 5xx, in every window.
    """
    selectors = {
        code
        for rule in _rules()
        if rule.get("record", "").startswith("privacy:failed:rate")
        for code in re.findall(r'code=~"([^"]*)"', rule["expr"])
    }
    [selector] = selectors
    by_code = {error.code: error.status for error in _errors()}
    counted = {code for code in by_code if re.fullmatch(selector, code)}
    stops_the_start = {"error", "settings_error", "missing_part"}

    assert counted == {code for code, status in by_code.items() if status >= 500} - stops_the_start
    assert re.fullmatch(selector, OF_RECORDS)


def _errors(root: type[SidecarError] = errors.SidecarError) -> Iterator[type[SidecarError]]:
    yield root
    for below in root.__subclasses__():
        yield from _errors(below)


def test_every_alert_has_a_page_and_every_page_an_alert():
    """
    A page says first which alert it is about.
    """
    pages = {file: file.read_text("utf-8").splitlines()[0] for file in RUNBOOKS.iterdir()}
    linked = {
        ROOT / alert["annotations"]["runbook_url"]: f"# {alert['alert']}" for alert in _alerts()
    }

    assert linked == pages


@pytest.mark.parametrize("page", sorted(RUNBOOKS.iterdir()), ids=lambda page: page.stem)
def test_every_page_says_what_to_do(page: Path):
    """
    No page is left half written, and each link leads somewhere.
    """
    text = page.read_text("utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]

    assert re.findall(r"^\*\*(.*?):?\*\*", text, re.MULTILINE)[:4] == [
        *("It means", "Look at", "Do", "Wake")
    ]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("alert", _alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_is_whole(alert: dict[str, Any]):
    """
    Each waits a while, says how urgent it is, and what has happened.
    """
    assert alert["for"]
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}


@pytest.mark.parametrize("alert", _alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_was_seen_firing_and_not_firing(alert: dict[str, Any]):
    """
    Of several rules for one alert, each was seen firing, by its labels.
    """
    cases = [case["exp_alerts"] for case in _cases() if case["alertname"] == alert["alert"]]
    fired = [expected["exp_labels"] for case in cases for expected in case]

    assert any(alert["labels"].items() <= labels.items() for labels in fired)
    assert [] in cases


def test_every_clause_with_a_rule_is_listed():
    """
    clauses.yaml knows the clauses of the registry that have a rule, with their titles, no others.
    """
    [group] = _read(PROMETHEUS / "clauses.yaml")["groups"]
    listed = [rule["labels"] for rule in group["rules"]]
    decided = [
        {"clause": clause, "title": entry["title"]}
        for clause, entry in _read(REGISTRY)["clauses"].items()
        if "undecidable" not in entry
    ]

    assert listed == decided


@pytest.mark.parametrize("name", ["rules.yaml", "clauses.yaml"])
def test_what_is_recorded_is_there_when_it_is_asked_for(name: str):
    """
    A sample is found for five minutes: no group takes its time.
    """
    assert [group for group in _read(PROMETHEUS / name)["groups"] if "interval" in group] == []


def test_every_alert_stands_in_the_objectives():
    """
    docs/slo.md names each alert that is none of the two objectives', with its severity.
    """
    listed = {
        (name, row["severity"])
        for row in table(SLO, "alerts")
        for name in re.findall(r"`(\w+)`", row["alerts"])
    }

    assert listed == {
        (alert["alert"], alert["labels"]["severity"])
        for alert in _alerts()
        if not alert["alert"].endswith("Burn")
    }
