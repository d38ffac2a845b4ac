"""
sidecar.settings: each mistake has a file beside this one, and its exact message here.
"""

from dataclasses import FrozenInstanceError, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from sidecar.errors import SettingsError
from sidecar.settings import (
    Discovery,
    Limits,
    Listen,
    Log,
    OpaSettings,
    Remembering,
    Server,
    Settings,
)

HERE: Final = Path(__file__).parent
ROOT: Final = Path(__file__).parents[3]
_SECTIONS: Final = (
    "listen, listen_beyond_loopback, public_url, bundle, signing, bundles, server, limits, opa, "
    "memory, discovery, log, callers, tls, forward_auth, records, traces"
)
_SERVER: Final = "workers, threads, keepalive_s, receive_within_s, stop_within_s"
_TAKEN: Final = (
    "SIDECAR_LISTEN, SIDECAR_PUBLIC_URL, SIDECAR_BUNDLE, SIDECAR_OPA_URL, SIDECAR_CONFIG, "
    "SIDECAR_TOKENS_FILE, SIDECAR_TLS_CERT, SIDECAR_TLS_KEY, SIDECAR_TLS_CLIENT_CA"
)
_ODD: Final = "it holds what is no text, no number or no date"

MISTAKES: Final = {
    "bundle": "bundle is set by SIDECAR_BUNDLE, not in a file",
    "ca-a-folder": "opa.ca must be a file, got '/'",
    "ca-empty": "opa.ca must be a path, got ''",
    "ca-not-there": "opa.ca must be a file, got '/nowhere/ca.pem'",
    "control-character": f"{{file}} is not YAML: {_ODD}",
    "empty-section": "limits must be a mapping of keys to values, got None",
    "fraction-for-whole-number": "limits.nesting must be a whole number, got 4.5",
    "infinite": "server.receive_within_s must be from 0.1 to 300, got inf",
    "key-a-list": "{file} is not YAML: found unhashable key in line 1",
    "key-a-number": "opa.key must be a path, got 5",
    "key-of-another-type": f"1 is unknown; known are {_SECTIONS}",
    "key-without-certificate": "opa.key must go with opa.cert, which is missing",
    "level": "log.level must be one of debug, info, warning, error, got 'verbose'",
    "level-of-another-type": "log.level must be a text, got 1",
    "listen": "listen is set by SIDECAR_LISTEN, not in a file",
    "no-such-day": f"{{file}} is not YAML: {_ODD}",
    "no-workers": "server.workers must be from 1 to 64, got 0",
    "not-a-mapping": "{file} must be a mapping of keys to values, got ['server', 'limits']",
    "not-a-number": "opa.answer_timeout_s must be from 0.001 to 60, got nan",
    "not-utf-8": f"{{file}} is not YAML: {_ODD}",
    "not-yaml": "{file} is not YAML: expected ',' or ']', but got '<stream end>' in line 2",
    "number-for-truth": "listen_beyond_loopback must be true or false, got 1",
    "object": (
        "{file} is not YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object:os.system' in line 1"
    ),
    "opa-url": "opa.url is set by SIDECAR_OPA_URL, not in a file",
    "section-not-a-mapping": "limits must be a mapping of keys to values, got 5",
    "text-for-fraction": "opa.answer_timeout_s must be a number, got '2s'",
    "text-for-number": "server.threads must be a whole number, got '8'",
    "too-many-threads": "server.threads must be from 1 to 256, got 257",
    "truth-for-number": "server.workers must be a whole number, got True",
    "twice": "{file}: log stands twice, again in line 3",
    "twice-in-section": "{file}: threads stands twice, again in line 3",
    "unknown-key": f"ports is unknown; known are {_SECTIONS}",
    "unknown-key-in-section": f"server.worker is unknown; known are {_SERVER}",
}
EDGES: Final = [
    (Remembering, "memory", "entries", 0, 10_000_000),
    (Remembering, "memory", "bytes", 65_536, 17_179_869_184),
    (Remembering, "memory", "callers_s", 0, 3600),
    (Server, "server", "workers", 1, 64),
    (Server, "server", "threads", 1, 256),
    (Server, "server", "keepalive_s", 1, 3600),
    (Server, "server", "receive_within_s", 0.1, 300),
    (Server, "server", "stop_within_s", 1, 600),
    (Limits, "limits", "body_bytes", 1024, 67_108_864),
    (Limits, "limits", "nesting", 4, 200),
    (Limits, "limits", "evaluations", 1, 100_000),
    (Limits, "limits", "results", 1, 100_000),
    (Limits, "limits", "remedy_evaluations", 0, 100_000),
    (Limits, "limits", "remedies_within_s", 0.001, 60),
    (OpaSettings, "opa", "start_within_s", 0.1, 600),
    (OpaSettings, "opa", "connect_timeout_s", 0.001, 60),
    (OpaSettings, "opa", "answer_timeout_s", 0.001, 60),
]
VARIABLES: Final = [
    ("SIDECAR_PORT", "8080", f"SIDECAR_PORT is unknown; known are {_TAKEN}"),
    ("SIDECAR_", "x", f"SIDECAR_ is unknown; known are {_TAKEN}"),
    ("SIDECAR_listen", "x", f"SIDECAR_listen is unknown; known are {_TAKEN}"),
    *(
        (name, "", f"{name} must not be empty; leave it unset for the default")
        for name in _TAKEN.split(", ")
    ),
]


