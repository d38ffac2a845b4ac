"""
A store that speaks S3, run for tests: SeaweedFS, as `make tools-bundles` installs it.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.serve import free_port
from tests.running import eventually

REGION: Final = "us-east-1"
KEY_ID: Final = "tests"
SECRET: Final = "only for tests"

_READY_WITHIN_S: Final = 60.0
_STOPPED_WITHIN_S: Final = 20
_PARTS: Final = ("master", "volume", "filer", "s3")
_WORKS: Final = "ready"


@dataclass(frozen=True, slots=True)
class Store:
    """
    A store that runs.

    Attributes:
        url: Where it listens, on the loopback.

        process: The process.
    """

    url: str
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """
        Variables that tell any client of S3 where it is, and who asks.
        """
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            # Nothing else that the machine knows counts.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_CONFIG_FILE": os.devnull,
        }

    def client(self) -> Any:
        """
        Make a client that may do everything.
        """
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}),
        )

    def filled(self, bucket: str, content: dict[str, bytes]) -> None:
        """
        Make a bucket, and put objects into it.

        Args:
            bucket: Its name.

            content: The objects, by their keys.
        """
        client = self.client()
        client.create_bucket(Bucket=bucket)
        for key, body in content.items():
            client.put_object(Bucket=bucket, Key=key, Body=body)


@contextmanager
def store_running(folder: Path) -> Iterator[Store]:
    """
    Run a store that takes and gives objects, until the caller is done with it.

    Args:
        folder: An empty folder, for what it keeps and for its log.

    Raises:
        RuntimeError: It ended, or did not work in time.
    """
    identity = {
        "name": KEY_ID,
        "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "who.json").write_text(json.dumps({"identities": [identity]}), "utf-8")
    ports = {f"{part}.port{kind}": free_port() for part in _PARTS for kind in ("", ".grpc")}
    command = [
        *(_weed(), "-logtostderr=true", "server", "-s3", f"-s3.config={folder}/who.json"),
        *(f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-metricsPort=0"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=100", "-volume.preStopSeconds=0"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false", "-master.telemetry=false"),
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    with (
        (folder / "log").open("ab") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process,
    ):
        store = Store(f"http://127.0.0.1:{ports['s3.port']}", process)
        try:
            eventually(lambda: process.poll() is not None or _works(store), _READY_WITHIN_S)
            if process.poll() is not None or not _works(store):
                said = (folder / "log").read_text("utf-8", "replace")
                raise RuntimeError(f"the store ended, or did not work in time:\n{said}")
            yield store
        finally:
            # What it keeps is thrown away: it need not take its time to end well.
            process.kill()
            process.wait(_STOPPED_WITHIN_S)
            _remove_sockets(ports.values())


def _weed() -> str:
    return str(Path(os.environ["BUNDLE_SERVERS"], "bin", "weed"))


def _remove_sockets(ports: Iterable[int]) -> None:
    """
    Remove what it makes for itself outside its folder.
    """
    for port in ports:
        for socket in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
            socket.unlink(missing_ok=True)


def _works(store: Store) -> bool:
    """
    Say whether an object can be kept: it listens before it can do that.
    """
    client = store.client()
    try:
        if _WORKS not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=_WORKS)
        client.put_object(Bucket=_WORKS, Key=_WORKS, Body=b"")
        content: bytes = client.get_object(Bucket=_WORKS, Key=_WORKS)["Body"].read()
        return content == b""
    except (BotoCoreError, ClientError, HTTPException, OSError):
        return False
    finally:
        client.close()
