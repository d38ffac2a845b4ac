"""
Objects in a store that speaks S3, through boto3. Where it is and who asks, the environment says, as
for any client of S3.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sidecar.errors import MissingPart, SettingsError

_ADDRESS: Final = re.compile(r"s3://(?P<bucket>[^/]+)/?(?P<prefix>.*)", re.DOTALL)


class Bucket:
    """
    The objects at an address.

    Args:
        address: `s3://bucket`, perhaps with a key, or with what keys begin with up to a slash.

    Raises:
        SettingsError: It is no address.
        MissingPart: What speaks S3 is not installed.
    """

    def __init__(self, address: str) -> None:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise SettingsError(f"{address} must be s3://bucket or s3://bucket/prefix")
        try:
            import boto3
        except ImportError as wrong:
            raise MissingPart(
                f"{address} needs boto3: install the sidecar with its extra s3"
            ) from wrong
        self._address = address
        self._name, self._prefix = found["bucket"], found["prefix"].rstrip("/")
        with self._errors():
            self._client: Any = boto3.client("s3")

    @staticmethod
    def is_at(place: str) -> bool:
        """
        Say whether a place is an address of such a store.
        """
        return place.startswith("s3://")

    def place(self, key: str) -> str:
        """
        Say where an object is, for people.
        """
        return f"s3://{self._name}/{key}"

    def sizes(self) -> dict[str, int]:
        """
        List the objects: their sizes in bytes, by their keys.

        Raises:
            SettingsError: They cannot be listed.
        """
        with self._errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._name, Prefix=self._prefix
            )
            found = {
                each["Key"]: each["Size"] for page in pages for each in page.get("Contents", [])
            }
        below = f"{self._prefix}/" if self._prefix else ""
        # What only begins alike is in another folder.
        return {
            key: size for key, size in found.items() if key == self._prefix or key.startswith(below)
        }

    def fetch(self, key: str, target: Path) -> None:
        """
        Write an object into a file.

        Raises:
            SettingsError: It cannot be read.
        """
        with self._errors():
            self._client.download_file(self._name, key, str(target))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """
        Raise our errors for theirs.
        """
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as wrong:
            code = wrong.response.get("Error", {}).get("Code", "an error")
            raise SettingsError(f"{self._address} cannot be read: the store says {code}") from wrong
        except (BotoCoreError, Boto3Error) as wrong:
            why = type(wrong).__name__
            raise SettingsError(f"{self._address} cannot be read: {why}") from wrong
