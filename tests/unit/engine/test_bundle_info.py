"""
sidecar.engine.bundle_info: what the active bundle says of itself.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sidecar.bundle.build import BuiltBundle
from sidecar.engine.bundle_info import BundleInfo
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.errors import BundleNotActive
from tests.fakes import OddServer, asked, opa_answer
from tests.running import opa_running

MANIFEST = {"revision": "r1", "metadata": {"authzen": {"decision": "a/decision"}}}
AGREED = {"id": "agreed", "version": "1", "clauses": "a/clauses", "terms": "a/terms"}


def test_a_bundle_says_all_of_itself(faulty: Opa):
    """
    Its rules come from the manifest, its agreement from the documents that the manifest names.
    """
    info = BundleInfo.read(faulty)

    assert info.revision == "faulty-1"
    assert info.decision == ("faulty", "decision", "decision")
    assert info.batch == ("faulty", "decision", "sidecar_batch", "decisions")
    assert info.agreement is not None
    assert (info.agreement.id, info.agreement.version) == ("faults", "1")
    assert info.agreement.clauses == {
        "1-a": {"section": "1", "says": "Faults are on purpose.", "sha256": "ab"}
    }
    assert info.agreement.sentences["permitted"]["user"] == {"en": "It is permitted."}
    assert info.agreement.switches == {"strict": True}
    assert info.agreement.terms == {"action": {"permit", "refuse"}, "purpose": frozenset()}
    assert info.agreement.gaps == ()


def test_what_is_known_is_not_read_again(faulty: Opa):
    """
    One question tells that the revision is still the active one.
    """
    known = BundleInfo.read(faulty)

    assert BundleInfo.read(faulty, known) is known


def _opa(documents: Mapping[str, Any], manifest: object = MANIFEST) -> Callable[[bytes], bytes]:
    bundles = {"decision": {"manifest": manifest}}

    def answering(request: bytes) -> bytes:
        path = asked(request)[0].partition("?")[0].removeprefix("/v1/data/")
        if path == "system/bundles":
            return opa_answer(result=bundles)
        return opa_answer(**({"result": documents[path]} if path in documents else {}))

    return answering


def _read(
    answering: Callable[[bytes], bytes | None], known: BundleInfo | None = None
) -> BundleInfo:
    with OddServer(answering) as server:
        opa = Opa(Endpoint(server.url))
        try:
            return BundleInfo.read(opa, known)
        finally:
            opa.close_connection()


def test_without_an_agreement_there_is_none():
    """
    A bundle need not have one, nor a rule for many at once.
    """
    info = _read(_opa({}))

    assert (info.agreement, info.batch) == (None, None)


def _manifest(**agreement: Any) -> dict[str, Any]:
    metadata = {**MANIFEST["metadata"], "agreement": AGREED | agreement}  # type: ignore[dict-item]
    return {**MANIFEST, "metadata": metadata}


@pytest.mark.parametrize(
    "clauses", [None, [], "clauses", {"1-a": "says"}, {"1-a": None}, {"1-a": []}]
)
def test_a_document_of_another_shape_is_a_gap(clauses: object):
    """
    Nothing is taken from it: decisions can still be made, and readiness says what is amiss.
    """
    documents = {"a/clauses": clauses, "a/terms": {"action": ["read"]}}
    info = _read(_opa(documents, _manifest()))

    assert info.agreement is not None
    assert info.agreement.gaps == ("clauses",)
    assert info.agreement.clauses == {}
    assert info.agreement.terms == {"action": {"read"}}


@pytest.mark.parametrize("terms", [{"action": 1}, {"action": None}, {"action": [[]]}])
def test_terms_are_lists_of_words(terms: object):
    """
    They bound the metrics' labels: anything else is a gap.
    """
    info = _read(_opa({"a/clauses": {}, "a/terms": terms}, _manifest()))

    assert info.agreement is not None
    assert info.agreement.gaps == ("terms",)


def test_a_document_that_is_absent_is_a_gap():
    """
    So is one that the bundle does not have.
    """
    info = _read(_opa({"a/terms": {}}, _manifest()))

    assert info.agreement is not None
    assert info.agreement.gaps == ("clauses",)


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        [],
        {"metadata": {}},
        {"metadata": {"authzen": {}}},
        {"metadata": {"authzen": {"decision": "a"}}},
        {"metadata": {"authzen": {"decision": "a/../decision"}}},
        {"metadata": {"authzen": {"decision": "a/decision?metrics"}}},
        _manifest(clauses="a/%2e%2e"),
    ],
)
def test_a_bundle_that_names_no_decision_does_not_decide(manifest: object):
    """
    Nor does one whose names could lead elsewhere.
    """
    with pytest.raises(BundleNotActive):
        _read(_opa({}, manifest))


def test_the_bundle_that_decides_is_found_among_others(
    built: Callable[[str], BuiltBundle], opa_binary: Path, socket_path: Path, tmp_path: Path
):
    """
    Others may hold data; theirs are not taken for it.
    """
    (tmp_path / "data" / "abc").mkdir(parents=True)
    (tmp_path / "data" / "abc" / "data.json").write_text('{"a": 1}', "utf-8")
    (tmp_path / "data" / ".manifest").write_text('{"revision": "d", "roots": ["abc"]}', "utf-8")
    endpoint = Endpoint(f"unix://{socket_path}")
    bundles = ("--bundle", tmp_path / "data", built("boolean").path)
    with opa_running(opa_binary, endpoint, *bundles, log=tmp_path / "log"):
        opa = Opa(endpoint)
        info = BundleInfo.read(opa)
        opa.close_connection()

    assert info.name.endswith("boolean.tar.gz")
    assert info.revision == built("boolean").revision


def test_no_bundle_is_not_one(opa_binary: Path, socket_path: Path, tmp_path: Path):
    """
    An OPA without any bundle answers, and decides nothing.
    """
    endpoint = Endpoint(f"unix://{socket_path}")
    with opa_running(opa_binary, endpoint, log=tmp_path / "log"):
        opa = Opa(endpoint)
        with pytest.raises(BundleNotActive):
            BundleInfo.read(opa)
        opa.close_connection()


def _replaced_while_read(times: int) -> Callable[[bytes], bytes]:
    """
    Answer documents from another revision than the manifest's, so many times.
    """
    reads = 0

    def answering(request: bytes) -> bytes:
        nonlocal reads
        if asked(request)[0].startswith("/v1/data/system/bundles"):
            reads += 1
            return opa_answer(result={"decision": {"manifest": _manifest()}})
        return opa_answer(revision="r0" if reads <= times else "r1", result={})

    return answering


def test_documents_are_of_one_revision():
    """
    Where the bundle is replaced while it is read, it is read again.
    """
    assert _read(_replaced_while_read(times=1)).revision == "r1"


def test_it_is_not_read_for_ever():
    """
    A bundle that never stands still is not active.
    """
    with pytest.raises(BundleNotActive):
        _read(_replaced_while_read(times=1000))


def test_without_a_revision_it_is_always_read():
    """
    Nothing tells such bundles apart.
    """
    manifest = {"metadata": MANIFEST["metadata"]}
    known = _read(_opa({}, manifest))

    assert known.revision == ""
    assert _read(_opa({}, manifest), known) is not known
