"""
sidecar.engine.memory, and what the engine remembers, with an OPA whose bundles come and go.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.memory import Memory, Paths, Question
from sidecar.errors import BundleNotActive, DecisionMalformed, EngineError, EngineUnreachable
from tests.fakes import OddServer, ScriptedOpa
from tests.running import evaluation, eventually

READS = ["action.name", "context.facts", "subject.type"]
PERMIT = Decision(True, {"clauses": [{"id": "1"}]}, "r1")


def _question(name: str, revision: str = "r1") -> Question:
    return Question((("decision", revision),), name.encode())


def _found(memory: Memory, question: Question) -> Decision | None:
    kept = memory.find(question)
    return None if kept is None else kept.decision("r1", "")


def test_a_decision_is_found_again():
    """
    As it was, and as one that is remembered; what a caller does to it changes nothing.
    """
    memory = Memory(10, 10_000)
    memory.keep(_question("a"), PERMIT)

    found = _found(memory, _question("a"))
    assert found == PERMIT
    assert found is not None
    assert found.remembered is True
    assert found.context is not None
    found.context.clear()
    assert _found(memory, _question("a")) == PERMIT
    assert _found(memory, _question("b")) is None
    assert _found(memory, _question("a", "r2")) is None


def test_a_decision_is_kept_on_two_questions():
    """
    Each is found by itself, counts, and has its own of what is made of it.
    """
    memory = Memory(10, 10_000)
    memory.keep(_question("a"), PERMIT)
    first, taken = memory.find(_question("a")), memory.taken
    assert first is not None
    memory.make(_question("a"), first, "made", 100)
    second = memory.share(_question("b"), first)

    assert memory.find(_question("b")) is second
    assert (_found(memory, _question("a")), _found(memory, _question("b"))) == (PERMIT, PERMIT)
    assert (second.made, memory.taken) == (None, 2 * taken + first.made_size)


def test_a_boolean_s_decision_is_found_again():
    """
    One that says nothing beside its verdict stays that.
    """
    memory = Memory(10, 10_000)
    memory.keep(_question("a"), Decision(False, None, "r1"))

    assert _found(memory, _question("a")) == Decision(False, None, "r1")


def test_what_was_not_asked_for_longest_is_forgotten():
    """
    No more entries are kept than were said.
    """
    memory = Memory(3, 10_000)
    for name in ("a", "b", "c"):
        memory.keep(_question(name), PERMIT)
    _found(memory, _question("a"))
    memory.keep(_question("d"), PERMIT)

    kept = [name for name in "abcd" if _found(memory, _question(name))]
    assert kept == ["a", "c", "d"]


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=300)), max_size=60))
def test_its_size_is_bounded(said: list[tuple[str, str]]):
    """
    Whatever is kept, in whatever order: neither more entries nor more bytes than were said, and
    with nothing left none is counted.
    """
    memory = Memory(20, 8_000)
    for name, text in said:
        memory.keep(_question(name.encode().hex()), Decision(True, {"says": text}, "r1"))

        assert len(memory) <= 20
        assert memory.taken <= 8_000
    assert (memory.taken > 0) == (len(memory) > 0)


def test_a_decision_that_is_too_large_is_not_kept():
    """
    It does not drive everything else out of a memory that could not hold it anyway: that is empty,
    and serves on.
    """
    memory = Memory(10, 2_000)
    memory.keep(_question("large"), Decision(True, {"says": "x" * 5_000}, "r1"))
    memory.keep(_question("small"), PERMIT)

    assert _found(memory, _question("large")) is None
    assert _found(memory, _question("small")) == PERMIT


def test_what_was_made_of_a_decision_counts_too():
    """
    It is kept with the decision, in the place of what was made before, and forgotten with it.
    """
    memory = Memory(10, 5_000)
    memory.keep(_question("a"), PERMIT)
    bare = memory.taken
    kept = memory.find(_question("a"))
    assert kept is not None
    taken = []
    for made, size in (("first", 1_000), ("second", 2_000), ("third", 1_000)):
        memory.make(_question("a"), kept, made, size)
        assert kept.made == made
        assert memory.taken >= bare + size
        taken.append(memory.taken)
    assert taken[0] == taken[2] < taken[1]

    memory.make(_question("a"), kept, "too large", 6_000)
    assert (len(memory), memory.taken) == (0, 0)
    memory.make(_question("a"), kept, "too late", 100)
    assert memory.taken == 0


def test_threads_share_it():
    """
    Many at once: what is found is what was kept under that question.
    """
    memory = Memory(50, 100_000)

    def used(number: int) -> bool:
        question = _question(str(number % 70))
        memory.keep(question, Decision(True, {"number": number % 70}, "r1"))
        found = _found(memory, question)
        return found is None or found.context == {"number": number % 70}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(used, range(4_000)))
    assert len(memory) <= 50


TELLING: list[Any] = [
    {},
    {"a": None},
    {"a": {}},
    {"a": {"b": None}},
    {"a": {"b": 1}},
    {"a": {"b": 1.0}},
    {"a": {"b": True}},
    {"a": {"b": "1"}},
    {"a": {"b": [1]}},
    {"a": {"b": {"c": 1}}},
    {"a": {"b": {}}},
    {"a": {"b": []}},
    {"a": {"b": ""}},
    {"a": {"b": False}},
    {"a": {"b": 0}},
]


def test_values_that_can_be_told_apart_are():
    """
    Null is not absent, a number no text, one is not true. Where nothing is read, nothing counts.
    """
    paths = Paths(["a.b", "c"])
    written = {paths.values({**each, "d": index}) for index, each in enumerate(TELLING)}

    # No value, no object above it, and an object above it without it: all the same to a policy.
    assert len(written) == len(TELLING) - 2
    others: list[Any] = [[], {}, None, "[]"]
    assert len({paths.values({"a": {"b": 1}, "c": each}) for each in others}) == 4
    assert paths.values({"a": {"b": 1}, "x": 1}) == paths.values({"x": 2, "a": {"b": 1, "y": 3}})


def test_everything_may_be_read():
    """
    Then any difference counts, but for the order of members.
    """
    paths = Paths(["*"])

    assert paths.values({"a": 1, "b": 2}) == paths.values({"b": 2, "a": 1})
    assert paths.values({"a": 1}) != paths.values({"a": 1, "b": None})


@pytest.mark.parametrize("odd", [{1: 2}, object(), "\ud800"])
def test_what_cannot_be_written_is_not_remembered(odd: Any):
    """
    OPA says what becomes of it.
    """
    assert Paths(["a"]).values({"a": odd}) is None


class Clock:
    """
    A clock that goes on when a test says so.
    """

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """
        Tell the time.
        """
        return self.now


class Asked:
    """
    An engine with a memory, and the OPA that it asks.
    """

    def __init__(self, opa: ScriptedOpa, engine: Engine, clock: Clock) -> None:
        self.opa = opa
        self.engine = engine
        self.clock = clock

    @property
    def times(self) -> int:
        """
        How often a decision was asked for.
        """
        return sum(path in ("a/decision", "a/batch") for path in self.opa.paths)


@contextmanager
def _remembering(**more: Any) -> Iterator[Asked]:
    opa, clock = ScriptedOpa(), Clock()
    opa.more = {"reads": READS, "deterministic": True, **more}
    opa.results["a/decision"] = {"decision": True, "context": {"from": "r1"}}
    with OddServer(opa) as server:
        client = Opa(Endpoint(server.url, read_timeout_s=5))
        yield Asked(opa, Engine(client, memory=Memory(100, 100_000), clock=clock), clock)
        client.close_connection()


def test_the_same_question_is_asked_once():
    """
    Alone or in a batch, and however it differs where nothing is read.
    """
    with _remembering() as asked:
        first = asked.engine.decide(evaluation("use", "alice"))
        again = asked.engine.decide(evaluation("use", "bob"))
        batch = asked.engine.decide_all([evaluation("use", "carol")] * 2)

        assert (first, first.remembered) == (again, False)
        assert batch == [first, first]
        assert [again.remembered, *(d.remembered for d in batch if isinstance(d, Decision))] == [
            True
        ] * 3
        assert asked.times == 1


def _at_once(asked: Asked, number: int) -> list[Decision | EngineError]:
    """
    Have threads ask the same, none of which is answered before all of them ask.
    """
    asking = threading.Barrier(number)

    def ask(_: int) -> Decision | EngineError:
        asking.wait(20)
        try:
            return asked.engine.decide(evaluation("use", "alice"))
        except EngineError as wrong:
            return wrong

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(ask, range(number)))


def test_the_same_question_at_once_is_asked_once():
    """
    However many ask, one asks OPA, and all get its answer.
    """
    with _remembering() as asked:
        asked.engine.decide(evaluation("warm"))
        decisions = _at_once(asked, 8)

        assert decisions == [asked.engine.decide(evaluation("use", "alice"))] * 8
        assert asked.times == 2


def test_who_waits_does_not_get_what_is_too_old_for_its_question():
    """
    Where the answer took longer than a second, what was active before may be so no more: whoever
    waited asks for itself.
    """
    with _remembering() as asked:
        asked.engine.decide(evaluation("warm"))
        waiting = threading.Event()

        def slow(path: str) -> None:
            if path == "a/decision" and not waiting.is_set():
                waiting.set()
                # The other one is on its way, or asks later: both must ask for themselves.
                eventually(lambda: len(following) == 1)
                asked.clock.now += 1.1

        following: list[bool] = []

        def follow() -> Decision:
            waiting.wait(20)
            following.append(True)
            return asked.engine.decide(evaluation("use", "bob"))

        asked.opa.before_answering = slow
        with ThreadPoolExecutor(1) as threads:
            other = threads.submit(follow)
            first = asked.engine.decide(evaluation("use", "alice"))
            assert first == other.result()
        assert asked.times == 3


def test_what_stops_everybody_stops_who_waits():
    """
    Where OPA is gone, nobody waits for it in turn: the error is everybody's.
    """
    with _remembering() as asked:
        asked.engine.decide(evaluation("warm"))
        asked.opa.revision = None
        outcomes = _at_once(asked, 8)

        assert {type(outcome) for outcome in outcomes} == {BundleNotActive}


def test_an_error_of_the_item_s_own_is_found_by_each():
    """
    One that may be told of this evaluation alone is told by OPA, each time.
    """
    with _remembering() as asked:
        asked.engine.decide(evaluation("warm"))
        asked.opa.results["a/decision"] = "odd"
        outcomes = _at_once(asked, 4)

        assert {type(outcome) for outcome in outcomes} == {DecisionMalformed}
        assert asked.times == 5


def test_another_question_is_asked():
    """
    A difference in what is read counts.
    """
    with _remembering() as asked:
        for each in (
            evaluation("use"),
            evaluation("read"),
            evaluation("use", facts={}),
            evaluation("use", facts={"a": None}),
        ):
            assert asked.engine.decide(each).remembered is False
        assert asked.times == 4


def test_a_batch_asks_each_different_question_once():
    """
    The answers are in the order of the questions all the same.
    """
    with _remembering() as asked:
        batch = [evaluation(name, str(number)) for number, name in enumerate("abacab")]
        known = asked.engine.decide(batch[1])
        asked.opa.results["a/batch"] = {
            "0": {"decision": True, "context": {"of": "a"}},
            "1": {"decision": False, "context": {"of": "c"}},
        }
        decisions = asked.engine.decide_all(batch)

        of = {"a": "a", "c": "c"}
        for each, decision in zip(batch, decisions, strict=True):
            assert isinstance(decision, Decision)
            name = each["action"]["name"]
            assert decision.context == ({"of": of[name]} if name in of else known.context)
        assert asked.times == 2


def test_what_was_active_a_second_ago_is_not_trusted():
    """
    After a second OPA is asked again, and so a new revision's answer is there; within it, what is
    remembered was right when it began.
    """
    with _remembering() as asked:
        asked.engine.decide(evaluation("use"))
        asked.opa.revision = "r2"
        asked.opa.results["a/decision"] = False
        asked.clock.now += 1.0
        assert asked.engine.decide(evaluation("use")).revision == "r1"

        asked.clock.now += 0.001
        after = asked.engine.decide(evaluation("use"))

        assert (after.allowed, after.revision, after.remembered) == (False, "r2", False)
        assert asked.engine.decide(evaluation("use")) == after


def test_what_is_still_active_is_asked_once_for_all():
    """
    After a second one question says that nothing has changed, to whoever asks meanwhile; nothing
    that is remembered is decided anew, alone or in a batch.
    """
    with _remembering() as asked:
        questions = [evaluation(name) for name in ("use", "read", "share")]
        first = [asked.engine.decide(each) for each in questions]
        before = list(asked.opa.paths)
        for again in (
            lambda: [asked.engine.decide(each) for each in questions],
            lambda: asked.engine.decide_all(questions),
        ):
            asked.clock.now += 1.001
            assert again() == first

        assert asked.opa.paths[len(before) :] == ["system/bundles"] * 2


def test_any_answer_tells_of_a_new_revision():
    """
    Nothing of the revision before is used once an answer came from the next one.
    """
    with _remembering() as asked:
        asked.engine.decide(evaluation("use"))
        asked.opa.revision = "r2"
        asked.opa.results["a/decision"] = False
        asked.engine.decide(evaluation("read"))

        assert asked.engine.decide(evaluation("use")).revision == "r2"


def test_a_step_back_finds_what_was_known():
    """
    Where the revision before comes back, so do its decisions, and they are right.
    """
    with _remembering() as asked:
        before = asked.engine.decide(evaluation("use"))
        for revision, allowed in (("r2", False), ("r1", True)):
            asked.opa.revision = revision
            asked.opa.results["a/decision"] = {"decision": allowed, "context": {"from": revision}}
            asked.clock.now += 2
            asked.engine.decide(evaluation(f"of {revision}"))

        again = asked.engine.decide(evaluation("use"))
        assert (again, again.remembered) == (before, True)


def test_another_bundle_s_revision_counts():
    """
    Registers, say, that come in a bundle of their own.
    """
    with _remembering() as asked:
        asked.opa.others = {"registers": "1"}
        asked.engine.decide(evaluation("use"))
        assert asked.engine.decide(evaluation("use")).remembered is True

        asked.opa.others = {"registers": "2"}
        asked.engine.decide(evaluation("read"))
        assert asked.engine.decide(evaluation("use")).remembered is False


@pytest.mark.parametrize("more", [{"deterministic": False}, {"deterministic": True, "others": ""}])
def test_what_may_change_by_itself_is_not_remembered(more: dict[str, Any]):
    """
    Neither where the bundle looks at clocks and the like, nor beside one that has no revision; each
    item of a batch is asked then.
    """
    with _remembering(**more) as asked:
        if "others" in more:
            asked.opa.others = {"registers": ""}
        for _ in range(2):
            assert asked.engine.decide(evaluation("use")).remembered is None
        asked.engine.decide_all([evaluation("use")] * 2)

        assert asked.times == 3


def test_a_bundle_that_does_not_say_is_not_remembered():
    """
    One that was made by hand may do anything.
    """
    with _remembering() as asked:
        asked.opa.more = {}

        assert asked.engine.decide(evaluation("use")).remembered is None
        assert asked.engine.decide(evaluation("use")).remembered is None
        assert asked.times == 2


def test_a_new_bundle_in_the_midst_of_a_batch():
    """
    What the bundle before could not tell apart, the next one may: then each is asked.
    """
    with _remembering() as asked:
        asked.engine.decide(evaluation("warm"))

        def arrives(path: str) -> None:
            if path == "a/batch":
                asked.opa.revision = "r2"
                asked.opa.more = {"reads": ["*"], "deterministic": True}

        asked.opa.before_answering = arrives
        decisions = asked.engine.decide_all([evaluation("use", "alice"), evaluation("use", "bob")])

        assert [d.revision for d in decisions if isinstance(d, Decision)] == ["r2", "r2"]
        assert asked.engine.bundle().reads == ("*",)


def test_without_opa_there_is_nothing_to_trust():
    """
    A second after OPA was there last, its decisions are not answered any more.
    """
    with _remembering() as asked:
        asked.engine.decide(evaluation("use"))

    assert asked.engine.decide(evaluation("use")).remembered is True
    asked.clock.now += 1.001
    with pytest.raises(EngineUnreachable):
        asked.engine.decide(evaluation("use"))
