"""
Completing answers.
"""

from typing import Any

import pytest

from sidecar.api import answer
from sidecar.engine.bundle_info import Agreement, BundleInfo
from sidecar.engine.decision import Decision
from sidecar.errors import EvaluationFailed

AGREEMENT = Agreement(
    "rules",
    "2",
    clauses={"7-a": {"section": "7", "says": "It may.", "sha256": "abc"}},
    sentences={
        "mixed": {
            "user": {"en": "{permitted} of them, not {denied}.", "de": "Nur {permitted}."},
            "admin": "See {clauses}; {missing_facts} missing; {problems}.",
        }
    },
    switches={"strict": True},
)
INFO = BundleInfo("decision", "r1", ("a", "b"), None, {}, AGREEMENT)
PLAIN = BundleInfo("decision", "r1", ("a", "b"), None, {}, None)
CONTEXT: dict[str, Any] = {
    "reason": "mixed",
    "clauses": [{"id": "7-a", "effect": "permits"}, {"id": "9-z"}],
    "permitted": ["x"],
    "denied": [{"category": "y"}, {"category": "z"}],
    "missing_facts": ["f", "g"],
    "problems": [{"at": "/context/facts/f", "is": "odd"}],
}


def _complete(
    context: dict[str, Any] | None, info: BundleInfo = INFO, allowed: bool = False, **asked: Any
) -> dict[str, Any]:
    return answer.complete(Decision(allowed, context, "r1"), {"context": asked}, info, "id-1", 7)


def test_clauses_get_their_words():
    """
    A known clause gets section, paraphrase and digest; an unknown one stays as it came.
    """
    assert _complete(CONTEXT)["context"]["clauses"] == [
        {"id": "7-a", "effect": "permits", "section": "7", "says": "It may.", "sha256": "abc"},
        {"id": "9-z"},
    ]


def test_sentences_are_filled_in():
    """
    Counts, clauses, facts and places fill the sentences, in each language.
    """
    context = _complete(CONTEXT)["context"]

    assert context["reason_user"] == {"en": "1 of them, not 2.", "de": "Nur 1."}
    assert context["reason_admin"] == "See 7-a, 9-z; f, g missing; /context/facts/f."


@pytest.mark.parametrize("context", [{}, {"reason": "odd"}, {"reason": None}, {"clauses": 5}])
def test_a_bundle_may_say_less(context: dict[str, Any]):
    """
    Without a known reason there are no sentences, and what is odd stays as it came.
    """
    told = _complete(context)["context"]

    assert {key: told[key] for key in context} == context
    assert "reason_user" not in told


def test_the_policy_is_named():
    """
    Agreement, version, revision and switches come from the bundle that decided.
    """
    context = _complete(CONTEXT)["context"]

    assert context["decision_id"] == "id-1"
    assert context["policy"] == {
        "agreement": "rules",
        "version": "2",
        "revision": "r1",
        "switches": {"strict": True},
        "max_age_s": 7,
    }


def test_without_an_agreement_nothing_is_added_but_the_id():
    """
    A bundle without an agreement is answered with what its policy says.
    """
    assert _complete({"a": 1}, PLAIN) == {
        "decision": False,
        "context": {"a": 1, "decision_id": "id-1"},
    }


def test_a_policy_that_says_nothing_is_answered_with_the_decision():
    """
    Without a context there is none in the answer.
    """
    assert _complete(None, allowed=True) == {"decision": True}


@pytest.mark.parametrize(
    ("allowed", "context", "expected"),
    [
        (True, {"obligations": [{"id": "o"}]}, {"context": {"obligations": [{"id": "o"}]}}),
        (True, {"obligations": []}, {}),
        (False, {"obligations": [{"id": "o"}]}, {}),
    ],
)
def test_a_bare_answer_keeps_only_what_binds(
    allowed: bool, context: dict[str, Any], expected: dict[str, Any]
):
    """
    A conditional permission never looks unconditional, and nothing else is told.
    """
    bare = _complete(context, allowed=allowed, answer="bare")

    assert bare == {"decision": allowed, **expected}


def test_an_item_without_a_decision_is_false_with_its_error():
    """
    What could not be decided is false, and says that it is an error.
    """
    told = answer.failed(EvaluationFailed())

    assert told["decision"] is False
    assert told["context"]["error"]["code"] == "evaluation_failed"
