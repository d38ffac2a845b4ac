"""
What the endpoints that decide have in common.
"""

import io
import time
import uuid
from typing import Any

import pytest

from sidecar import errors
from sidecar.api.request import read, reply
from sidecar.names import new_id
from sidecar.settings import Limits

LIMITS = Limits(body_bytes=1024)


def request(content: bytes, length: str | None, **environment: Any) -> dict[str, Any]:
    """
    Make a request whose body is said to be so long; None says nothing.
    """
    given = {"wsgi.input": io.BytesIO(content), "CONTENT_TYPE": "application/json", **environment}
    if length is not None:
        given["CONTENT_LENGTH"] = length
    return {"REQUEST_METHOD": "POST", **given}


@pytest.mark.parametrize("size", [2, 1024])
def test_a_body_within_the_limit_is_read(size: int):
    """
    A body may be as large as the limit, and no larger.
    """
    content = b"{" + b" " * (size - 2) + b"}"

    assert read(request(content, str(size)), LIMITS) == {}


def test_a_body_beyond_the_limit_is_not_read():
    """
    Its length is enough to refuse it.
    """
    asked = request(b"{}", "1025")

    with pytest.raises(errors.BodyTooLarge):
        read(asked, LIMITS)
    assert asked["wsgi.input"].tell() == 0


@pytest.mark.parametrize(("size", "refused"), [(1024, False), (1025, True), (100_000, True)])
def test_a_body_of_unsaid_length_is_read_up_to_the_limit(size: int, refused: bool):
    """
    Without a length no more is read than shows that it is too much.
    """
    content = b"{" + b" " * (size - 2) + b"}"
    asked = request(content, None, **{"wsgi.input_terminated": True})

    if refused:
        with pytest.raises(errors.BodyTooLarge):
            read(asked, LIMITS)
    else:
        assert read(asked, LIMITS) == {}
    assert asked["wsgi.input"].tell() <= LIMITS.body_bytes + 1


def test_a_body_that_breaks_off_is_no_json():
    """
    Whatever the server raises where the caller is gone, the request was not whole.
    """

    class Broken(io.RawIOBase):
        def read(self, *_: Any) -> bytes:
            raise ConnectionResetError

    with pytest.raises(errors.MalformedJson):
        read(request(b"", "10", **{"wsgi.input": Broken()}), LIMITS)


def test_limits_are_those_that_are_set():
    """
    The nesting that is taken is the setting's.
    """
    content = b'{"a":[[[[]]]]}'

    assert read(request(content, "14"), Limits(nesting=5)) == {"a": [[[[]]]]}
    with pytest.raises(errors.NestingTooDeep):
        read(request(content, "14"), Limits(nesting=4))


def test_an_answer_is_json_and_not_stored():
    """
    Text goes out as UTF-8, unescaped, and the answer has its decision's name.
    """
    response = reply({"a": "Å"}, "id-1", 503).response()

    assert response.data == '{"a":"Å"}'.encode()
    assert response.status_code == 503
    assert dict(response.headers) == {
        "Content-Type": "application/json",
        "Content-Length": "10",
        "Cache-Control": "no-store",
        "X-Decision-ID": "id-1",
    }


def test_without_a_decision_there_is_no_name():
    """
    An answer that is none to an evaluation names no decision.
    """
    assert "X-Decision-ID" not in reply({}).headers


def test_names_are_uuids_of_version_7_that_say_when():
    """
    A name holds the millisecond in which it was made, and is never made twice.
    """
    before = time.time_ns() // 1_000_000
    names = [uuid.UUID(new_id()) for _ in range(1000)]
    after = time.time_ns() // 1_000_000

    assert len(set(names)) == len(names)
    assert {(name.version, name.variant) for name in names} == {(7, uuid.RFC_4122)}
    assert all(before <= name.int >> 80 <= after for name in names)
