"""
Settings: strict, typed, each mistake with its sentence.
"""

from pathlib import Path

import pytest

from sidecar.errors import SettingsError
from sidecar.settings import Settings

BAD = Path(__file__).parent


def test_nothing_set_is_enough():
    """
    Without settings it listens on port 8080 of the loopback, with the shipped policies.
    """
    settings = Settings.from_environment({"PATH": "/bin"})

    assert (settings.listen.host, settings.listen.port) == ("127.0.0.1", 8080)
    assert (settings.bundle / ".manifest").is_file()


MISTAKES = {
    "unknown-key": "servr is unknown",
    "unknown-nested-key": "server.wrokers is unknown",
    "workers-too-many": "server.workers must be from 1 to 64, got 65",
    "workers-a-text": "server.workers must be a whole number, got 'two'",
    "threads-a-truth": "server.threads must be a whole number, got True",
    "nesting-too-small": "limits.nesting must be from 4 to 200, got 3",
    "body-too-small": "limits.body_bytes must be from 1024 to 67108864, got 1",
    "evaluations-zero": "limits.evaluations must be from 1 to 100000, got 0",
    "level-unknown": "log.level must be one of debug, info, warning, error, got 'loud'",
    "timeout-zero": "opa.answer_timeout_s must be from 0.001 to 60, got 0.0",
    "ca-missing": "opa.ca must be a file, got '/nowhere/ca.pem'",
    "twice": "workers stands twice",
    "a-list": "must be a mapping of keys to values, got [1]",
    "no-yaml": "is not YAML",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_has_its_sentence(mistake: str):
    """
    A mistake in the file stops the start, and the sentence names key, limit and value.
    """
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({"SIDECAR_CONFIG": str(BAD / f"bad-{mistake}.yaml")})

    assert MISTAKES[mistake] in raised.value.message


def test_every_bad_file_is_tried():
    """
    There is no file without its sentence, and no sentence without its file.
    """
    assert {file.stem.removeprefix("bad-") for file in BAD.glob("bad-*.yaml")} == set(MISTAKES)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("SIDECAR_LISTEN", "8080", "SIDECAR_LISTEN must be host:port"),
        ("SIDECAR_LISTEN", "127.0.0.1:x", "SIDECAR_LISTEN must be host:port"),
        ("SIDECAR_LISTEN", "127.0.0.1:65536", "SIDECAR_LISTEN must be host:port"),
        ("SIDECAR_LISTEN", "0.0.0.0:80", "listen_beyond_loopback"),
        ("SIDECAR_LSITEN", "127.0.0.1:80", "SIDECAR_LSITEN"),
        ("SIDECAR_TLS_CERT", "cert.pem", "SIDECAR_TLS_CERT"),
        ("SIDECAR_TOKENS_FILE", "tokens", "SIDECAR_TOKENS_FILE"),
        ("SIDECAR_PUBLIC_URL", "https://pdp", "SIDECAR_PUBLIC_URL"),
        ("SIDECAR_CONFIG", "/nowhere.yaml", "/nowhere.yaml"),
    ],
)
def test_variables_are_checked(variable: str, value: str, says: str):
    """
    A wrong value, or a variable that there is not, stops the start and is named.
    """
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({variable: value})

    assert says in raised.value.message


def test_it_listens_elsewhere_where_that_is_said(tmp_path: Path):
    """
    Beyond the loopback it listens only with a setting that says so.
    """
    config = tmp_path / "c.yaml"
    config.write_text("listen_beyond_loopback: true\n")

    settings = Settings.from_environment(
        {"SIDECAR_LISTEN": "[::]:80", "SIDECAR_CONFIG": str(config)}
    )

    assert (settings.listen.host, settings.listen.on_loopback) == ("::", False)
