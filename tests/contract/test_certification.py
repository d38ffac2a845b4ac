"""
The certification's four levels, met over TLS by another team's bundle: a boolean, a directory of
people and records, and searches.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.asking import JSON, Ask, Case, Request, cases, named, through_http
from tests.contract.conftest import PUBLIC_URL
from tests.contract.test_contract import CERTIFICATION, assert_expected, assert_well_formed
from tests.credentials import Authority
from tests.e2e.serve import free_port, running
from tests.running import BUNDLES

# What the agreement's own bundle decides is another matter; what is wrong with a request is not.
CASES = [
    case
    for case in cases()
    if case.certification and (case.bundle != "privacy" or case.expect["status"] != 200)
]
WELL_KNOWN = "/.well-known/authzen-configuration"


def _served(folder: Path, address: str, public_url: str) -> Iterator[Ask]:
    authority = Authority()
    cert, key = authority.server().written(folder, "server")
    settings = {
        "SIDECAR_LISTEN": address,
        "SIDECAR_BUNDLE": str(BUNDLES / "directory"),
        "SIDECAR_PUBLIC_URL": public_url,
        "SIDECAR_TLS_CERT": str(cert),
        "SIDECAR_TLS_KEY": str(key),
    }
    with running("", authority.trusted(), **settings) as sidecar:
        yield through_http(sidecar.address, sidecar.tls)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """
    Ask the team's sidecar over TLS, as one that is known by the contract's address.
    """
    yield from _served(tmp_path_factory.mktemp("tls"), f"127.0.0.1:{free_port()}", PUBLIC_URL)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_of_the_certification_passes(ask: Ask, case: Case):
    """
    What the case says holds for this bundle, over TLS.
    """
    answer = ask(case.request)

    assert_expected(answer, dict(case.expect))
    assert_well_formed(answer)


def test_no_case_of_the_certification_is_left_out():
    """
    All that the certification asks for at its four levels is asked for here.
    """
    assert {name for case in CASES for name in case.certification} == CERTIFICATION


def test_a_client_finds_its_way(tmp_path: Path):
    """
    From the address alone: the metadata names every endpoint, each answers there, and what a search
    finds is permitted when it is evaluated.
    """
    address = f"127.0.0.1:{free_port()}"
    for ask in _served(tmp_path, address, f"https://{address}"):
        known = ask(Request(path=WELL_KNOWN, method="GET", headers={})).json
        paths = {
            name.removesuffix("_endpoint"): urlsplit(url).path
            for name, url in known.items()
            if name.endswith("_endpoint")
        }

        def asked(name: str, body: Any, paths: dict[str, str] = paths, ask: Ask = ask) -> Any:
            answer = ask(Request(json.dumps(body).encode(), paths[name], headers=JSON))
            assert answer.status == 200, answer.content
            return answer.json

        view = named("view")
        assert known["policy_decision_point"] == f"https://{address}"
        assert asked("access_evaluation", view) == {"decision": True}
        batch = asked(
            "access_evaluations", {**view, "evaluations": [{}, {"action": view["action"]}]}
        )
        assert batch == {"evaluations": [{"decision": True}] * 2}
        for kind in ("subject", "resource", "action"):
            question = {**view, kind: {"type": view[kind].get("type")}}
            if kind == "action":
                del question["action"]
            found = asked(f"search_{kind}", question)["results"]
            assert found
            for entity in found:
                assert asked("access_evaluation", {**view, kind: entity}) == {"decision": True}
