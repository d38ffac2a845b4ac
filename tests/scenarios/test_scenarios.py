"""
The policies answer as the scenarios expect: the sources, and the bundle that is built from them.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.bundle.build import build
from sidecar.bundle.opa import opa_binary
from tests.scenarios.scenario import Scenario, differences, load
from tests.scenarios.server import Server, serve

POLICIES = Path(__file__).parents[2] / "policies"
SCENARIOS = list(load())


@pytest.fixture(scope="session", params=["sources", "bundle"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """
    OPA with the policies, once as they are written and once as they are shipped.
    """
    policies = POLICIES
    if request.param == "bundle":
        policies = tmp_path_factory.mktemp("bundle") / "bundle.tar.gz"
        build(POLICIES, policies, opa=opa_binary())
    with serve(policies) as running:
        yield running
        running.close()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_the_answer_is_the_expected_one(server: Server, scenario: Scenario) -> None:
    """
    Decision, outcome, permitted categories, reason, missing facts and obligations are as expected,
    and a clause is cited that the scenario shows.
    """
    answer = server.decide(scenario.request)

    assert "\n".join(differences(scenario, answer)) == "", scenario.why


def test_no_two_scenarios_have_one_name() -> None:
    """
    A name leads to one scenario.
    """
    names = Counter(scenario.name for scenario in SCENARIOS)

    assert [name for name, times in names.items() if times > 1] == []


def test_every_clause_with_a_rule_has_a_scenario() -> None:
    """
    Each clause that a rule decides is shown, and no scenario cites a clause that there is not.
    """
    shown = {clause for scenario in SCENARIOS for clause in scenario.clauses}
    clauses = _data("agreement")["clauses"]
    ruled = {clause for clause, entry in clauses.items() if "undecidable" not in entry}

    assert (ruled - shown, shown - set(clauses)) == (set(), set())


def test_every_file_is_of_a_section() -> None:
    """
    Scenarios stand in a file of one of the agreement's sections.
    """
    sections = {f"s{number.replace('.', '_')}.yaml" for number in _data("agreement")["sections"]}

    assert {scenario.file for scenario in SCENARIOS} <= sections


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_what_is_expected_is_in_the_vocabulary(scenario: Scenario) -> None:
    """
    A scenario expects nothing that the policies have no word for, and agrees with itself.
    """
    terms = _data("vocabulary")
    expect = scenario.expect
    asked = scenario.request["resource"].get("properties", {}).get("categories", [])

    assert expect.reason in terms["reasons"]
    assert set(expect.missing_facts) <= {*terms["facts"], "purpose", "recipient"}
    assert set(expect.obligations) <= set(terms["obligations"])
    assert expect.permitted == [category for category in asked if category in expect.permitted]
    assert expect.decision == (expect.outcome == expect.reason == "permitted")
    assert (expect.outcome == "partial") == (expect.reason == "mixed")
    assert (expect.outcome == "denied") <= (expect.permitted == [])


@cache
def _data(name: str) -> Any:
    return yaml.safe_load((POLICIES / "privacy" / name / "data.yaml").read_text("utf-8"))
