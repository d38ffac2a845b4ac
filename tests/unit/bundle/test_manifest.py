"""
sidecar.bundle.manifest
"""

from typing import Any

import pytest

from sidecar.bundle.manifest import Manifest, ManifestMalformed, segments

LEAST: dict[str, Any] = {"metadata": {"authzen": {"decision": "a/decision"}}}
AGREEMENT = {"id": "a", "version": "1"}


def _with(**authzen: Any) -> dict[str, Any]:
    return {"metadata": {"authzen": {"decision": "a/decision"} | authzen}}


def _agreed(**agreement: Any) -> dict[str, Any]:
    return {"metadata": LEAST["metadata"] | {"agreement": AGREEMENT | agreement}}


def _built(build: Any) -> dict[str, Any]:
    return {"metadata": LEAST["metadata"] | {"build": build}}


def test_a_decision_is_all_that_it_takes():
    """
    Everything else may be absent.
    """
    assert Manifest.from_document(LEAST) == Manifest(
        "", ("a", "decision"), None, None, {}, None, ("*",), False
    )


def test_all_of_it_is_read():
    """
    What is not known is left alone.
    """
    document = {
        "revision": "r1",
        "roots": ["a"],
        "metadata": {
            "authzen": {
                "decision": "a/decision",
                "batch": "a/b/c",
                "search": {"subject": "a/subjects", "planet": "a/planets"},
                "deterministic": True,
                "reads": ["subject.type", "context"],
            },
            "agreement": AGREEMENT | {"clauses": "a/clauses", "terms": "a", "sha256": "x"},
            "build": {"constants": ["a/tables"], "other": 1},
        },
    }
    manifest = Manifest.from_document(document)

    assert (manifest.revision, manifest.batch) == ("r1", ("a", "b", "c"))
    assert manifest.search == {"subject": ("a", "subjects")}
    assert (manifest.reads, manifest.deterministic) == (("subject.type", "context"), True)
    assert manifest.constants == (("a", "tables"),)
    assert manifest.agreement is not None
    assert manifest.agreement.documents == {"clauses": ("a", "clauses"), "terms": ("a",)}


PATH = "must be a path such as package/rule, of plain names"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "the manifest must be a JSON object"),
        ([], "the manifest must be a JSON object"),
        ({}, "metadata is missing"),
        ({"metadata": []}, "metadata must be an object"),
        ({"metadata": {}}, "metadata.authzen is missing"),
        ({"metadata": {"authzen": "a"}}, "metadata.authzen must be an object"),
        ({"metadata": {"authzen": {}}}, "metadata.authzen.decision is missing"),
        (_with(decision=None), "metadata.authzen.decision must be a string"),
        (_with(decision=["a", "b"]), "metadata.authzen.decision must be a string"),
        (_with(decision=""), f"metadata.authzen.decision {PATH}"),
        (_with(decision="decision"), f"metadata.authzen.decision {PATH}"),
        (_with(decision="a.decision"), f"metadata.authzen.decision {PATH}"),
        (_with(decision="/a/decision"), f"metadata.authzen.decision {PATH}"),
        (_with(decision="a/../b"), f"metadata.authzen.decision {PATH}"),
        (_with(decision="a/b?metrics"), f"metadata.authzen.decision {PATH}"),
        (_with(decision="a/b\n"), f"metadata.authzen.decision {PATH}"),
        (_built([]), "metadata.build must be an object"),
        (_built({"constants": "a/b"}), "metadata.build.constants must be a list of paths"),
        (_built({"constants": [1]}), "metadata.build.constants must be a string"),
        (_built({"constants": ["a"]}), f"metadata.build.constants {PATH}"),
        (_with(decision="a/é"), f"metadata.authzen.decision {PATH}"),
        (_with(batch=1), "metadata.authzen.batch must be a string"),
        (_with(batch="a"), f"metadata.authzen.batch {PATH}"),
        (_with(reads="*"), "metadata.authzen.reads must be a list of strings"),
        (_with(reads=["a", 1]), "metadata.authzen.reads must be a list of strings"),
        (_with(deterministic="yes"), "metadata.authzen.deterministic must be true or false"),
        (LEAST | {"revision": 1}, "revision must be a string"),
        (LEAST | {"revision": None}, "revision must be a string"),
        (_agreed(id=1), "metadata.agreement.id must be a string"),
        (_agreed(version=None), "metadata.agreement.version must be a string"),
        (_agreed(clauses={}), "metadata.agreement.clauses must be a string"),
        (_agreed(terms="a/%2e"), f"metadata.agreement.terms {PATH}"),
        (
            {"metadata": LEAST["metadata"] | {"agreement": {"id": "a"}}},
            "metadata.agreement.version is missing",
        ),
        (
            {"metadata": LEAST["metadata"] | {"agreement": None}},
            "metadata.agreement must be an object",
        ),
    ],
)
def test_each_mistake_is_named(document: object, says: str):
    """
    The message names the key, and what it must be.
    """
    with pytest.raises(ManifestMalformed) as refused:
        Manifest.from_document(document)

    assert str(refused.value) == says


def test_segments():
    """
    A path is split at its slashes, or refused.
    """
    assert segments("a/b_1/_c") == ("a", "b_1", "_c")
    for bad in ("", "/", "a//b", "a/1b", "a/b-c", "a b"):
        with pytest.raises(ValueError, match="plain names"):
            segments(bad)
