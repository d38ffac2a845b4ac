"""
Cases of the contract as data, and the two ways to put them to a sidecar.
"""

import copy
import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from flask import Flask
from werkzeug.datastructures import Headers

CASES = Path(__file__).with_name("cases")
EVALUATION = "/access/v1/evaluation"
JSON = {"Content-Type": "application/json"}
ABSENT = object()


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request, as it goes over the wire.

    Attributes:
        content: The body.

        path: The path, with its query.

        method: The method.

        headers: The headers, beside those that every client sends.
    """

    content: bytes = b""
    path: str = EVALUATION
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What came back.

    Attributes:
        status: The status.

        headers: The headers; their names are of any case.

        content: The body.
    """

    status: int
    headers: Headers
    content: bytes

    @property
    def json(self) -> Any:
        """
        The body, read as JSON.
        """
        return json.loads(self.content)


Ask = Callable[[Request], Answer]


@dataclass(frozen=True, slots=True)
class Case:
    """
    One thing that a caller can rely on.

    Attributes:
        requirement: Where it is asked for: `authzen 4`, `contract 1`.

        name: What must hold, as a sentence.

        bundle: Which bundle answers.

        request: What is sent.

        expect: What must come back: status, headers, body, has, present, lacks.

        certification: The certification's cases that this one stands for.
    """

    requirement: str
    name: str
    bundle: str
    request: Request
    expect: Mapping[str, Any]
    certification: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.requirement}: {self.name}"


def through_flask(app: Flask) -> Ask:
    """
    Ask an application in this process.
    """
    client = app.test_client()

    def ask(request: Request) -> Answer:
        got = client.open(
            request.path,
            method=request.method,
            headers=dict(request.headers),
            data=request.content,
        )
        return Answer(got.status_code, got.headers, got.data)

    return ask


def through_http(
    address: str, tls: ssl.SSLContext | None = None, headers: Mapping[str, str] | None = None
) -> Ask:
    """
    Ask whoever listens on `host:port`, over TLS where a context says whom to trust, with a
    connection for each request, and further headers where they are given.
    """

    def connected() -> http.client.HTTPConnection:
        if tls:
            return http.client.HTTPSConnection(address, timeout=30, context=tls)
        return http.client.HTTPConnection(address, timeout=30)

    def ask(request: Request) -> Answer:
        with closing(connected()) as connection:
            sent = {**request.headers, **(headers or {})}
            connection.request(request.method, request.path, request.content, sent)
            got = connection.getresponse()
            return Answer(got.status, Headers(got.getheaders()), got.read())

    return ask


def cases() -> list[Case]:
    """
    Read all cases, those of one bundle beside each other.
    """
    requests = _requests()
    read = (
        _case(one, requests)
        for file in sorted(CASES.glob("*.yaml"))
        if file.name != "requests.yaml"
        for entry in yaml.safe_load(file.read_text("utf-8"))
        for one in _each(entry)
    )
    return sorted(read, key=lambda case: case.bundle)


def named(name: str) -> Any:
    """
    Take one of the requests that cases start from.
    """
    return copy.deepcopy(_requests()[name])


def at(value: Any, pointer: str) -> Any:
    """
    Look up a JSON pointer; ABSENT where nothing is there.
    """
    for step in pointer.split("/")[1:]:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return ABSENT
    return value


def holds(whole: Any, part: Any) -> bool:
    """
    Say whether a value has all that another has; lists match entry by entry.
    """
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and holds(whole[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return (
            isinstance(whole, list)
            and len(whole) == len(part)
            and all(holds(*pair) for pair in zip(whole, part, strict=True))
        )
    return type(whole) is type(part) and bool(whole == part)


def changed(body: Any, put: Mapping[str, Any], removed: list[str]) -> Any:
    """
    Copy a body, with other values at some JSON pointers and nothing at others.
    """
    body = copy.deepcopy(body)
    for pointer, value in put.items():
        holder, _, name = pointer.rpartition("/")
        inside = at(body, holder)
        inside[int(name) if isinstance(inside, list) else name] = value
    for pointer in removed:
        holder, _, name = pointer.rpartition("/")
        del at(body, holder)[name]
    return body


@cache
def _requests() -> dict[str, Any]:
    return dict(yaml.safe_load((CASES / "requests.yaml").read_text("utf-8")))


def _each(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """
    Make one case for each value at each place, where an entry asks for that.
    """
    if "each" not in entry:
        return [entry]
    return [
        {
            **entry,
            "name": f"{entry['name']}: {pointer} is not {json.dumps(value)}",
            "request": {**entry["request"], "put": {pointer: value}},
            "expect": _with_path(entry["expect"], pointer),
        }
        for pointer in entry["each"]["at"]
        for value in entry["each"]["is"]
    ]


def _with_path(expect: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    return {**expect, "has": {"error": {**expect["has"]["error"], "path": pointer}}}


def _case(entry: Mapping[str, Any], requests: Mapping[str, Any]) -> Case:
    given = entry.get("request", {})
    headers = JSON | given.get("headers", {})
    request = Request(
        _content(given, requests),
        given.get("path", EVALUATION),
        given.get("method", "POST"),
        {name: value for name, value in headers.items() if value is not None},
    )
    return Case(
        entry["requirement"],
        entry["name"],
        entry.get("bundle", "privacy"),
        request,
        entry["expect"],
        tuple(entry.get("certification", ())),
    )


def _content(given: Mapping[str, Any], requests: Mapping[str, Any]) -> bytes:
    match given:
        case {"raw": str(text)}:
            return text.encode()
        case {"raw": bytes(content)}:
            return content
        case {"raw": {"repeat": unit, "times": times, **rest}}:
            return f"{rest.get('begin', '')}{unit * times}{rest.get('end', '')}".encode()
        case {"like": name, **rest}:
            body = changed(requests[name], rest.get("put", {}), rest.get("remove", []))
            return json.dumps(body).encode()
        case {"body": body}:
            return json.dumps(body).encode()
    return b""
