"""
The description of the API, against the application that it describes.
"""

import json
import re
from typing import Any

import pytest

from sidecar import errors
from sidecar.api.openapi import OpenApiEndpoint
from sidecar.app import create_app
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.settings import Limits, Settings

DOCUMENT = json.loads(OpenApiEndpoint(Limits())().data)
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def references(value: Any) -> set[str]:
    """
    Collect what a part of the document refers to.
    """
    return set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(value)))


def at(pointer: str) -> Any:
    """
    Look up a part of the document.
    """
    value = DOCUMENT
    for step in pointer.removeprefix("#/").split("/"):
        value = value[step]
    return value


def test_every_endpoint_is_described_and_no_other():
    """
    The document's paths and methods are those of the application.
    """
    app = create_app(Settings(), Engine(Opa(Endpoint("unix:///nowhere"))))
    served = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }

    described = {(path, method) for path, method, _ in OPERATIONS}

    assert described == served


def test_every_reference_leads_somewhere():
    """
    Nothing is referred to that is not there.
    """
    assert all(at(pointer) for pointer in references(DOCUMENT))


def test_every_part_is_used():
    """
    Nothing is described that no operation has.
    """
    parts = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        for name in named
        # These are named where they are asked for, and not referred to.
        if kind != "securitySchemes"
    }

    assert parts - references(DOCUMENT) == set()


def test_callers_may_be_known_in_each_way_that_is_described():
    """
    What decides may ask for a credential of every kind, or for none; nothing else does.
    """
    ways: list[Any] = [{}, *({name: []} for name in DOCUMENT["components"]["securitySchemes"])]

    assert [operation.get("security") for _, _, operation in OPERATIONS] == [
        ways if path.startswith("/access/") else None for path, _, _ in OPERATIONS
    ]


@pytest.mark.parametrize(
    ("path", "operation"),
    [(path, operation) for path, method, operation in OPERATIONS if method == "post"],
)
def test_a_question_may_end_in_every_way_that_the_errors_know(path: str, operation: Any):
    """
    Each status of an error that a known path can be answered with is described.
    """
    known = {
        *(errors.RequestError, errors.Unauthenticated, errors.Forbidden, errors.BodyTooLarge),
        *(errors.TooManyRequests, errors.InternalError, errors.EngineError),
    }
    if "/search/" in path:
        known.add(errors.NotFound)

    assert {str(kind.status) for kind in known} | {"200"} == set(operation["responses"])


def test_operations_have_names_of_their_own():
    """
    No two operations are of one name: clients are generated from them.
    """
    names = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert len(names) == len(set(names))


def test_the_limit_is_the_one_that_is_set():
    """
    How many evaluations one request may hold is said as it is set.
    """
    document = json.loads(OpenApiEndpoint(Limits(evaluations=7))().data)

    assert (
        document["components"]["schemas"]["Evaluations"]["properties"]["evaluations"]["maxItems"]
        == 7
    )