def _from(config: Path | None = None, **environment: str) -> Settings:
    named = {"SIDECAR_CONFIG": str(config)} if config else {}
    return Settings.from_environment(environment | named)


def _message(config: Path | None = None, **environment: str) -> str:
    with pytest.raises(SettingsError) as wrong:
        _from(config, **environment)
    return wrong.value.message


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_has_its_message(mistake):
    """
    A file with one mistake is refused with the one sentence that names it.
    """
    file = HERE / f"bad-{mistake}.yaml"

    assert _message(file) == MISTAKES[mistake].format(file=file)


def test_each_file_is_in_the_table():
    """
    There is no file of a mistake that nobody looks at.
    """
    assert {file.stem.removeprefix("bad-") for file in HERE.glob("bad-*")} == set(MISTAKES)


@pytest.mark.parametrize(("kind", "section", "name", "least", "most"), EDGES)
def test_edges(kind, section, name, least, most):
    """
    The least and the most are taken; a step beyond is refused, with both named.
    """
    step = 0.0001 if isinstance(getattr(kind(), name), float) else 1

    assert getattr(kind(**{name: least}), name) == least
    assert getattr(kind(**{name: most}), name) == most
    for beyond in (least - step, most + step):
        with pytest.raises(SettingsError) as wrong:
            kind(**{name: beyond})
        assert (
            wrong.value.message == f"{section}.{name} must be from {least} to {most}, got {beyond}"
        )


def test_every_number_has_edges():
    """
    No number that an operator can set is without limits.
    """
    numbers = {
        (kind, field.name)
        for kind in (Server, Limits, OpaSettings, Remembering)
        for field in fields(kind)
        if type(field.default) in (int, float)
    }

    assert {(kind, name) for kind, _, name, _, _ in EDGES} == numbers


def test_a_number_beyond_all_measure_is_out_of_range(tmp_path: Path):
    """
    A whole number that no float holds is refused like any other.
    """
    file = tmp_path / "config.yaml"
    file.write_text(f"opa: {{answer_timeout_s: {10**400}}}\n", "utf-8")

    assert _message(file) == f"opa.answer_timeout_s must be from 0.001 to 60, got {10**400}"


