"""
sidecar.delivery: what its parts say of odd input. How they work together: tests/delivery.
"""

from pathlib import Path

import msgspec
import pytest

from sidecar.delivery.failure import CODES, Refused, code_of, code_of_status
from sidecar.delivery.fetcher import Fetch
from sidecar.delivery.journal import Journal
from sidecar.delivery.kept import Kept
from sidecar.delivery.opa_config import FetchingConfig
from sidecar.delivery.settings import Bundles
from sidecar.delivery.state import State, StateFile
from sidecar.errors import SettingsError
from tests.credentials import Keys

GOOD = """\
services: {shop: {url: https://shop.example}}
bundles: {policy: {service: shop}}
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {}", "bundles must be a mapping"),
        ("bundles: {}", "bundles must not be empty"),
        ("bundles: {'a b': {}}", "bundles.a b must be a plain name"),
        ("bundles: {7: {}}", "bundles.7 must be a plain name"),
        ("bundles: {lock: {}}", "bundles.lock must be a plain name, and not lock"),
        ("bundles: {policy: shop}", "bundles.policy must be a mapping"),
        ("bundles: {policy: {persist: false}}", "bundles.policy.persist is set by the sidecar"),
        ("bundles: {policy: {signing: {}}}", "bundles.policy.signing is set by the sidecar"),
        (GOOD + "decision_logs: {}", "decision_logs is unknown here; known are services, bundles"),
        (GOOD + "keys: {}", "keys is unknown here"),
    ],
)
def test_a_configuration_that_will_not_do(tmp_path: Path, text: str, said: str):
    """
    The file is named, and the place in it.
    """
    file = tmp_path / "opa.yaml"
    file.write_text(text, "utf-8")

    with pytest.raises(SettingsError, match=said) as refused:
        FetchingConfig.read(file, keys=None, most_bytes=5000)
    assert str(file) in refused.value.message


def test_a_configuration_is_completed(tmp_path: Path):
    """
    With the keys, whose ids are their files' names, and with the bounds.
    """
    file = tmp_path / "opa.yaml"
    file.write_text(GOOD, "utf-8")
    public = [Keys(tmp_path).make(name, kind)[1] for name, kind in (("a", "ES256"), ("b", "EdDSA"))]

    found = FetchingConfig.read(file, keys=public, most_bytes=5000)

    completed = msgspec.json.decode(found.content)
    assert found.names == ("policy",)
    assert completed["bundles"]["policy"] == {
        "service": "shop",
        "persist": True,
        "size_limit_bytes": 5000,
        "signing": {},
    }
    assert {name: key["algorithm"] for name, key in completed["keys"].items()} == {
        "a": "ES256",
        "b": "EdDSA",
    }


def test_two_keys_of_one_name(tmp_path: Path):
    """
    They could not be told apart.
    """
    file = tmp_path / "opa.yaml"
    file.write_text(GOOD, "utf-8")
    (tmp_path / "more").mkdir()
    keys = [Keys(folder).make("a")[1] for folder in (tmp_path, tmp_path / "more")]

    with pytest.raises(SettingsError, match=r"signing\.keys: a stands twice"):
        FetchingConfig.read(file, keys=keys, most_bytes=5000)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"when_stale": "stop"}, "when_stale must be one of serve, refuse"),
        ({"when_stale": "refuse"}, "when_stale must go with bundles.max_staleness_s"),
        ({"golden": "yes"}, "golden must be one of refuse, report, ignore"),
        ({"min_revision": -1}, "min_revision must be from 0"),
        ({"max_staleness_s": 0.5}, "max_staleness_s must be from 1"),
        ({"bytes": 1}, "bytes must be from 4096"),
        ({"golden_within_s": 0}, "golden_within_s must be from 0.1"),
        ({"persistence": Path("/nowhere/at/all")}, "persistence must be a folder"),
        ({"config": Path("/nowhere.yaml")}, "config must be a file"),
    ],
)
def test_settings_that_will_not_do(given: dict[str, object], said: str):
    """
    Each mistake names its key.
    """
    with pytest.raises(SettingsError, match=f"bundles.{said}"):
        Bundles(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("bundle missing .signatures.json file", "signature"),
        ("a/b.rego: digest mismatch (want: x, got: y)", "signature"),
        ('request failed: Get "http://x/b.tar.gz": dial tcp: connection refused', "download"),
        ("server replied with Not Found", "download"),
        ("bundle read failed: archive read failed: unexpected EOF", "archive"),
        ("detected overlapping roots in manifests for these bundles: [a, b]", "roots"),
        ("1 error occurred: a.rego:1: rego_parse_error: x", "compile"),
        ("something that no version has said yet", "other"),
    ],
)
def test_what_opa_says_has_a_code(said: str, code: str):
    """
    By its words, since there is nothing else.
    """
    assert code_of(said) == code
    assert code_of_status({"message": said}) == code
    assert code in CODES


def test_what_opa_counts_has_a_code():
    """
    A status is a failed download, and errors are the compiler's.
    """
    assert code_of_status({"http_code": "404", "message": "x"}) == "download"
    assert code_of_status({"errors": [{"code": "rego_parse_error"}]}) == "compile"


def test_a_status_with_odd_times():
    """
    What is no time, or was never, is none.
    """
    fetch = Fetch.from_status(
        "policy",
        {
            "active_revision": "r",
            "last_request": "yesterday",
            "last_successful_request": "0001-01-01T00:00:00Z",
            "last_successful_activation": 7,
            "code": "bundle_error",
            "message": "compile",
            "errors": ["plain", {"message": "x", "location": {"file": "a.rego", "row": 3}}],
        },
    )

    assert (fetch.revision, fetch.asked_at, fetch.confirmed_at) == (None, 0.0, None)
    assert fetch.failure is not None
    assert fetch.failure.details == "compile; plain; a.rego:3: x"


def test_a_state_is_whole_or_the_one_before(tmp_path: Path):
    """
    What is not there, or broken, is a state in which nothing is known.
    """
    file = StateFile(tmp_path)
    assert file.read() == State()
    file.write(State(active={"policy": "r"}, confirmed={"policy": 5.0}))
    assert file.read().age_s(7.0) == 2.0
    file.path.write_bytes(b"{")
    assert file.read() == State()


def test_an_age_is_that_of_the_oldest():
    """
    Where one was never confirmed there is none, and what is set has none to speak of.
    """
    two = State(active={"a": "1", "b": "2"}, confirmed={"a": 5.0, "c": 1.0})

    assert two.age_s(9.0) is None
    assert State(active=two.active, confirmed={"a": 5.0, "b": 4.0}).age_s(9.0) == 5.0
    assert State(active=two.active, active_since=3.0, fixed=True).age_s(9.0) == 0.0


def test_a_failure_is_logged_once_and_counted_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """
    As long as it is the same.
    """
    journal = Journal(StateFile(tmp_path))
    for _ in range(3):
        journal.failed(Refused("archive", "policy", "broken"))
    journal.failed(Refused("archive", "policy", "otherwise broken"))

    assert journal.state.failures == {"archive": 4}
    assert len([line for line in caplog.messages if "does not become active" in line]) == 2


def test_what_is_kept(tmp_path: Path):
    """
    All bundles or none; what is broken was never confirmed; without a folder nothing is kept.
    """
    (tmp_path / "source").write_bytes(b"bundle")
    kept = Kept(tmp_path)
    kept.keep({"policy": tmp_path / "source"})
    (tmp_path / "confirmed.json").write_bytes(b"[")

    assert kept.bundles(["policy", "pond"]) is None
    assert kept.bundles(["policy"]) == {"policy": tmp_path / "policy.tar.gz"}
    assert kept.confirmed() == {}
    nothing = Kept(None)
    nothing.keep({"policy": tmp_path / "source"})
    nothing.confirm({"policy": 1.0})
    assert (nothing.bundles(["policy"]), nothing.confirmed()) == (None, {})
