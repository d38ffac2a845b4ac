"""
Bundles of other people's: what is decided with them, and what keeps them from being served.
"""

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.serve import Sidecar, running, started
from tests.running import BUNDLES, evaluation

MANIFEST = {"roots": ["own"], "metadata": {"authzen": {"decision": "own/decision"}}}


def _asked(subject: str, action: str) -> dict[str, Any]:
    return {
        "subject": {"type": "person", "id": subject},
        "action": {"name": action},
        "resource": {"type": "book", "id": "walden"},
    }


CASES = [
    (_asked("alice", "borrow"), True),
    (_asked("eve", "borrow"), False),
    (_asked("eve", "read"), True),
    (_asked("bob", "burn"), False),
]


@pytest.fixture(scope="module")
def by_hand(opa_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The bundle `boolean`, as `opa build` alone makes it: no batch rule, no revision.
    """
    target = tmp_path_factory.mktemp("by-hand") / "bundle.tar.gz"
    command = [str(opa_binary), "build", "--bundle", str(BUNDLES / "boolean")]
    subprocess.run([*command, "--output", str(target)], check=True, capture_output=True)
    return target


@pytest.fixture(scope="module", params=["folder", "tarball"])
def boolean(request: pytest.FixtureRequest, by_hand: Path) -> Iterator[Sidecar]:
    """
    A sidecar with a policy that is a plain boolean.
    """
    bundle = BUNDLES / "boolean" if request.param == "folder" else by_hand
    with running(SIDECAR_BUNDLE=str(bundle)) as sidecar:
        yield sidecar


def _own(folder: Path, rules: str, manifest: object = MANIFEST) -> Path:
    """
    Write a bundle of one file of Rego.
    """
    (folder / "own").mkdir(parents=True)
    (folder / "own/own.rego").write_text(f"package own\n\n{rules}\n", "utf-8")
    (folder / ".manifest").write_text(json.dumps(manifest), "utf-8")
    return folder


def test_a_boolean_is_a_decision(boolean: Sidecar):
    """
    The answer is `decision` alone; its id is in the header.
    """
    for asked, decision in CASES:
        answer = boolean.decide(asked)

        assert (answer.status, answer.json) == (200, {"decision": decision})
        assert answer.headers["x-decision-id"]


def test_a_batch_is_right_with_and_without_a_batch_rule(boolean: Sidecar):
    """
    Each item gets its own decision, in order, however the bundle was built.
    """
    asked = [asked for asked, _ in CASES] * 5

    assert boolean.decide_all(*asked).json == {
        "evaluations": [{"decision": decision} for _, decision in CASES * 5]
    }


def test_without_an_agreement_labels_are_other(boolean: Sidecar):
    """
    What a bundle has no terms for makes no series: all but the outcome is `other`.
    """
    before = boolean.counts("privacy_decisions_total")
    for asked, _ in CASES:
        boolean.decide(asked)
    after = boolean.counts("privacy_decisions_total")

    grown = {labels: n - before.get(labels, 0) for labels, n in after.items()}
    assert grown == {
        ("other", "permitted", "other", "other"): 2,
        ("other", "denied", "other", "other"): 2,
    }
    assert boolean.counts("privacy_clause_decisions_total") == {}


def test_a_folder_gets_a_revision():
    """
    A folder is built, and its revision is made of what is in it: ready in every respect.
    """
    with running(SIDECAR_BUNDLE=str(BUNDLES / "boolean")) as sidecar:
        told = sidecar.get("/readyz").json
        revision = told["revision"]

        assert told["state"] == "ready"
        assert sidecar.stdout.endswith(f" with bundle revision {revision}\n")
        assert sidecar.counts("privacy_bundle_info") == {("", revision, ""): 1}


def test_a_bundle_without_a_revision_is_said_to_be(by_hand: Path):
    """
    Decisions are made, but readiness is degraded: nobody could tell which bundle made them.
    """
    with running(SIDECAR_BUNDLE=str(by_hand)) as sidecar:
        told = sidecar.get("/readyz")

        assert (told.status, told.json["state"]) == (200, "degraded")
        assert sidecar.stdout.endswith(" with bundle revision without a name\n")


def test_what_becomes_of_the_file_does_not_matter(by_hand: Path, tmp_path: Path):
    """
    The bundle that was served at the start is served until the end, also by an OPA started anew.
    """
    bundle = tmp_path / "bundle.tar.gz"
    bundle.write_bytes(by_hand.read_bytes())
    with running(SIDECAR_BUNDLE=str(bundle)) as sidecar:
        bundle.unlink()

        assert sidecar.decide(CASES[0][0]).json == {"decision": True}


def test_an_object_without_context(tmp_path: Path):
    """
    An object with `decision` and without `context` is answered with `decision` alone.
    """
    rules = 'decision := {"decision": input.action.name == "yes", "why": "not told"}'
    with running(SIDECAR_BUNDLE=str(_own(tmp_path / "b", rules))) as sidecar:
        yes, no = evaluation("yes"), evaluation("no")

        assert sidecar.decide(yes).json == {"decision": True}
        assert sidecar.decide(no).json == {"decision": False}
        assert sidecar.decide_all(yes, no).json == {
            "evaluations": [{"decision": True}, {"decision": False}]
        }


def test_an_object_with_context(tmp_path: Path):
    """
    The policy's context is answered as it is, of any shape, with the decision's id and no policy.
    """
    rules = 'decision := {"decision": true, "context": input.context.said}'
    odd = {"clauses": 5, "obligations": "x", "reason": ["r"], "outcome": {}, "own": [None, 1.5]}
    with running(SIDECAR_BUNDLE=str(_own(tmp_path / "b", rules))) as sidecar:
        answer = sidecar.decide(evaluation("any", said=odd))

        assert answer.json == {
            "decision": True,
            "context": odd | {"decision_id": answer.headers["x-decision-id"]},
        }


def test_a_policy_gets_the_evaluation_and_the_date(tmp_path: Path):
    """
    Its input is subject, action, resource and context as they were sent, and the date, and no more.
    """
    rules = 'decision := {"decision": true, "context": {"input": input}}'
    sent = evaluation("any", facts={"a": [1, None, {"b": "ä"}]})
    with running(SIDECAR_BUNDLE=str(_own(tmp_path / "b", rules))) as sidecar:
        given = sidecar.decide(sent | {"more": "dropped", "environment": {"date": "1"}}).json
        got = given["context"]["input"]

        assert got == sent | {"environment": {"date": got["environment"]["date"]}}
        assert len(got["environment"]["date"]) == 10


def test_a_boolean_that_is_undefined_is_no_refusal(tmp_path: Path):
    """
    A rule without a default is an error where it does not hold, alone and in a batch.
    """
    rules = 'decision if input.action.name == "yes"'
    with running(SIDECAR_BUNDLE=str(_own(tmp_path / "b", rules))) as sidecar:
        yes, no = evaluation("yes"), evaluation("no")
        alone, batch = sidecar.decide(no), sidecar.decide_all(yes, no).json["evaluations"]

        assert (alone.status, alone.code) == (503, "decision_undefined")
        assert batch[0] == {"decision": True}
        assert batch[1]["context"]["error"]["code"] == "decision_undefined"


WRONG = [
    ("decision if {\n\tinput.x ==\n}", MANIFEST, "own/own.rego:5: rego_parse_error"),
    ("decision := nothing", MANIFEST, "own/own.rego:3: rego_unsafe_var_error"),
    ("decision := data.own.decision", MANIFEST, "own/own.rego:3: rego_recursion_error"),
    ("other := true", MANIFEST, ".manifest: metadata.authzen.decision names no rule: own/decision"),
    ("decision := true", {}, ".manifest: metadata is missing"),
    ("decision := true", {"metadata": {"authzen": {}}}, "metadata.authzen.decision is missing"),
    (
        "decision := true",
        {"metadata": {"authzen": {"decision": "own/../decision"}}},
        "metadata.authzen.decision must be a path such as package/rule, of plain names",
    ),
    ("decision := true", [], ".manifest must be a JSON object"),
    ("decision := true", MANIFEST | {"roots": ["elsewhere"]}, "elsewhere"),
]


@pytest.mark.parametrize(("rules", "manifest", "said"), WRONG)
def test_a_broken_bundle_is_not_served(tmp_path: Path, rules, manifest, said):
    """
    The start is refused with exit code 2, and file and row or key are named.
    """
    _is_refused(_own(tmp_path / "b", rules, manifest), said)


def test_a_folder_without_a_manifest_is_not_served(tmp_path: Path):
    """
    The sentence says what is missing, and what it is for.
    """
    folder = _own(tmp_path / "b", "decision := true")
    (folder / ".manifest").unlink()

    _is_refused(folder, "b/.manifest is missing: it says which rule decides")


def test_what_is_no_bundle_is_not_served(tmp_path: Path):
    """
    Neither nothing nor a file of another kind.
    """
    text = tmp_path / "bundle.txt"
    text.write_text("bundle", "utf-8")

    _is_refused(tmp_path / "nothing", "there is no bundle ")
    _is_refused(text, "bundle.txt is neither a folder nor a gzipped tarball")


def test_a_broken_tarball_is_not_served(tmp_path: Path):
    """
    Where OPA itself does not take a tarball, its own words are given.
    """
    folder = _own(tmp_path / "b", "decision := nothing")
    target = tmp_path / "bundle.tar.gz"
    with tarfile.open(target, "w:gz") as tar:
        for name in (".manifest", "own/own.rego"):
            tar.add(folder / name, name)

    _is_refused(target, "own.rego:3: rego_unsafe_var_error")


def test_a_tarball_without_a_manifest_is_not_served(tmp_path: Path):
    """
    A tarball has to say which rule decides, too.
    """
    folder = _own(tmp_path / "b", "decision := true")
    target = tmp_path / "bundle.tar.gz"
    with tarfile.open(target, "w:gz") as tar:
        tar.add(folder / "own/own.rego", "own/own.rego")

    _is_refused(target, ".manifest is missing: it says which rule decides")


def _is_refused(bundle: Path, said: str) -> None:
    with started(SIDECAR_BUNDLE=str(bundle)) as sidecar:
        assert sidecar.process.wait(60) == 2
        assert sidecar.stdout == ""
        assert "sidecar: " in sidecar.stderr
        assert said in sidecar.stderr
        assert "Traceback" not in sidecar.stderr
        assert sidecar.left == set()