def test_defaults():
    """
    With nothing set, it listens on the loopback, with the shipped bundle and an OPA of its own.
    """
    assert asdict(_from()) == {
        "listen": {"host": "127.0.0.1", "port": 8080},
        "listen_beyond_loopback": False,
        "public_url": None,
        "bundle": ROOT / "policies",
        "signing": {"keys": None},
        "bundles": {
            "config": None,
            "beside": (),
            "persistence": None,
            "bytes": 67_108_864,
            "min_revision": None,
            "max_staleness_s": None,
            "when_stale": "serve",
            "golden": "refuse",
            "golden_within_s": 5.0,
        },
        "server": {
            "workers": 1,
            "threads": 8,
            "keepalive_s": 60,
            "receive_within_s": 10.0,
            "stop_within_s": 20,
        },
        "limits": {
            "body_bytes": 1_048_576,
            "nesting": 32,
            "evaluations": 1000,
            "results": 1000,
            "remedy_evaluations": 400,
            "remedies_within_s": 1.0,
        },
        "opa": {
            "url": None,
            "start_within_s": 10.0,
            "connect_timeout_s": 0.25,
            "answer_timeout_s": 2.0,
            "ca": None,
            "cert": None,
            "key": None,
        },
        "memory": {"entries": 10_000, "bytes": 33_554_432, "callers_s": 1},
        "discovery": {"key": None, "key_id": None},
        "log": {"level": "warning"},
        "callers": {"tokens_file": None, "jwt": None, "allowed": None, "rate": None},
        "tls": {"cert": None, "key": None, "client_ca": None},
        "forward_auth": None,
        "records": {
            "sink": "stdout",
            "mode": "best_effort",
            "ids": "drop",
            "key": None,
            "folder": None,
            "segment_bytes": 16_777_216,
            "max_bytes": 1_073_741_824,
            "at_bound": "refuse",
            "waiting": 10_000,
            "url": None,
            "ca": None,
            "token_file": None,
            "upload_bytes": 1_048_576,
            "upload_within_s": 10.0,
            "upload_every_s": 1.0,
        },
        "traces": {
            "url": None,
            "sample": 1.0,
            "opa": True,
            "ca": None,
            "token_file": None,
            "waiting": 4096,
            "upload_within_s": 5.0,
        },
    }


def test_everything_can_be_set(tmp_path: Path):
    """
    Each key of the file gets where it belongs.
    """
    pem = ROOT / "tests/tls/client.pem"
    key = ROOT / "tests/tls/client.key"
    file = tmp_path / "config.yaml"
    file.write_text(
        f"""\
listen_beyond_loopback: true
server: {{workers: 2, threads: 3, keepalive_s: 4, receive_within_s: 5, stop_within_s: 6}}
limits: {{body_bytes: 2048, nesting: 8, evaluations: 9, results: 10, remedy_evaluations: 11,
         remedies_within_s: 12}}
opa: {{start_within_s: 1.5, connect_timeout_s: 2, answer_timeout_s: 3.5,
      ca: {pem}, cert: {pem}, key: {pem}}}
memory: {{entries: 13, bytes: 70000, callers_s: 14}}
discovery: {{key: {key}, key_id: k}}
log: {{level: debug}}
""",
        "utf-8",
    )

    assert _from(
        file,
        SIDECAR_LISTEN="0.0.0.0:81",
        SIDECAR_PUBLIC_URL="https://pdp.example.com",
        SIDECAR_BUNDLE="b",
        SIDECAR_OPA_URL="https://opa:8181",
    ) == Settings(
        listen=Listen("0.0.0.0", 81),
        listen_beyond_loopback=True,
        public_url="https://pdp.example.com",
        bundle=Path("b"),
        server=Server(2, 3, 4, 5, 6),
        limits=Limits(2048, 8, 9, 10, 11, 12),
        opa=OpaSettings("https://opa:8181", 1.5, 2, 3.5, pem, pem, pem),
        memory=Remembering(13, 70_000, 14),
        discovery=Discovery(key, "k"),
        log=Log("debug"),
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n", "---\n"])
def test_an_empty_file_sets_nothing(tmp_path: Path, text):
    """
    A file without keys leaves all defaults.
    """
    file = tmp_path / "config.yaml"
    file.write_text(text, "utf-8")

    assert _from(file) == Settings()


def test_a_file_that_is_not_there(tmp_path: Path):
    """
    A file that cannot be read is named, with why.
    """
    assert _message(tmp_path / "no") == f"{tmp_path}/no cannot be read: No such file or directory"
    assert _message(tmp_path) == f"{tmp_path} cannot be read: Is a directory"


@pytest.mark.parametrize(("name", "text", "message"), VARIABLES)
def test_variables_that_are_refused(name, text, message):
    """
    A variable that is unknown, empty, or for what is not served yet, stops the start.
    """
    assert _message(None, **{name: text}) == message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SIDECAR_SERVICE_HOST", "10.0.0.7"),
        ("SIDECAR_SERVICE_PORT", "8080"),
        ("SIDECAR_SERVICE_PORT_HTTP", "8080"),
        ("SIDECAR_PORT", "tcp://10.0.0.7:8080"),
        ("SIDECAR_PORT_8080_TCP", "tcp://10.0.0.7:8080"),
        ("SIDECAR_PORT_8080_TCP_PROTO", "tcp"),
    ],
)
def test_a_service_s_variables_are_kubernetes_own(name, text):
    """
    Where a Service is called sidecar, what Kubernetes says of it in each container is no setting.
    """
    assert _from(**{name: text}) == Settings()


