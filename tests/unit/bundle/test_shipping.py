"""
sidecar.bundle.shipping: addresses, and places that are not there. Real ones:
tests/delivery/stores.
"""

import sys
from pathlib import Path

import pytest

from sidecar.bundle.shipping import shop
from sidecar.errors import MissingPart, SettingsError
from tests.e2e.serve import free_port


@pytest.mark.parametrize(
    "address",
    [
        "",
        "registry.example/a:b",
        "oci://registry.example/untagged",
        "oci://registry.example",
        "s3://bucket",
        "s3:///key",
        "s3://bucket/key?x=y",
        "https://registry.example/a:b",
    ],
)
def test_what_is_no_address(address: str):
    """
    The forms that there are, are named.
    """
    with pytest.raises(SettingsError, match="must be oci://registry/repository:tag"):
        shop(address)


@pytest.mark.parametrize(("address", "extra"), [("oci://r.example/a:b", "oci"), ("s3://b/k", "s3")])
def test_what_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, extra: str
):
    """
    With the words that install it.
    """
    for module in ("oras.client", "boto3"):
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingPart, match=rf"pip install 'sidecar\[{extra}\]'"):
        shop(address).put(tmp_path / "bundle.tar.gz")


def test_a_registry_that_is_not_there(tmp_path: Path):
    """
    It is named, and that nothing was put or got.
    """
    (tmp_path / "bundle.tar.gz").write_bytes(b"x")
    there = shop(f"oci+http://127.0.0.1:{free_port()}/policies/x:live")

    with pytest.raises(MissingPart, match="the registry does not do that"):
        there.put(tmp_path / "bundle.tar.gz")
    with pytest.raises(MissingPart, match="the registry does not do that"):
        there.get(tmp_path / "got.tar.gz")


def test_a_store_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    The same.
    """
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "bundle.tar.gz").write_bytes(b"x")

    with pytest.raises(MissingPart, match="s3://policies/x: the store does not do that"):
        shop("s3://policies/x").put(tmp_path / "bundle.tar.gz")
