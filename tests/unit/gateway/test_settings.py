"""
What may be set about proxies: each mistake and its exact message.
"""

import re
from pathlib import Path

import pytest

from sidecar.errors import SettingsError
from sidecar.gateway.settings import ForwardAuth
from sidecar.settings import Settings


def _read(folder: Path, forward_auth: str) -> ForwardAuth:
    config = folder / "config.yaml"
    config.write_text(f"forward_auth: {forward_auth}\n", "utf-8")
    settings = Settings.from_environment({"SIDECAR_CONFIG": str(config)}).forward_auth
    assert settings is not None
    return settings


@pytest.mark.parametrize(
    ("given", "message"),
    {
        "{proxy: nginx}": "forward_auth.routes is missing",
        "{routes: r}": "forward_auth.proxy is missing",
        "{routes: r, proxy: apache}": (
            "forward_auth.proxy must be one of nginx, traefik, caddy, envoy, got 'apache'"
        ),
        "{routes: r, proxy: nginx, trusted: []}": (
            "forward_auth.trusted must name a network, got none"
        ),
        "{routes: r, proxy: nginx, trusted: 127.0.0.1}": (
            "forward_auth.trusted must be a list of texts, got '127.0.0.1'"
        ),
        "{routes: r, proxy: nginx, trusted: [127.0.0.1, 10.0.0.1/8]}": (
            "forward_auth.trusted.1 must be a network as in 10.0.0.0/8, without bits of a host, "
            "got '10.0.0.1/8'"
        ),
        "{routes: r, proxy: nginx, trusted: [proxy.example]}": (
            "forward_auth.trusted.0 must be a network as in 10.0.0.0/8, without bits of a host, "
            "got 'proxy.example'"
        ),
        "{routes: r, proxy: nginx, headers: [a]}": (
            "forward_auth.headers is unknown; known are routes, proxy, trusted, jwt"
        ),
        "{routes: r, proxy: nginx, jwt: {}}": (
            "forward_auth.jwt.jwks is missing: a file of keys, or an https address"
        ),
        "{routes: r, proxy: nginx, jwt: {jwks: nowhere}}": (
            "forward_auth.jwt.jwks cannot be read: No such file or directory"
        ),
        "{routes: r, proxy: nginx, jwt: {at: x}}": (
            "forward_auth.jwt.at is unknown; known are jwks, ca, issuer, audience, algorithms, "
            "leeway_s, refresh_s"
        ),
    }.items(),
)
def test_a_mistake_has_its_sentence(tmp_path: Path, given: str, message: str):
    """
    What is wrong is named with its place, and what would be right.
    """
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        _read(tmp_path, given)


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1", False),
        ("localhost", False),
        ("", False),
        (None, False),
    ],
)
def test_only_the_loopback_is_trusted_where_nothing_is_said(
    tmp_path: Path, address: str | None, trusted: bool
):
    """
    Who may ask is told by the address of the connection.
    """
    assert _read(tmp_path, "{routes: r, proxy: nginx}").trusts(address) is trusted


def test_networks_that_are_named_are_trusted_alone(tmp_path: Path):
    """
    With networks of one's own, the loopback is trusted no more.
    """
    settings = _read(tmp_path, "{routes: r, proxy: envoy, trusted: [10.1.0.0/16, 'fd00::/8']}")

    assert settings.trusts("10.1.2.3")
    assert settings.trusts("fd00::7")
    assert not settings.trusts("10.2.0.1")
    assert not settings.trusts("127.0.0.1")