def test_other_variables_are_not_ours():
    """
    What does not begin with SIDECAR_ is left alone.
    """
    assert _from(HOME="/root", SIDECARS="2", sidecar_listen="x", MY_SIDECAR_PORT="1") == Settings()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("127.9.9.9:65535", "127.9.9.9", 65535),
        ("localhost:8080", "localhost", 8080),
        ("[::1]:8080", "::1", 8080),
    ],
)
def test_where_it_may_listen(text, host, port):
    """
    Names and addresses of the loopback are taken, and written as they are read.
    """
    listen = _from(SIDECAR_LISTEN=text).listen

    assert (listen, str(listen)) == (Listen(host, port), text)


@pytest.mark.parametrize(
    "text",
    [
        *("8080", ":8080", "localhost", "localhost:", "::1:8080", "[]:1", "[::1]", "[::1:80"),
        *(
            "h:65536",
            "h:-1",
            "h:+1",
            "h:1.5",
            "h:http",
            "h:\uff18\uff10",
            "h:" + "9" * 5000,
            "h: 80",
            "http://h:80",
        ),
    ],
)
def test_what_is_no_place_to_listen(text):
    """
    Anything but host:port, with a port in range, is refused.
    """
    assert _message(SIDECAR_LISTEN=text) == (
        f"SIDECAR_LISTEN must be host:port, with a port from 0 to 65535, got {text!r}"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "[2001:db8::1]", "example.com"])
def test_beyond_the_loopback(tmp_path: Path, host):
    """
    It listens where other machines can ask only if that was said as well.
    """
    file = tmp_path / "config.yaml"
    file.write_text("listen_beyond_loopback: true\n", "utf-8")
    wanted = f"{host}:80"

    assert _message(SIDECAR_LISTEN=wanted).startswith(
        f"SIDECAR_LISTEN must be on the loopback, got {host.strip('[]')!r}: callers are not "
    )
    assert not _from(file, SIDECAR_LISTEN=wanted).listen.on_loopback


@pytest.mark.parametrize(
    "url",
    [
        *(
            "opa:8181",
            "ftp://opa",
            "http://",
            "http://opa:99999",
            "http://opa/v1",
            "http://opa?a=b",
        ),
        *("unix://opa.sock", "unix://", "http://[", "http://me:SECRET@opa:8181"),
    ],
)
def test_an_address_of_opa_that_is_none(url):
    """
    It is refused when the settings are read, and not repeated: a password might be in it.
    """
    assert _message(SIDECAR_OPA_URL=url) == (
        "SIDECAR_OPA_URL must be http://host:port, https://host:port or unix:///path, and nothing "
        "beside"
    )


def test_settings_do_not_change():
    """
    No section can be changed once it is made.
    """
    settings: Any = Settings()
    for holder in (settings, *(getattr(settings, field.name) for field in fields(settings))):
        if is_dataclass(holder):
            with pytest.raises(FrozenInstanceError):
                setattr(holder, fields(holder)[0].name, None)
