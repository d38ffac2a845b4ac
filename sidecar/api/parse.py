"""
Requests, read once: from bytes to evaluations, or an error that names the place.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec

from sidecar.errors import (
    BadContentType,
    MalformedJson,
    MissingAttribute,
    NestingTooDeep,
    NotAnObject,
    RequestError,
    WrongType,
)
from sidecar.observability.spans import spanned

Object = dict[str, Any]

_Value = TypeVar("_Value")

Required = Mapping[str, tuple[str, ...]]

ENTITIES: Final[Required] = {
    "subject": ("type", "id"),
    "action": ("name",),
    "resource": ("type", "id"),
}
_JSON: Final = "application/json"
_LARGEST_INTEGER: Final = 2**63 - 1
# With each digit as 0, and all that separates as a space, what is looked for is one text.
_FOLDED: Final = bytes.maketrans(b"123456789\t\n\r", b"000000000   ")
_LONG_NUMBER: Final = b"0" * len(str(_LARGEST_INTEGER))

_NAME: Final = re.compile(rb'"\s*:')
_NAMED: Final = b'":'
_APART: Final = b" :"
_ESCAPE: Final = b"\\"


class _Many(msgspec.Struct):
    """
    A batch's evaluations, as they are written.
    """

    evaluations: list[msgspec.Raw]


# An evaluation in a batch stands in a list in an object.
_WITHIN: Final = 2

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_decode_many = msgspec.json.Decoder(_Many).decode


@spanned("parse")
def body(content_type: str | None, content: bytes, nesting: int) -> Object:
    """
    Read a request's body (AuthZEN 1.0, section 10.1).

    Args:
        content_type: The header, as it was sent.

        content: The body.

        nesting: How many objects and lists may stand in each other, the body itself counted.

    Raises:
        BadContentType: It is not said to be JSON.
        MalformedJson: It is not JSON, or holds a number that no double does, or a name twice.
        NestingTooDeep: It is nested more deeply than that.
        NotAnObject: It is JSON of another kind.
    """
    _check_type(content_type)
    return _object(content, nesting)


@spanned("parse")
def batch(content_type: str | None, content: bytes, nesting: int) -> Object:
    """
    Read a request's body as `body` does. Evaluations that are written alike are read once: they are
    one object.
    """
    _check_type(content_type)
    # Whatever is amiss is found by reading it as a whole.
    with suppress(msgspec.DecodeError, RecursionError, RequestError, KeyError):
        return _alike(content, nesting)
    return _object(content, nesting)


def _check_type(content_type: str | None) -> None:
    if content_type != _JSON and (content_type or "").partition(";")[0].strip().lower() != _JSON:
        raise BadContentType()


def _alike(content: bytes, nesting: int) -> Object:
    """
    Read a batch, each different text of an evaluation once.

    Raises:
        KeyError: There is nothing to be gained by that.
    """
    texts = [*map(bytes, _decode_many(content).evaluations)]
    different = set(texts)
    if len(texts) < 2 or len(different) > len(texts) // 2:
        raise KeyError
    start = content.find(texts[0])
    behind = start + len(texts[0])
    written = content[behind : content.find(texts[1], behind)].join(texts)
    end = start + len(written)
    rest = _object(content[:start] + content[end:], nesting)
    if content[start:end] != written or rest["evaluations"] != []:
        # What is between them differs, or the same stands somewhere else, too.
        raise KeyError
    read = {text: _object(text, nesting - _WITHIN) for text in different}
    rest["evaluations"] = [read[text] for text in texts]
    return rest


def _object(content: bytes, nesting: int) -> Object:
    try:
        read = _decode(content)
        if type(read) is dict:
            folded = content.translate(_FOLDED)
            _check_names(read, content, plain=_ESCAPE not in content and _APART not in folded)
            if _LONG_NUMBER in folded:
                _as_doubles(read)
    except RecursionError as wrong:
        raise NestingTooDeep() from wrong
    except (msgspec.DecodeError, ValueError, OverflowError) as wrong:
        raise MalformedJson() from wrong
    if type(read) is not dict:
        raise NotAnObject()
    if content.count(b"{") + content.count(b"[") > nesting:
        _check_nesting(read, nesting)
    return read


def evaluation(given: Mapping[str, Any], at: str = "", required: Required = ENTITIES) -> Object:
    """
    Take an evaluation out of an object; what the standard does not know is left out.

    Args:
        given: The object.

        at: JSON pointer to it.

        required: The entities there must be, with the attributes they must have.

    Raises:
        MissingAttribute: Something required is absent.
        WrongType: Something is of a wrong type.
    """
    for name, attributes in required.items():
        _check_entity(given, name, attributes, f"{at}/{name}")
    if "context" in given and type(given["context"]) is not dict:
        raise WrongType(f"{at}/context")
    return {name: given[name] for name in (*required, "context") if name in given}


def optional(given: Mapping[str, Any], name: str, default: _Value, at: str = "") -> _Value:
    """
    Take a member that may be absent, of its default's type.

    Args:
        given: The object that may have it.

        name: The member's name.

        default: What it is where it is absent.

        at: JSON pointer to the object.

    Raises:
        WrongType: It is of another type.
    """
    value = given.get(name, default)
    if type(value) is not type(default):
        raise WrongType(f"{at}/{name}")
    return value


def _check_entity(given: Mapping[str, Any], name: str, required: tuple[str, ...], at: str) -> None:
    if name not in given:
        raise MissingAttribute(at)
    entity = given[name]
    if type(entity) is not dict:
        raise WrongType(at)
    for attribute in required:
        if attribute not in entity:
            raise MissingAttribute(f"{at}/{attribute}")
        if type(entity[attribute]) is not str:
            raise WrongType(f"{at}/{attribute}")
    if "properties" in entity and type(entity["properties"]) is not dict:
        raise WrongType(f"{at}/properties")


def _check_nesting(value: Any, left: int) -> None:
    level = [value]
    while level:
        if left == 0:
            raise NestingTooDeep()
        left -= 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in (dict, list)
        ]


def _check_names(read: Object, content: bytes, plain: bool) -> None:
    """
    Refuse a name that stands twice: others may have read the other value (RFC 7493).

    Args:
        read: What was read.

        content: Where it was read.

        plain: Whether no text in it holds a quote, and no colon stands apart from a name: then one
            behind a quote stands behind each name, and nowhere else.

    Raises:
        MalformedJson: One does.
    """
    # What is written anew is as plain, and has each name once.
    if plain and content.count(_NAMED) == _encode(read).count(_NAMED):
        return
    # Whatever looks like a member's name is counted; only where that is more than there are
    # members, in a text perhaps, the names are looked at.
    if len(_NAME.findall(content)) > _members(read):
        json.loads(content, object_pairs_hook=_distinct)


def _members(value: Any) -> int:
    count = 0
    todo = [value]
    while todo:
        held = todo.pop()
        if type(held) is dict:
            count += len(held)
            todo.extend(held.values())
        elif type(held) is list:
            todo.extend(held)
    return count


def _distinct(pairs: list[tuple[str, Any]]) -> Object:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise MalformedJson()
    return read


def _as_doubles(value: Any) -> None:
    """
    Take integers that 64 bits do not hold for what I-JSON has every number be: doubles (RFC 7493).
    """
    todo = [value]
    while todo:
        held = todo.pop()
        for key, inner in held.items() if type(held) is dict else enumerate(held):
            if type(inner) in (dict, list):
                todo.append(inner)
            elif type(inner) is int and not -_LARGEST_INTEGER <= inner <= _LARGEST_INTEGER:
                held[key] = float(inner)
