"""
tests.prometheus.scaled: nothing but durations is changed, and all of them are.
"""

import json
import re
from typing import Any, Final

import pytest
import yaml

from tests.prometheus.scaled import expression, scaled
from tests.prometheus.servers import FOLDER

DURATION: Final = re.compile(r"\d+(?:ms|[smhd])\b")


def _rules(name: str) -> dict[str, Any]:
    rules: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return rules


def test_an_expression():
    """
    Windows, offsets and ages are shorter; other numbers stay.
    """
    before = 'rate(a_total{code="5m"}[5m] offset 1d) * 3600 > 14.4 and b_age_seconds > 3600'
    after = 'rate(a_total{code="5m"}[3000ms] offset 864000ms) * 3600 > 14.4 and b_age_seconds > 36'

    assert expression(before, 100) == after


@pytest.mark.parametrize("name", ["rules.yaml", "alerts.yaml", "clauses.yaml"])
def test_with_no_factor_nothing_changes_but_how_it_is_written(name: str):
    """
    Beside durations a scaled file is the one that is shipped.
    """

    def without(rules: dict[str, Any]) -> str:
        return DURATION.sub("…", json.dumps(rules))

    rules = _rules(name)
    assert without(scaled(rules, 1)) == without(rules)


@pytest.mark.parametrize("name", ["rules.yaml", "alerts.yaml"])
def test_every_duration_is_divided(name: str):
    """
    None is left as it was.
    """
    for group in scaled(_rules(name), 100)["groups"]:
        for rule in group["rules"]:
            bare = re.sub(r'"[^"]*"', "", rule["expr"])
            found = re.findall(r"(?:\[|offset )(\w+)", bare)

            assert all(duration.endswith("ms") for duration in found)
            assert rule.get("for", "1ms").endswith("ms")
