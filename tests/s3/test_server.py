"""
The store itself, as far as the other tests lean on it.
"""

import uuid

import pytest
from botocore.exceptions import ClientError

from tests.s3.server import Store


def test_objects_come_back_as_they_went(store: Store):
    """
    Also large ones, and what is not there is an error.
    """
    bucket = f"b-{uuid.uuid4()}"
    content = {"a/small": b"1", "a/large": bytes(range(256)) * 40_000}

    store.filled(bucket, content)

    client = store.client()
    kept = [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert sorted(kept) == sorted(content)
    for key, body in content.items():
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    with pytest.raises(ClientError, match="NoSuchKey"):
        client.get_object(Bucket=bucket, Key="a/none")
