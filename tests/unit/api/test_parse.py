"""
Reading bodies and evaluations.
"""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
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


def _read(reader: Callable[[str | None, bytes, int], object], content: bytes) -> object:
    """
    Read a body; what is wrong with it, where something is.
    """
    try:
        return reader("application/json", content, 6)
    except errors.RequestError as wrong:
        return type(wrong), wrong.path


def test_what_is_written_alike_is_read_once():
    """
    It is one object, and what is written otherwise is another, even if it says the same.
    """
    one, other = b'{"action":{"name":"c"}}', b'{"action": {"name":"c"}}'
    content = b'{"evaluations": [%s], "context": {}}' % b", ".join([one, other, one, one])
    first, second, third, fourth = parse.batch("application/json", content, 32)["evaluations"]

    assert first is third is fourth
    assert first == second
    assert first is not second


@pytest.mark.parametrize(
    "content",
    [
        # As if the space stood between all of them, the list would end in the next one.
        b'{"evaluations":[{},' + b" " * 13 + b'{},{}],"subject":[]}',
        b'{"subject":[{},{}],"evaluations":[{},{}]}',
        b'{"evaluations":[{},{}],"evaluations":[{},{}]}',
        b'{"evaluations":[{},{}],"subject":[{},{}]}',
    ],
)
def test_a_list_is_not_mistaken_for_another(content: bytes):
    """
    Where the same stands beside the evaluations, each is read as what it is.
    """
    assert _read(parse.batch, content) == _read(parse.body, content)


TEXTS = st.sampled_from(
    [
        *("{}", '{"a":1}', '{"a": 1}', '{"a":1,"a":1}', '{"a":1,"\\u0061":1}', '{"a\\":":1}', "1"),
        *('{"a":[1,2]}', "[[[[[[1]]]]]]", '{"a":[[[[1]]]]}', '{"a":12345678901234567890}', "null"),
        *('{"a" :1}', '{"a":"\\ud800"}', '"a"', '"}, {"', '{"a":"b, c"}', "nul", "{", "[]"),
    ]
)
SEPARATORS = st.sampled_from([",", ", ", " ,", ",\n  ", ",,", " "])
LISTS = st.builds(
    lambda texts, separator, times: f"[{separator.join(texts * times)}]",
    st.lists(TEXTS, max_size=2),
    SEPARATORS,
    st.integers(1, 5),
)
MEMBERS = st.tuples(
    st.sampled_from(["evaluations", "evaluations", "\\u0065valuations", "subject", "x"]),
    st.sampled_from([":", ": ", " :"]),
    st.one_of(st.shared(LISTS, key="the same"), LISTS, TEXTS),
).map(lambda member: f'"{member[0]}"{member[1]}{member[2]}')


@settings(max_examples=2000)
@given(st.lists(MEMBERS, max_size=3), SEPARATORS)
def test_a_batch_is_read_as_any_body(members: list[str], separator: str):
    """
    Whatever a body holds, and wherever the same stands twice: a batch's reader finds the same in
    it, or the same to be wrong.
    """
    content = f"{{{separator.join(members)}}}".encode()

    assert _read(parse.batch, content) == _read(parse.body, content)
