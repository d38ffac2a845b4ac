"""
sidecar.engine.endpoint
"""

import ssl
from pathlib import Path

import pytest

from sidecar.engine.endpoint import Endpoint
from sidecar.errors import SettingsError
from tests.running import TLS


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "path"),
    [
        ("http://opa:8181", "opa", 8181, False, None),
        ("http://opa:8181/", "opa", 8181, False, None),
        ("http://opa", "opa", 80, False, None),
        ("https://opa.example", "opa.example", 443, True, None),
        ("http://[::1]:8181", "[::1]", 8181, False, None),
        ("unix:///run/opa/opa.sock", "localhost", 80, False, "/run/opa/opa.sock"),
    ],
)
def test_an_address_is_read(url: str, host: str, port: int, tls: bool, path: str | None):
    """
    Each of the three forms says where OPA listens.
    """
    endpoint = Endpoint(url)

    assert (endpoint.host, endpoint.port) == (host, port)
    assert (endpoint.tls, endpoint.socket) == (tls, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "opa:8181",
        "localhost",
        "ftp://opa:8181",
        "http://",
        "http://:8181",
        "http://opa:0",
        "http://opa:port",
        "http://opa:70000",
        "http://[::1",
        "http://user:secret@opa:8181",
        "http://opa:8181/v1",
        "http://opa:8181?pretty",
        "http://opa:8181#here",
        "unix://",
        "unix:///",
        "unix://run/opa.sock",
        "unix:///run/opa.sock?x",
    ],
)
def test_no_other_address_is_taken(url: str):
    """
    What is none of the three forms is refused with a sentence that shows them.
    """
    with pytest.raises(SettingsError) as refused:
        Endpoint(url)

    assert refused.value.message == (
        f"OPA's address must be http://host:port, https://host:port or unix:///path, got {url!r}"
    )


def test_a_batch_may_take_longer():
    """
    OPA gets more time for more evaluations, but not to take the connection.
    """
    endpoint = Endpoint("http://opa", read_timeout_s=1.0, item_timeout_s=0.01)

    assert endpoint.timeout().read_timeout == 1.0
    assert endpoint.timeout(101).read_timeout == pytest.approx(2.0)
    assert endpoint.timeout(101).connect_timeout == endpoint.connect_timeout_s


def test_tls_is_always_verified():
    """
    There is no way not to verify whom we ask, with our own authority or the system's.
    """
    for endpoint in (Endpoint("https://opa"), Endpoint("https://opa", ca=TLS / "ca.pem")):
        context = endpoint.tls_context()

        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname


def test_keys_are_not_written_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """
    SSLKEYLOGFILE has no effect.
    """
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert Endpoint("https://opa").tls_context().keylog_filename is None


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path):
    """
    An absent file, and one that holds something else, stop the start.
    """
    nothing, text = tmp_path / "nothing.pem", tmp_path / "text.pem"
    text.write_text("no certificate", "utf-8")

    for endpoint in (
        Endpoint("https://opa", ca=nothing),
        Endpoint("https://opa", ca=text),
        Endpoint("https://opa", cert=TLS / "client.pem", key=nothing),
        Endpoint("https://opa", cert=TLS / "client.pem", key=TLS / "server.key"),
    ):
        with pytest.raises(SettingsError, match=r"OPA's TLS files cannot be used: .*\.(pem|key)"):
            endpoint.tls_context()
