"""
sidecar.api.telling: what is told of a decision is what would be told of it alone, whatever was told
before.
"""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.api.alike import Alike, Shared
from sidecar.api.lifetime import Lifetime
from sidecar.api.telling import Telling, Told
from sidecar.engine.bundle_info import Agreement, BundleInfo
from sidecar.engine.decision import Decision
from sidecar.engine.engine import Recalled
from sidecar.engine.memory import Memory, Question
from sidecar.observability.metrics import Metrics
from sidecar.records.masked import Masking
from sidecar.records.masking import Ids

DATE: Final = "2026-11-20"
TERMS: Final = {
    "action": frozenset({"use", "disclose"}),
    "purpose": frozenset({"billing"}),
    "reason": frozenset({"permitted", "mixed"}),
    "category": frozenset({"contact", "profile"}),
}
CLAUSES: Final = {"1-a": {"section": "1"}, "2-b": {"section": "2"}}
SENTENCES: Final = {"permitted": {"user": "Permitted by {clauses}."}, "mixed": {"user": "{denied}"}}
INFO: Final = BundleInfo(
    "decision",
    "r1",
    ("a", "decision"),
    None,
    {},
    Agreement("a", "1", clauses=CLAUSES, sentences=SENTENCES, terms=TERMS),
)
OTHER: Final = BundleInfo("decision", "r2", ("a", "decision"), None, {}, None)


class Bundles:
    """
    Knows the bundles, as an engine does.
    """

    def bundle(self, revision: str | None = None) -> BundleInfo:
        """
        Find one.
        """
        return OTHER if revision == OTHER.revision else INFO


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    """
    Metrics that are never exposed.
    """
    return Metrics()


def telling(metrics: Metrics) -> Telling:
    """
    Make one that has told nothing yet.
    """
    return Telling(Bundles(), Lifetime(60), metrics, Masking(Ids("keep")))  # type: ignore[arg-type]


CONTEXTS: Final = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "reason": st.sampled_from(["permitted", "mixed", "unheard of"]),
            "clauses": st.lists(
                st.fixed_dictionaries({"id": st.sampled_from(["1-a", "2-b", "9-z"])}), max_size=2
            ),
        },
        optional={
            "denied": st.lists(st.sampled_from(["contact", "dreams"]), max_size=2),
            "obligations": st.just([{"id": "notify"}]),
        },
    ),
)
DECISIONS: Final = st.builds(
    Decision,
    st.booleans(),
    CONTEXTS,
    st.sampled_from(["r1", "r2"]),
    st.just(DATE),
    st.sampled_from([None, False]),
)
ASKED: Final = st.fixed_dictionaries(
    {
        "subject": st.fixed_dictionaries({"type": st.just("csw"), "id": st.sampled_from("ab")}),
        "action": st.fixed_dictionaries({"name": st.sampled_from(["use", "disclose", "sing"])}),
        "resource": st.fixed_dictionaries(
            {
                "type": st.just("company_information"),
                "id": st.sampled_from("xy"),
                "properties": st.fixed_dictionaries(
                    {"categories": st.lists(st.sampled_from(["contact", "dreams"]), max_size=2)}
                ),
            }
        ),
    },
    optional={
        "context": st.fixed_dictionaries(
            {},
            optional={
                "answer": st.sampled_from(["bare", "full"]),
                "purpose": st.sampled_from(["billing", "fun"]),
            },
        )
    },
)


def shown(told: Told) -> tuple[Any, ...]:
    """
    Say all that is told.
    """
    counted = sorted((each._name, each._labelvalues) for each in told.counters)
    return json.loads(told.answer(b"the-name")), counted, told.masked


@given(st.lists(st.tuples(ASKED, DECISIONS, st.booleans()), min_size=1, max_size=12))
def test_it_is_told_as_it_would_be_alone(metrics: Metrics, given_: list[Any]):
    """
    The answer, what counts it, and its record, also where it is remembered.
    """
    used = telling(metrics)
    memory = Memory(100, 1_000_000)
    for number, (asked, decision, remembered) in enumerate(given_):
        outcome: Decision | Recalled = decision
        if remembered:
            question = Question((("decision", decision.revision),), b"%d" % (number % 3))
            memory.keep(question, decision)
            kept = memory.find(question)
            assert kept is not None
            info = Bundles().bundle(decision.revision)
            outcome = Recalled(kept, info, DATE, question, memory)
            for _ in range(2):
                assert shown(used.tell(asked, outcome)) == shown(
                    telling(metrics).tell(asked, outcome)
                )
        assert shown(used.tell(asked, outcome)) == shown(telling(metrics).tell(asked, outcome))


SHARED: Final = Shared((b"{", b"}"), (), None)


def key(number: int, text: bytes = b"{}") -> tuple[bytes, bool, None, str, int, bytes]:
    """
    Make the key of a decision.
    """
    return text, True, None, "r1", number, b""


def test_only_so_much_is_kept():
    """
    When there is no room, all is forgotten; what is long is not kept at all.
    """
    alike = Alike(3)
    for number in range(3):
        alike.keep(INFO, key(number), SHARED)
    assert all(alike.find(INFO, key(number)) is SHARED for number in range(3))

    alike.keep(INFO, key(3), SHARED)
    assert [alike.find(INFO, key(number)) for number in range(4)] == [None] * 3 + [SHARED]

    alike.keep(INFO, key(4, b" " * 5000), SHARED)
    assert alike.find(INFO, key(4, b" " * 5000)) is None


def test_another_bundle_has_nothing_in_common():
    """
    Not even where the decision is the same.
    """
    alike = Alike(3)
    alike.keep(INFO, key(0), SHARED)

    assert alike.find(OTHER, key(0)) is None
    alike.keep(OTHER, key(1), SHARED)
    assert alike.find(INFO, key(0)) is None
