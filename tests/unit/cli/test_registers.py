"""
`sidecar registers`.
"""

import json
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sidecar.records.masking import Ids
from tests.credentials import Keys
from tests.e2e.serve import ROOT
from tests.running import BUNDLES

SHIPPED = ROOT / "bundles/registers"
CARRIER = """\
carrier-7:
  facts: {third_party_bound: true}
  author: legal
  date: 2020-03-01
  until: %s
  reference: contract 12
"""


def _sidecar(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments], capture_output=True, text=True, check=False
    )


def _ends_in(days: int, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    until = datetime.now(UTC).date() + timedelta(days)
    (folder / "recipients.yaml").write_text(CARRIER % until, "utf-8")
    return folder


def _content(bundle: Path, name: str) -> Any:
    with tarfile.open(bundle) as tar:
        found = tar.extractfile(name)
        assert found is not None
        return json.loads(found.read())


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The shipped policy, built.
    """
    target = tmp_path_factory.mktemp("policy") / "decision.tar.gz"
    assert _sidecar("bundle", "build", ROOT / "policies", "--output", target).returncode == 0
    return target


def test_registers_are_built_into_a_bundle_of_their_own(policy: Path, tmp_path: Path):
    """
    The same registers give the same bytes, whatever stood there before; their root is their own,
    and what is not said to be for another policy is for the shipped one.
    """
    first, second = tmp_path / "a/r.tar.gz", tmp_path / "b/r.tar.gz"
    done = _sidecar("registers", "build", SHIPPED, "--output", first)
    again = _sidecar("registers", "build", SHIPPED, "--for", policy, "--output", second)

    assert (done.returncode, done.stderr) == (0, "")
    assert again.stdout == done.stdout.replace(str(first), str(second))
    assert first.read_bytes() == second.read_bytes()
    assert _content(first, "/.manifest")["roots"] == ["privacy_registers"]
    assert _content(first, "/data.json")["privacy_registers"]["recipients"]["carrier-7"] == {
        "facts": {"third_party_bound": True},
        "author": "legal",
        "date": "2026-03-01",
        "until": "2029-02-28",
        "reference": "contract 2026-114, annex 3",
    }


def test_they_are_signed_and_looked_into_as_any_bundle(policy: Path, tmp_path: Path):
    """
    `bundle sign`, `verify` and `inspect` take them; another entry is another revision.
    """
    bundle = tmp_path / "r.tar.gz"
    private, public = Keys(tmp_path).make("k")
    _sidecar("registers", "build", SHIPPED, "--for", policy, "--output", bundle)
    signed = _sidecar("bundle", "sign", bundle, "--key", private, "--key-id", "k")
    verified = _sidecar("bundle", "verify", bundle, "--key", public)
    inspected = json.loads(_sidecar("bundle", "inspect", bundle, "--json").stdout)
    told = _sidecar("bundle", "inspect", bundle).stdout.splitlines()
    fewer = _ends_in(5, tmp_path / "fewer")
    other = _sidecar("registers", "build", fewer, "--for", policy, "--output", bundle)

    assert (signed.returncode, verified.returncode) == (0, 0)
    assert inspected["roots"] == ["privacy_registers"]
    assert inspected["signed_by"] == ["k"]
    assert "decision" not in inspected
    assert "decision      none: it holds data for another bundle" in told
    assert len(inspected["revision"]) == 16
    assert inspected["revision"] not in other.stdout


def test_facts_are_judged_by_the_policy(policy: Path, tmp_path: Path):
    """
    What no caller could state is refused, all of it at once; nothing is written.
    """
    folder = tmp_path / "registers"
    folder.mkdir()
    facts = "{third_party_bound: yes, wizardry: true, consent: perhaps}"
    text = (CARRIER % "2029-01-01").replace("{third_party_bound: true}", facts)
    (folder / "recipients.yaml").write_text(text.replace("yes", "'yes'"), "utf-8")
    target = tmp_path / "r.tar.gz"
    done = _sidecar("registers", "build", folder, "--for", policy, "--output", target)

    assert (done.returncode, done.stdout) == (2, "")
    at = f"{folder}: recipients: carrier-7.facts"
    assert done.stderr.removeprefix("sidecar: ").splitlines() == [
        f"{at}.consent is not one of the values this fact can have",
        f"{at}.third_party_bound is not true or false",
        f"{at}.wizardry is unknown",
    ]
    assert not target.exists()


def test_a_policy_must_look_them_up(tmp_path: Path):
    """
    For a bundle that does not say which registers it looks up, none are built.
    """
    done = _sidecar("registers", "build", SHIPPED, "--for", BUNDLES / "boolean")

    assert (done.returncode, done.stdout) == (2, "")
    assert "its manifest has no metadata.agreement.registers" in done.stderr


def test_what_a_policy_says_of_them_must_make_sense(tmp_path: Path):
    """
    A document of another shape is named.
    """
    folder = tmp_path / "policy"
    (folder / "a").mkdir(parents=True)
    (folder / "a/a.rego").write_text("package a\n\ndecision := true\n", "utf-8")
    agreement = {"id": "a", "version": "1", "registers": "a/registers"}
    manifest = {
        "roots": ["a"],
        "metadata": {"authzen": {"decision": "a/decision"}, "agreement": agreement},
    }
    (folder / ".manifest").write_text(json.dumps(manifest), "utf-8")
    done = _sidecar("registers", "check", SHIPPED, "--for", folder)

    assert done.returncode == 2
    assert "a/registers: registers must have at, kinds and faults" in done.stderr


def test_a_policy_that_holds_registers_itself_takes_no_others(tmp_path: Path):
    """
    Roots that overlap are refused before anything ships.
    """
    folder = tmp_path / "policy"
    (folder / "a").mkdir(parents=True)
    (folder / "a/a.rego").write_text("package a\n\ndecision := true\n", "utf-8")
    source = {"at": "a", "kinds": {"recipients": []}, "faults": "a/faults"}
    (folder / "a/data.json").write_text(json.dumps({"registers": source}), "utf-8")
    agreement = {"id": "a", "version": "1", "registers": "a/registers"}
    manifest = {
        "roots": ["a"],
        "metadata": {"authzen": {"decision": "a/decision"}, "agreement": agreement},
    }
    (folder / ".manifest").write_text(json.dumps(manifest), "utf-8")
    registers = _ends_in(5, tmp_path / "registers")
    done = _sidecar("registers", "build", registers, "--for", folder, "--output", tmp_path / "r")

    assert done.returncode == 2
    assert "overlap" in done.stderr


def test_a_place_that_cannot_be_written_is_named(policy: Path, tmp_path: Path):
    """
    It is wrong use, and no stack trace.
    """
    (tmp_path / "file").touch()
    target = tmp_path / "file/r.tar.gz"
    done = _sidecar("registers", "build", SHIPPED, "--for", policy, "--output", target)

    assert done.returncode == 2
    assert done.stderr.startswith(f"sidecar: {target} cannot be written: ")


@pytest.mark.parametrize(
    ("days", "within", "code", "said"),
    [
        (-1, "30d", 1, "ended"),
        (0, "0d", 1, "ends"),
        (30, "30d", 1, "ends"),
        (31, "30d", 0, "1 entries: none has ended, and none ends within 30 days"),
        (31, "31d", 1, "ends"),
    ],
)
def test_what_ends_soon_is_listed(policy: Path, tmp_path: Path, days, within, code, said):
    """
    Exit code 1 where an entry has ended or ends soon, with its author and its reference.
    """
    folder = _ends_in(days, tmp_path / "registers")
    done = _sidecar("registers", "check", folder, "--for", policy, "--within", within)

    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(said)
    assert ("recipients carrier-7, by legal (contract 12)" in done.stdout) == bool(code)


def test_a_built_bundle_is_checked_too(policy: Path, tmp_path: Path):
    """
    What was shipped can be looked through where the folder is not at hand.
    """
    bundle = tmp_path / "r.tar.gz"
    folder = _ends_in(-1, tmp_path / "registers")
    _sidecar("registers", "build", folder, "--for", policy, "--output", bundle)
    done = _sidecar("registers", "check", bundle, "--for", policy)

    assert done.returncode == 1
    assert done.stdout.startswith("ended ")


@pytest.mark.parametrize(
    ("subject", "recipient", "said", "warned"),
    [
        ("billing", "carrier-7", "1 recorded decisions found it, 1 of them permissions; ", ""),
        ("billing", "other", "no recorded decision found it", ""),
        (None, None, "no recorded decision found it", "1 records hold no ids (records.ids): "),
        (
            "hmac-sha256:00",
            "hmac-sha256:01",
            "no recorded decision found it",
            "1 records hold hashed ids: --key is needed",
        ),
    ],
)
def test_decisions_that_leaned_on_it_are_counted(
    policy: Path, tmp_path: Path, subject, recipient, said, warned
):
    """
    As far as records hold ids; where they do not, that is said.
    """
    asked = {
        "subject": {"type": "csw"} | ({"id": subject} if subject else {}),
        "context": {"recipient": {"type": "x"} | ({"id": recipient} if recipient else {})},
        "environment": {"date": "2026-01-01"},
    }
    event = {"decision_id": "d-1", "input": asked, "result": {"decision": True}}
    records = tmp_path / "records.jsonl"
    records.write_text(json.dumps(event) + "\n", "utf-8")
    folder = _ends_in(-1, tmp_path / "registers")
    done = _sidecar("registers", "check", folder, "--for", policy, "--records", records)

    assert done.returncode == 1
    assert said in done.stdout
    assert done.stderr.startswith(warned) and bool(done.stderr) == bool(warned)


def test_hashed_ids_need_their_key(policy: Path, tmp_path: Path):
    """
    With the records' key the entry is found by its hashed id.
    """
    secret = b"0123456789abcdef0123456789abcdef"
    key = tmp_path / "key"
    key.write_bytes(secret + b"\n")
    hashed = Ids("hash", secret).masked
    asked = {
        "subject": {"type": "csw", "id": hashed("billing")},
        "context": {"recipient": {"type": "x", "id": hashed("carrier-7")}},
        "environment": {"date": "2026-01-01"},
    }
    event = {"decision_id": "d-1", "input": asked, "result": {"decision": False}}
    records = tmp_path / "records.jsonl"
    records.write_text(json.dumps(event) + "\n", "utf-8")
    folder = _ends_in(-1, tmp_path / "registers")
    options = ("--for", policy, "--records", records, "--key", key)
    done = _sidecar("registers", "check", folder, *options)

    assert "1 recorded decisions found it, 0 of them permissions; the last on 2026-01-01: d-1" in (
        done.stdout
    )
    assert done.stderr == ""


def test_days_are_a_number(tmp_path: Path):
    """
    Anything else is wrong use.
    """
    done = _sidecar("registers", "check", SHIPPED, "--within", "soon")

    assert done.returncode == 2
    assert "'soon' is no number of days such as 30d" in done.stderr
