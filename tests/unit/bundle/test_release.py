"""
sidecar.bundle.release: a bundle's agreement decides whether it may be released.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.bundle.build import build
from sidecar.bundle.release import ReleaseDecision, asks_for_note
from sidecar.errors import SettingsError
from tests.e2e.serve import ROOT
from tests.tarballs import tarball

DONE = """\
says: Carriers may be told the telephone number.
significant: true
announced: {where: "https://example.com/privacy", date: 2026-02-01}
told: {how: mail to the registered contact, date: "2026-02-01"}
"""
RULES = """\
package own

decision := {"decision": input.subject.id == "yes"} if input.subject.id != "nothing"

asks := {"evaluation": {"subject": {"id": input.note.who}}, "problems": []} if input.note.who
"""


@pytest.fixture(scope="module")
def agreement(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> Path:
    """
    The shipped policy, built.
    """
    target = tmp_path_factory.mktemp("release") / "decision.tar.gz"
    return build(ROOT / "policies", target, opa=opa_binary).path


def _note(tmp_path: Path, text: str) -> Path:
    note = tmp_path / "note.yaml"
    note.write_text(text, "utf-8")
    return note


def _own(tmp_path: Path, opa: Path, agreement: object, rules: str = RULES) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "own.rego").write_text(rules, "utf-8")
    metadata: dict[str, Any] = {"authzen": {"decision": "own/decision"}}
    if agreement is not None:
        metadata["agreement"] = agreement
    manifest = {"roots": ["own"], "revision": "own-1", "metadata": metadata}
    (folder / ".manifest").write_text(json.dumps(manifest), "utf-8")
    return build(folder, tmp_path / "own.tar.gz", opa=opa).path


@pytest.mark.parametrize(
    ("text", "today", "reason"),
    [
        (DONE, "2026-02-01", "permitted"),
        (DONE, "2026-01-31", "obligation_unmet"),
        (DONE.replace("significant: true", "significant: false"), "2026-01-31", "permitted"),
        (DONE.partition("told:")[0] + "told: false", "2026-02-01", "obligation_unmet"),
        (
            DONE.partition("announced:")[0] + "announced: false\ntold: false",
            "2026-02-01",
            "obligat",
        ),
    ],
    ids=["done", "to come", "matters to nobody", "nobody was told", "neither"],
)
def test_the_agreement_decides_on_a_release(
    tmp_path: Path, opa_binary: Path, agreement: Path, text, today, reason
):
    """
    A significant change needs its announcement and its notice, and both by the day of the release;
    the clauses on changes are cited, with what they say.
    """
    note = _note(tmp_path, text)
    found = ReleaseDecision.of(agreement, note, opa=opa_binary, today=today)

    assert found.allowed == (reason == "permitted")
    assert found.reason.startswith(reason)
    assert {"5.3-d", "5.3-e", "5.3-f"} >= found.clauses.keys() >= {"5.3-d"}
    assert found.allowed or {"5.3-e", "5.3-f"} & found.clauses.keys()
    assert all(found.clauses.values())


def test_what_must_be_done_comes_with_the_release(
    tmp_path: Path, opa_binary: Path, agreement: Path
):
    """
    The obligations of the permission are told.
    """
    found = ReleaseDecision.of(agreement, _note(tmp_path, DONE), opa=opa_binary, today="2026-02-01")

    assert "publish_updated_policy" in found.obligations


def test_what_a_note_does_not_say_is_missing(tmp_path: Path, opa_binary: Path, agreement: Path):
    """
    Silence on the announcement is not taken for one.
    """
    note = _note(tmp_path, "says: Something else.\nsignificant: true\n")
    found = ReleaseDecision.of(agreement, note, opa=opa_binary)
    silent = ReleaseDecision.of(
        agreement, _note(tmp_path, DONE.partition("announced:")[0]), opa=opa_binary
    )

    assert found == silent
    assert not found.allowed or found.obligations


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "note.yaml: says is missing, or not a text"),
        (
            DONE.replace("significant: true", "significant: very"),
            "significant is missing, or not t",
        ),
        (
            DONE.replace("date: 2026-02-01", "date: soon"),
            "announced.date is not a day such as 2027",
        ),
        (DONE.replace("how: mail to the registered contact, ", ""), "told.how is not a text"),
        (DONE + "shouted: true", "shouted is unknown"),
        (DONE + "revision: other", "revision is other, and "),
        (DONE + "says: again", "says stands twice"),
        ("- a", "must be a mapping of keys to values"),
    ],
    ids=[
        *("empty", "significance", "a day", "a way", "an unknown key", "another revision"),
        *("a key twice", "no mapping"),
    ],
)
def test_a_broken_note_is_named(tmp_path: Path, opa_binary: Path, agreement: Path, text, said):
    """
    The sentence names the note and the key.
    """
    with pytest.raises(SettingsError) as wrong:
        ReleaseDecision.of(agreement, _note(tmp_path, text), opa=opa_binary)

    assert said in wrong.value.message
    assert str(tmp_path / "note.yaml") in wrong.value.message


def test_a_note_may_be_about_one_revision(tmp_path: Path, opa_binary: Path):
    """
    One that is about this revision counts, and one about another one does not.
    """
    bundle = _own(tmp_path, opa_binary, {"id": "a", "version": "1", "release": "own/asks"})
    this = _note(tmp_path, "{who: 'yes', revision: own-1}")

    assert ReleaseDecision.of(bundle, this, opa=opa_binary).allowed
    with pytest.raises(SettingsError, match=r"revision is own-0, and .* is own-1"):
        ReleaseDecision.of(bundle, _note(tmp_path, "{revision: own-0}"), opa=opa_binary)


def test_any_policy_may_decide_on_its_release(tmp_path: Path, opa_binary: Path):
    """
    A bundle without clauses and words decides too; a bare refusal is one.
    """
    bundle = _own(tmp_path, opa_binary, {"id": "a", "version": "1", "release": "own/asks"})

    def decided(who: str) -> ReleaseDecision:
        return ReleaseDecision.of(bundle, _note(tmp_path, f"who: '{who}'"), opa=opa_binary)

    assert decided("yes") == ReleaseDecision(True, "", {}, (), ())
    assert decided("no") == ReleaseDecision(False, "", {}, (), ())
    with pytest.raises(SettingsError, match=r"does not decide on it"):
        decided("nothing")
    with pytest.raises(SettingsError, match=r"makes no question of .*note\.yaml"):
        ReleaseDecision.of(bundle, _note(tmp_path, "whom: me"), opa=opa_binary)


@pytest.mark.parametrize("agreement", [None, {"id": "a", "version": "1"}], ids=["none", "silent"])
def test_a_policy_may_not_say_who_decides(tmp_path: Path, opa_binary: Path, agreement):
    """
    Then nothing is decided, which is neither a permission nor a refusal.
    """
    bundle = _own(tmp_path, opa_binary, agreement)

    with pytest.raises(SettingsError, match=r"its manifest has no metadata\.agreement\.release"):
        ReleaseDecision.of(bundle, _note(tmp_path, "a: b"), opa=opa_binary)


def test_the_rule_that_asks_must_be_there(tmp_path: Path, opa_binary: Path):
    """
    A manifest that names none is refused when the bundle is built.
    """
    with pytest.raises(SettingsError, match=r"metadata\.agreement\.release names no rule: own/as"):
        _own(tmp_path, opa_binary, {"id": "a", "version": "1", "release": "own/ask"})


def test_what_is_no_bundle_is_not_released(tmp_path: Path, opa_binary: Path):
    """
    Neither another file, nor a bundle that decides nothing.
    """
    note = _note(tmp_path, "a: b")
    text = tmp_path / "text.tar.gz"
    text.write_text("text", "utf-8")
    data = tarball(tmp_path / "data.tar.gz", {".manifest": "{}"})

    with pytest.raises(SettingsError, match="is no gzipped tarball"):
        ReleaseDecision.of(text, note, opa=opa_binary)
    with pytest.raises(SettingsError, match=r"data\.tar\.gz: metadata is missing"):
        ReleaseDecision.of(data, note, opa=opa_binary)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (DONE, 0, "may be released\n"),
        (
            DONE.partition("announced:")[0] + "announced: false\ntold: false",
            1,
            "must not be released: obligation_unmet\n",
        ),
    ],
    ids=["permitted", "refused"],
)
def test_the_command_line_says_it(tmp_path: Path, agreement: Path, text, code, said):
    """
    Exit code 1 where it must not be released, with the clauses and what they say.
    """
    command = ("release", agreement, "--note", _note(tmp_path, text))
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", "bundle", *command],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(f"{agreement} {said}")
    assert "  5.3-e: When a change matters, CSW announces it" in done.stdout


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """
    Where a store that speaks S3 should be, and nobody answers.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        yield listener


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (DONE.partition("told:")[0] + "told: false", 1, "must not be released: obligation_unmet"),
        (None, 2, "is released by its agreement: --note is needed"),
    ],
    ids=["refused", "no note"],
)
def test_what_must_not_be_released_is_not_shipped(
    tmp_path: Path, agreement: Path, store: socket.socket, text, code, said
):
    """
    A significant change that companies were not told of is not pushed, and the clauses are cited:
    the store never hears of it.
    """
    note = ("--note", _note(tmp_path, text)) if text else ()
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", "bundle", "push", agreement, "s3://a/b.tar.gz", *note],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert ("5.3-f: When a change matters, CSW also writes" in done.stdout) == (code == 1)
    with pytest.raises(BlockingIOError):
        store.accept()


def test_data_and_other_policies_need_no_note(tmp_path: Path, opa_binary: Path, agreement: Path):
    """
    Only an agreement that decides on releases asks for one.
    """
    roots = '{"roots": ["a"], "metadata": {"registers": {}}}'

    assert asks_for_note(agreement)
    assert not asks_for_note(tarball(tmp_path / "data.tar.gz", {".manifest": roots}))
    assert not asks_for_note(_own(tmp_path, opa_binary, None))


def test_the_shipped_note_will_do(opa_binary: Path, agreement: Path):
    """
    The note beside the recipe is whole, and what it says lets the shipped policy be released.
    """
    assert ReleaseDecision.of(agreement, ROOT / "bundles/release.yaml", opa=opa_binary).allowed
