"""
Reading bodies and evaluations.
"""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import errors
from sidecar.api import parse

ASKED = {
    "subject": {"type": "a", "id": "b"},
    "action": {"name": "c"},
    "resource": {"type": "d", "id": "e"},
}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b" ", b"{", b"nul", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}', b"\xff"),
        *(b'{"a":"\\ud800"}', b'{"a":"\xff"}', b'{"a":' + b"1" * 400 + b"}", b'{"a":1}x'),
        *(b'{"a":' + b"1" * 10_000 + b"}", b'{"a":1,"a":1}', b'{"b":[{"a":1,"\\u0061" :2}]}'),
    ],
)
def test_what_is_no_json_is_refused(content: bytes):
    """
    Bytes that are no JSON, or hold a number that no double does, are malformed.
    """
    with pytest.raises(errors.MalformedJson):
        parse.body("application/json", content, 32)


@pytest.mark.parametrize("content", [b"[]", b'"a"', b"1", b"null", b"true"])
def test_only_objects_are_bodies(content: bytes):
    """
    JSON of another kind is no body.
    """
    with pytest.raises(errors.NotAnObject):
        parse.body("application/json", content, 32)


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/jsonp", "json"])
def test_a_body_is_said_to_be_json(kind: str | None):
    """
    Without the content type the body is not read.
    """
    with pytest.raises(errors.BadContentType):
        parse.body(kind, b"{}", 32)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON ; charset=utf-8"])
def test_a_content_type_may_have_parameters(kind: str):
    """
    Case and parameters make no other content type.
    """
    assert parse.body(kind, b"{}", 32) == {}


@pytest.mark.parametrize("levels", [33, 200, 100_000])
def test_nesting_has_a_limit(levels: int):
    """
    One level too many is too many, as are a hundred thousand.
    """
    content = b'{"a":' * levels + b"1" + b"}" * levels

    with pytest.raises(errors.NestingTooDeep):
        parse.body("application/json", content, 32)


def test_nesting_up_to_the_limit_is_taken():
    """
    The body itself counts as one level.
    """
    assert parse.body("application/json", b'{"a":[[{}]]}', 4) == {"a": [[{}]]}
    with pytest.raises(errors.NestingTooDeep):
        parse.body("application/json", b'{"a":[[{}]]}', 3)


def test_wide_bodies_are_not_deep():
    """
    Many objects side by side are no nesting.
    """
    content = b'{"a":[' + b"{}," * 100 + b"{}]}"

    assert len(parse.body("application/json", content, 3)["a"]) == 101


def test_what_looks_like_a_name_in_a_text_is_none():
    """
    A text that holds a quote and a colon makes no name stand twice.
    """
    assert parse.body("application/json", b'{"a":"\\":\\":", "b": 1}', 32) == {"a": '":":', "b": 1}


def test_integers_of_more_than_64_bits_are_doubles():
    """
    A number is what I-JSON has it be, wherever it stands.
    """
    content = b'{"a":[{"b":18446744073709551616}],"c":-9223372036854775809,"d":9007199254740993}'

    assert parse.body("application/json", content, 32) == {
        "a": [{"b": 18446744073709551616.0}],
        "c": -9223372036854775809.0,
        "d": 9007199254740993,
    }


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(content: bytes):
    """
    Whatever is sent, it is read or refused with an error of ours.
    """
    with suppress(errors.RequestError):
        assert isinstance(parse.body("application/json", content, 8), dict)


@pytest.mark.parametrize("attribute", ["subject", "action", "resource"])
def test_each_entity_is_required(attribute: str):
    """
    An absent entity is named by its place.
    """
    with pytest.raises(errors.MissingAttribute) as raised:
        parse.evaluation({key: value for key, value in ASKED.items() if key != attribute}, "/x")

    assert raised.value.path == f"/x/{attribute}"


@pytest.mark.parametrize(
    ("attribute", "value", "path"),
    [
        ("subject", [], "/subject"),
        ("subject", {"type": 1, "id": "b"}, "/subject/type"),
        ("action", {"name": None}, "/action/name"),
        ("resource", {"type": "d", "id": "e", "properties": 1}, "/resource/properties"),
        ("context", None, "/context"),
    ],
)
def test_types_are_checked(attribute: str, value: object, path: str):
    """
    What is of a wrong type is named by its place.
    """
    with pytest.raises(errors.WrongType) as raised:
        parse.evaluation({**ASKED, attribute: value})

    assert raised.value.path == path


def test_what_the_standard_does_not_know_is_left_out():
    """
    Only the four members of an evaluation go on.
    """
    assert parse.evaluation({**ASKED, "context": {"a": 1}, "environment": {}}) == {
        **ASKED,
        "context": {"a": 1},
    }
