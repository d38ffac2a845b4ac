"""
Bundles put where OPA fetches them, and got from there: an OCI registry, or a store that speaks S3.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import requests

from sidecar.errors import MissingPart, SettingsError

# What OPA takes for a bundle: an image's layer, and an image's configuration.
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_REACHED_WITHIN_S: Final = 10.0
_FORMS: Final = "oci://registry/repository:tag, oci+http://… without TLS, or s3://bucket/key"


class Shop(Protocol):
    """
    Where bundles are put and got.
    """

    def put(self, bundle: Path) -> None:
        """
        Put a bundle there, in the place of the one before.

        Raises:
            MissingPart: It cannot be put there.
        """

    def get(self, target: Path) -> None:
        """
        Get the bundle that is there.

        Raises:
            MissingPart: It cannot be got.
        """


def shop(address: str) -> Shop:
    """
    Find out where an address leads.

    Args:
        address: `oci://registry/repository:tag`, `oci+http://…` for a registry without TLS, or
            `s3://bucket/key`.

    Raises:
        SettingsError: It is something else.
        MissingPart: What speaks to such a place is not installed.
    """
    parts = urlsplit(address)
    path = parts.path.lstrip("/")
    if parts.netloc and path and not parts.query and not parts.fragment:
        match parts.scheme:
            case "oci" | "oci+http" if ":" in path:
                return _Registry(f"{parts.netloc}/{path}", tls=parts.scheme == "oci")
            case "s3":
                return _Store(parts.netloc, path)
    raise SettingsError(f"{address} must be {_FORMS}")


@dataclass(frozen=True, slots=True)
class _Registry:
    """
    An OCI registry. Credentials are those of `docker login`.
    """

    name: str
    tls: bool

    def put(self, bundle: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="sidecar-push-") as folder, self._spoken():
            # OPA looks at neither; a registry wants to see what an image has.
            config = Path(folder, "config.json")
            config.write_text(json.dumps({"architecture": "", "os": "", "rootfs": {}}), "utf-8")
            self._client().push(
                self.name,
                files=[f"{bundle.absolute()}:{_LAYER}"],
                manifest_config=f"{config}:{_CONFIG}",
                disable_path_validation=True,
                quiet=True,
            )

    def get(self, target: Path) -> None:
        with self._spoken():
            client = self._client()
            layers = client.get_manifest(self.name)["layers"]
            if len(layers) != 1 or layers[0]["mediaType"] != _LAYER:
                raise MissingPart(f"{self.name} is no bundle: it must hold one layer, a tarball")
            digest = layers[0]["digest"]
            with tempfile.TemporaryDirectory(prefix="sidecar-pull-") as folder:
                got = Path(client.download_blob(self.name, digest, f"{folder}/bundle"))
                if f"sha256:{hashlib.sha256(got.read_bytes()).hexdigest()}" != digest:
                    raise MissingPart(f"{self.name}: what was got is not what was asked for")
                shutil.copyfile(got, target)

    def _client(self) -> Any:
        oras = _part("oras.client", "oci")
        # The client would try for a minute to reach one that is not there.
        scheme = "https" if self.tls else "http"
        requests.head(f"{scheme}://{self.name.partition('/')[0]}/v2/", timeout=_REACHED_WITHIN_S)
        return oras.OrasClient(insecure=not self.tls)

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        try:
            yield
        except (requests.RequestException, ValueError, OSError) as wrong:
            raise MissingPart(f"{self.name}: the registry does not do that: {wrong}") from wrong


@dataclass(frozen=True, slots=True)
class _Store:
    """
    A store that speaks S3. Where it is and who asks, is found as any client of AWS finds it.
    """

    bucket: str
    key: str

    def put(self, bundle: Path) -> None:
        with self._spoken() as client:
            client.put_object(
                Bucket=self.bucket,
                Key=self.key,
                Body=bundle.read_bytes(),
                ContentType="application/gzip",
            )

    def get(self, target: Path) -> None:
        with self._spoken() as client:
            content = client.get_object(Bucket=self.bucket, Key=self.key)["Body"].read()
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        beside.write_bytes(content)
        beside.replace(target)

    @contextmanager
    def _spoken(self) -> Iterator[Any]:
        boto3, botocore = _part("boto3", "s3"), _part("botocore.exceptions", "s3")
        where = f"s3://{self.bucket}/{self.key}"
        try:
            client = boto3.client("s3")
            try:
                yield client
            finally:
                client.close()
        except (botocore.BotoCoreError, botocore.ClientError) as wrong:
            raise MissingPart(f"{where}: the store does not do that: {wrong}") from wrong


def _part(module: str, extra: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as wrong:
        raise MissingPart(
            f"{module.partition('.')[0]} is needed: pip install 'sidecar[{extra}]'"
        ) from wrong
