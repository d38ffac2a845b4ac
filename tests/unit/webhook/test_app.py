"""
Admission reviews, as an API server sends them.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from sidecar.watched import Watched
from sidecar.webhook.app import PATH, create_app
from sidecar.webhook.injection import Injection
from tests.unit.webhook.test_injection import injection, patched

PODS = {"group": "", "version": "v1", "resource": "pods"}


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """
    A client of the webhook.
    """
    added = injection(tmp_path)
    watched: Watched[Injection] = Watched((tmp_path / "pod.yaml",), lambda _: added)
    return create_app(watched).test_client()


def review(pod: Any, resource: Any = PODS) -> dict[str, Any]:
    """
    Write a review as an API server does.
    """
    request = {"uid": "u-1", "operation": "CREATE", "resource": resource, "object": pod}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def test_a_pod_gets_its_patch(client: FlaskClient):
    """
    The answer has the review's id, allows, and holds the patch in base64.
    """
    pod: dict[str, Any] = {"metadata": {}, "spec": {"containers": []}}

    answer = client.post(PATH, json=review(pod)).get_json()

    response = answer["response"]
    operations = json.loads(base64.b64decode(response.pop("patch")))
    assert response == {"uid": "u-1", "allowed": True, "patchType": "JSONPatch"}
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    names = [each["name"] for each in patched(pod, operations)["spec"]["initContainers"]]
    assert names == ["first", "second"]


def test_a_second_admission_changes_nothing(client: FlaskClient):
    """
    A pod that has the sidecar is allowed without a patch.
    """
    pod: dict[str, Any] = {"metadata": {}, "spec": {"containers": []}}
    first = client.post(PATH, json=review(pod)).get_json()["response"]

    patched(pod, json.loads(base64.b64decode(first["patch"])))

    again = client.post(PATH, json=review(pod)).get_json()["response"]
    assert again == {"uid": "u-1", "allowed": True}


@pytest.mark.parametrize(
    "asked",
    [
        review({"spec": {}}, {"group": "apps", "version": "v1", "resource": "deployments"}),
        review(None, None),
    ],
    ids=["a deployment", "nothing"],
)
def test_whatever_is_no_pod_is_allowed_as_it_is(client: FlaskClient, asked: Any):
    """
    Also where somebody aims the webhook at more than pods.
    """
    answer = client.post(PATH, json=asked).get_json()

    assert answer["response"] == {"uid": "u-1", "allowed": True}


def test_a_pod_in_the_nodes_network_is_warned_about(client: FlaskClient):
    """
    The sidecar's ports would be the node's: it is left out, and whoever makes the pod is told.
    """
    answer = client.post(PATH, json=review({"spec": {"hostNetwork": True}})).get_json()["response"]

    assert answer["allowed"] is True
    assert "patch" not in answer
    assert answer["warnings"] == ["no privacy sidecar: its ports would be the node's (hostNetwork)"]


@pytest.mark.parametrize(
    ("asked", "code", "path"),
    [
        ([], "not_an_object", None),
        ({}, "missing_attribute", "/request"),
        ({"request": []}, "wrong_type", "/request"),
        ({"request": {"uid": 1}}, "wrong_type", "/request/uid"),
        ({"request": {}}, "missing_attribute", "/request/uid"),
        (review(None), "missing_attribute", "/request/object"),
        (review([]), "wrong_type", "/request/object"),
        (review({}), "missing_attribute", "/request/object/spec"),
        (review({"spec": {"volumes": {}}}), "wrong_type", "/request/object/spec/volumes"),
        (review({"spec": {"volumes": [1]}}), "wrong_type", "/request/object/spec/volumes/0"),
        (
            review({"spec": {"initContainers": [{}]}}),
            "missing_attribute",
            "/request/object/spec/initContainers/0/name",
        ),
        (review({"spec": {}, "metadata": []}), "wrong_type", "/request/object/metadata"),
        (
            review({"spec": {}, "metadata": {"labels": []}}),
            "wrong_type",
            "/request/object/metadata/labels",
        ),
    ],
)
def test_what_is_no_review_is_refused_with_its_place(
    client: FlaskClient, asked: Any, code: str, path: str | None
):
    """
    400, with a code and a pointer to what is wrong: an API server lets the pod pass then.
    """
    response = client.post(PATH, json=asked)

    error = response.get_json()["error"]
    assert (400, code, path) == (response.status_code, error["code"], error.get("path"))


def test_it_says_that_it_lives(client: FlaskClient):
    """
    Health is asked with GET; reviews are not.
    """
    assert client.get("/healthz").status_code == 200
    assert client.get(PATH).status_code == 405
    assert client.get("/").status_code == 404
