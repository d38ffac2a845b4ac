"""
sidecar.records.masking: what of a request may be written down, and that nothing else is.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.engine.bundle_info import Agreement, BundleInfo
from sidecar.engine.decision import Decision
from sidecar.records.masked import Masking
from sidecar.records.masking import Ids, Mask, nameless

TERMS: Final = {
    "subject": frozenset({"clerk"}),
    "action": frozenset({"read"}),
    "resource": frozenset({"information"}),
    "recipient": frozenset({"court"}),
    "category": frozenset({"name", "phone"}),
    "purpose": frozenset({"billing", "audit"}),
    "reason": frozenset({"permitted", "mixed"}),
    "obligation": frozenset({"notify"}),
    "record": frozenset({"keep_consent"}),
    "fact": frozenset({"bound", "consent", "size", "needed", "sources", "note"}),
    "fact_integer": frozenset({"size"}),
    "fact.consent": frozenset({"explicit", "implied"}),
    "fact.needed": frozenset({"name", "phone"}),
    "fact.sources": frozenset({"name", "phone", "direct"}),
}
CLAUSES: Final[dict[str, Any]] = {"1-a": {}, "2": {}}
DATE: Final = "2026-01-31"
OWN: Final = {
    *("subject", "action", "resource", "context", "environment", "date", DATE, "type", "id"),
    *("properties", "categories", "purpose", "recipient", "facts", "evidence", "answer"),
    *("(null)", "(boolean)", "(number)", "(text)", "(list)", "(object)", "(unknown)"),
    *("full", "explain", "remedies", "bare"),
    "name",
}


def asked(**context: Any) -> dict[str, Any]:
    """
    Make an evaluation of which everything is known.
    """
    return {
        "subject": {"type": "clerk", "id": "anna"},
        "action": {"name": "read"},
        "resource": {
            "type": "information",
            "id": "acme",
            "properties": {"categories": ["phone", "name"]},
        },
        "context": context,
    }


def masked(evaluation: dict[str, Any], ids: Ids | None = None) -> tuple[Any, dict[str, int]]:
    """
    Mask an evaluation: (what is written, what is left out).
    """
    mask = Mask(TERMS, CLAUSES, ids or Ids())
    return mask.evaluation(evaluation, DATE), dict(mask.left_out)


def facts(**given_facts: Any) -> Any:
    """
    Mask facts.
    """
    return masked(asked(facts=given_facts))[0]["context"]["facts"]


def test_terms_stay_as_they_are():
    """
    What the policy reads is written in full, in the request's order, and is still an evaluation.
    """
    context = {
        "purpose": ["audit", "billing"],
        "recipient": {"type": "court", "id": "x"},
        "facts": {
            "bound": True,
            "consent": "implied",
            "size": 5,
            "needed": ["name"],
            "sources": {"name": "direct"},
        },
        "answer": "bare",
    }

    written, left_out = masked(asked(**context))

    assert left_out == {}
    assert written == {
        "subject": {"type": "clerk"},
        "action": {"name": "read"},
        "resource": {"type": "information", "properties": {"categories": ["phone", "name"]}},
        "context": {**context, "recipient": {"type": "court"}},
        "environment": {"date": DATE},
    }


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("bound", None, None),
        ("bound", "yes", "(text)"),
        ("bound", 1, "(number)"),
        ("bound", 1.5, "(number)"),
        ("bound", ["a", "b"], "(list of 2)"),
        ("bound", {"a": 1}, "(object of 1)"),
        ("size", 5, 5),
        ("size", True, True),
        ("size", 5.5, "(number)"),
        ("size", "5", "(text)"),
        ("consent", "oral", "(unknown 1)"),
        ("consent", 7, "(number)"),
        (
            "needed",
            ["name", "x", 3, "x", "y"],
            ["name", "(unknown 1)", "(number)", "(unknown 1)", "(unknown 2)"],
        ),
        ("needed", "name", "name"),
        ("sources", {"name": "x", "secret": "direct"}, {"name": "(unknown 1)"}),
        ("note", "anything", "(text)"),
    ],
)
def test_what_a_fact_s_value_becomes(name, value, written):
    """
    Truth values, whole numbers where the fact is one, and texts of the fact's own list; else types
    and counts.
    """
    assert facts(**{name: value}) == {name: written}


def test_what_nobody_knows_is_counted():
    """
    Neither names nor values of what the vocabulary has not.
    """
    evaluation = asked(
        facts={"x": 1, "y": 2}, evidence={"z": "r", "bound": "r"}, more=1, purpose="?"
    )
    evaluation["subject"]["properties"] = {"a": 1}
    evaluation["resource"]["properties"]["b"] = 1

    written, left_out = masked(evaluation)

    assert written["context"] == {
        "purpose": "(unknown 1)",
        "facts": {},
        "evidence": {"bound": "(text)"},
    }
    assert left_out == {
        "subject.properties": 1,
        "resource.properties": 1,
        "context": 1,
        "context.facts": 2,
        "context.evidence": 1,
    }


def test_two_things_stay_two():
    """
    The same text has the same number wherever it stands in a record.
    """
    evaluation = asked(purpose=["p", "q", "p"])
    evaluation["resource"]["properties"]["categories"] = ["q", "name", "p"]

    written, _ = masked(evaluation)

    assert written["resource"]["properties"]["categories"] == ["(unknown 1)", "name", "(unknown 2)"]
    assert written["context"]["purpose"] == ["(unknown 2)", "(unknown 1)", "(unknown 2)"]


def test_ids_as_they_are_set():
    """
    In clear, hashed with a key, or not at all.
    """
    key = b"k" * 16
    hashed = Ids("hash", key).masked("anna")

    assert masked(asked(), Ids("clear"))[0]["subject"] == {"type": "clerk", "id": "anna"}
    assert masked(asked(), Ids("hash", key))[0]["subject"]["id"] == hashed
    assert hashed is not None and hashed.startswith("hmac-sha256:") and len(hashed) == 76
    assert Ids("hash", b"other key 123456").masked("anna") != hashed
    assert Ids("drop").masked("anna") is None
    assert Ids("clear").masked(5) is None


def test_without_terms_there_are_types_and_counts():
    """
    A bundle that has no vocabulary gets no word of a request written down.
    """
    mask = Mask({}, {}, Ids())

    written = mask.evaluation(asked(purpose="billing", facts={"bound": True}), DATE)

    assert written["action"] == {"name": "(unknown 2)"}
    assert written["context"] == {"purpose": "(unknown 6)", "facts": {}}
    assert mask.left_out == {"context.facts": 1}


def test_a_result_is_masked_as_well():
    """
    A policy may give back what it was sent.
    """
    context = {
        "outcome": "partial",
        "reason": "mixed",
        "permitted": ["name", "SECRET"],
        "denied": [{"category": "SECRET", "reason": "SECRET2", "clauses": ["1-a", "SECRET3"]}, 5],
        "clauses": [{"id": "2", "effect": "limits", "says": "SECRET"}, {"id": [1], "effect": "x"}],
        "missing_facts": ["bound", 3],
        "obligations": [{"id": "notify", "properties": {"SECRET": 1}}],
        "records": ["keep_consent"],
        "problems": [{"at": "/SECRET"}],
        "SECRET": "SECRET",
    }

    written = Mask(TERMS, CLAUSES, Ids("clear")).result(Decision(False, context, "r1"))

    assert written == {
        "decision": False,
        "context": {
            "outcome": "partial",
            "reason": "mixed",
            "permitted": ["name", "(unknown 1)"],
            "denied": [
                {
                    "category": "(unknown 1)",
                    "reason": "(unknown 2)",
                    "clauses": ["1-a", "(unknown 3)"],
                }
            ],
            "clauses": [
                {"id": "2", "effect": "limits"},
                {"id": "(list)", "effect": "(unknown)"},
            ],
            "missing_facts": ["bound", "(number)"],
            "obligations": ["notify"],
            "records": ["keep_consent"],
            "problems": 1,
        },
    }
    assert Mask(TERMS, CLAUSES, Ids()).result(Decision(True, None, "r1")) == {"decision": True}


_TEXTS: Final = st.one_of(st.text(), st.sampled_from(sorted(set().union(*TERMS.values()))))
_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_ENTITY: Final = st.fixed_dictionaries(
    {"type": _TEXTS, "id": _TEXTS},
    optional={"properties": st.dictionaries(_TEXTS | st.just("categories"), _JSON, max_size=3)},
)
_CONTEXT: Final = st.fixed_dictionaries(
    {},
    optional={
        "purpose": _JSON,
        "recipient": _ENTITY | _JSON,
        "facts": st.dictionaries(st.sampled_from(sorted(TERMS["fact"])) | _TEXTS, _JSON) | _JSON,
        "evidence": st.dictionaries(st.sampled_from(sorted(TERMS["fact"])) | _TEXTS, _JSON) | _JSON,
        "answer": _JSON,
        "SECRET": _JSON,
    },
)
_EVALUATION: Final = st.fixed_dictionaries(
    {
        "subject": _ENTITY,
        "action": st.fixed_dictionaries({"name": _TEXTS}),
        "resource": _ENTITY,
    },
    optional={"context": _CONTEXT | _JSON},
)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _is_marker(text: str) -> bool:
    head, _, number = text.strip("()").rpartition(" ")
    return head in ("unknown", "list of", "object of") and number.isdigit()


@settings(deadline=None)
@given(_EVALUATION, st.dictionaries(_TEXTS, _JSON))
def test_no_text_of_a_request_is_written_that_is_no_term(evaluation, context):
    """
    Whatever a request and a policy's answer hold: each text of the record is a term or our own.
    """
    known = set().union(*TERMS.values()) | OWN | CLAUSES.keys() | {"decision"}
    known |= {"permits", "prohibits", "limits", "obliges", "defines", "permitted", "partial"}
    known |= {"denied", "outcome", "reason", "missing_facts", "obligations", "records", "clauses"}
    known |= {"unknown_terms", "problems", "effect", "category"}
    mask = Mask(TERMS, CLAUSES, Ids())

    written = [mask.evaluation(evaluation, DATE), mask.result(Decision(True, context, "r1"))]

    assert {text for text in _texts(written) if text not in known and not _is_marker(text)} == set()
    assert json.loads(json.dumps(written)) == written


@settings(deadline=None)
@given(_EVALUATION)
def test_a_hashed_id_is_never_in_clear(evaluation):
    """
    No name is written where names are hashed.
    """
    evaluation["subject"]["id"] = evaluation["resource"]["id"] = "anna-1234"
    mask = Mask(TERMS, CLAUSES, Ids("hash", b"k" * 16))

    assert "anna-1234" not in json.dumps(mask.evaluation(evaluation, DATE))


_INFO: Final = BundleInfo(
    "decision", "r1", ("a",), None, {}, Agreement("a", "1", clauses=CLAUSES, terms=TERMS)
)


def _told(evaluation: dict[str, Any]) -> tuple[bytes, bytes]:
    """
    Mask an evaluation where names are dropped: what is written of it, and what is left out.
    """
    masked = Masking(Ids()).masked(evaluation, Decision(True, None, "r1", DATE), _INFO)
    return masked.input, masked.left_out


def _renamed(evaluation: dict[str, Any], references: st.SearchStrategy[Any], data: Any) -> Any:
    """
    Copy an evaluation with other names, and with other references where it has any.
    """
    other = copy.deepcopy(evaluation)
    context = other.get("context")
    recipient = context.get("recipient") if isinstance(context, dict) else None
    for holder in (other["subject"], other["resource"], recipient):
        if isinstance(holder, dict):
            holder["id"] = data.draw(_JSON)
    evidence = context.get("evidence") if isinstance(context, dict) else None
    if isinstance(evidence, dict):
        for fact in evidence:
            evidence[fact] = data.draw(references)
    return other


_NAMING: Final = st.dictionaries(
    st.sampled_from(sorted(TERMS["fact"])) | _TEXTS, _TEXTS, min_size=1, max_size=3
)
_OF_SOMEBODY: Final = st.builds(
    lambda evaluation, recipient, evidence, context: (
        evaluation | {"context": {**context, "recipient": recipient, "evidence": evidence}}
    ),
    _EVALUATION,
    _ENTITY,
    _NAMING,
    _CONTEXT,
)


@settings(deadline=None)
@given(_OF_SOMEBODY, st.data())
def test_other_names_are_alike_and_are_masked_alike(evaluation, data):
    """
    Of whom an evaluation is about, of who receives, and of evidence.
    """
    before = copy.deepcopy(evaluation)
    other = _renamed(evaluation, _TEXTS, data)

    assert nameless(evaluation) == nameless(other)
    assert evaluation == before
    assert _told(evaluation) == _told(other)


@settings(deadline=None, max_examples=300)
@given(_EVALUATION | _OF_SOMEBODY, st.data())
def test_what_is_alike_is_masked_alike(evaluation, data):
    """
    Whatever two evaluations say. Evidence of another type is not alike: it is masked otherwise.
    """
    for other in (_renamed(evaluation, _JSON, data), data.draw(_EVALUATION)):
        if json.dumps(nameless(evaluation)) == json.dumps(nameless(other)):
            assert _told(evaluation) == _told(other)


def test_evidence_of_another_type_is_not_alike():
    """
    Records tell it apart.
    """
    told = [{"bound": "a"}, {"bound": 1}, {"bound": None}, {"other": "a"}, {}, "a", None]
    alike = [json.dumps(nameless(asked(evidence=each))) for each in told]

    assert len(set(alike)) == len(told)
