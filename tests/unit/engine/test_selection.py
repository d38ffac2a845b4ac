"""
sidecar.engine.selection: evaluations share what is remembered where their ids select the same, by
registers that come and go in a scripted OPA.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.memory import Memory
from tests.fakes import OddServer, ScriptedOpa
from tests.running import evaluation as made
from tests.running import eventually

SAID: dict[str, Any] = {
    "at": "known",
    "kinds": {"people": ["subject.id"]},
    "faults": "a/faults",
    "by_entry_alone": True,
}
BOUND: dict[str, Any] = {"facts": {"bound": True}}


@dataclass(slots=True)
class Clock:
    """
    A clock that goes on when a test says so.
    """

    now: float = 100.0

    def __call__(self) -> float:
        """
        Tell the time.
        """
        return self.now


@dataclass(slots=True)
class Asked:
    """
    An engine with a memory, and the OPA that it asks.
    """

    opa: ScriptedOpa
    engine: Engine
    memory: Memory
    clock: Clock

    def decide(self, *subjects: str) -> list[bool | None]:
        """
        Have decisions made one after another, and say which were remembered.
        """
        return [self.engine.decide(made("use", each)).remembered for each in subjects]

    @property
    def times(self) -> int:
        """
        How often entries were asked for.
        """
        return self.opa.paths.count("known")

    def knows(self, *, times: int = 1) -> bool:
        """
        Wait until entries have been asked for so often, and are there.
        """
        return eventually(lambda: self.times >= times and not _asking())

    def hold_back(self) -> threading.Event:
        """
        Have OPA wait with the entries until it is told.
        """
        told = threading.Event()

        def wait(path: str) -> None:
            if path == "known":
                told.wait(20)

        self.opa.before_answering = wait
        return told

    def exchange(self, registers: Any, revision: str) -> None:
        """
        Replace the registers, and let the engine see it.
        """
        self.opa.results["known"] = registers
        self.opa.others = {"registers": revision}
        self.clock.now += 1.001


def _asking() -> bool:
    return any(thread.name == "registers" for thread in threading.enumerate())


@contextmanager
def _remembering(said: Any = SAID, **more: Any) -> Iterator[Asked]:
    opa, clock, memory = ScriptedOpa(), Clock(), Memory(100, 100_000)
    opa.more = {"reads": ["action.name", "subject.id"], "deterministic": True, **more}
    opa.agreement = {"id": "a", "version": "1", "registers": "a/registers"}
    opa.others = {"registers": "1"}
    opa.results["a/registers"] = said
    opa.results["known"] = {"people": {"ann": BOUND, "bea": BOUND, "cat": {"facts": {}}}}
    with OddServer(opa) as server:
        client = Opa(Endpoint(server.url, read_timeout_s=5))
        yield Asked(opa, Engine(client, memory=memory, clock=clock), memory, clock)
        assert eventually(lambda: not _asking())
        client.close_connection()


def test_ids_that_select_the_same_share_what_is_remembered():
    """
    Once the entries are there: those without an entry, and those whose entries say the same; not
    those whose entries say something else. They are asked for once.
    """
    with _remembering() as asked:
        asked.decide("warm")
        assert asked.knows()

        assert asked.decide("x", "y", "z", "x") == [False, True, True, True]
        assert asked.decide("ann", "bea", "cat", "x") == [False, True, False, True]
        assert asked.times == 1


def test_a_thousand_ids_without_entries_take_one_place():
    """
    Alone or in batches, however many ask.
    """
    with _remembering() as asked:
        asked.decide("warm")
        assert asked.knows()
        asked.decide("first")
        before = len(asked.memory), len(asked.opa.paths)
        asked.decide(*map(str, range(1_000)))
        asked.engine.decide_all([made("use", f"more-{number}") for number in range(1_000)])

        assert (len(asked.memory), len(asked.opa.paths)) == before


def test_a_batch_asks_once_for_ids_that_select_the_same():
    """
    Each different question is asked once, and the answers are in the order of the questions.
    """
    with _remembering() as asked:
        asked.decide("warm")
        assert asked.knows()
        asked.opa.results["a/batch"] = {
            str(number): {"decision": True, "context": {"of": of}}
            for number, of in enumerate(["nobody", "bound", "other"])
        }
        subjects = ["x", "ann", "y", "cat", "bea", "z"]
        decisions = asked.engine.decide_all([made("use", each) for each in subjects])

        told = [each.context for each in decisions if isinstance(each, Decision)]
        order = ["nobody", "bound", "nobody", "other", "bound", "nobody"]
        assert told == [{"of": each} for each in order]


def test_new_registers_in_the_midst_of_a_batch():
    """
    What selected the same before may not any more: then each evaluation is asked.
    """
    with _remembering() as asked:
        asked.decide("warm")
        assert asked.knows()

        def arrives(path: str) -> None:
            if path == "a/batch":
                asked.opa.others = {"registers": "2"}
                asked.opa.results["a/batch"] = {
                    str(number): {"decision": True, "context": {"of": number}} for number in (0, 1)
                }

        asked.opa.before_answering = arrives
        decisions = asked.engine.decide_all([made("use", each) for each in ("x", "y")])

        told = [each.context for each in decisions if isinstance(each, Decision)]
        assert told == [{"of": 0}, {"of": 1}]


def test_a_new_revision_of_the_registers_counts():
    """
    Nothing of before is used: until the new entries are there, ids count by themselves.
    """
    with _remembering() as asked:
        asked.decide("warm")
        assert asked.knows()
        assert asked.decide("x", "ann", "y") == [False, False, True]
        asked.exchange({"people": {"x": {"facts": {"bound": False}}}}, "2")
        held = asked.hold_back()

        assert asked.decide("x", "y", "ann") == [False, False, False]
        held.set()
        assert asked.knows(times=2)
        assert asked.decide("y", "ann", "z", "x") == [True, True, True, True]


def test_nobody_waits_for_the_entries():
    """
    While OPA takes its time for them, decisions are made and remembered by their ids, and they are
    not asked for again. What was remembered so is found afterwards, by who selects the same too.
    """
    with _remembering() as asked:
        held = asked.hold_back()
        assert asked.decide("x", "y", "x", "y") == [False, False, True, True]
        assert eventually(lambda: asked.times == 1)
        assert asked.decide("z", "z") == [False, True]
        held.set()
        assert asked.knows()
        assert asked.decide("somebody", "x", "other", "ann") == [False, True, True, False]


@pytest.mark.parametrize(("later_s", "found"), [(59.0, True), (61.0, False)])
def test_what_was_remembered_by_ids_is_not_looked_for_for_ever(later_s: float, found: bool):
    """
    A minute after the last decision that was remembered so, such a question is decided once more.
    """
    with _remembering() as asked:
        held = asked.hold_back()
        asked.decide("x", "y")
        assert eventually(lambda: asked.times == 1)
        held.set()
        assert asked.knows()
        asked.clock.now += later_s

        assert asked.decide("x") == [found]


def test_entries_that_cannot_be_had_are_tried_again():
    """
    After a while, or with the next registers; meanwhile ids count by themselves.
    """
    with _remembering() as asked:

        def fails(path: str) -> None:
            if path == "known":
                raise ConnectionError

        asked.opa.before_answering = fails
        asked.decide("warm")
        assert asked.knows()
        # A question is put again where a connection that was kept is closed.
        tried = asked.times
        asked.clock.now += 59.0
        assert asked.decide("x", "y", "x") == [False, False, True]
        assert asked.times == tried

        asked.clock.now += 1.0
        asked.decide("x")
        assert asked.knows(times=tried + 1)
        tried = asked.times
        asked.opa.before_answering = lambda path: None
        asked.exchange({}, "2")
        asked.decide("x")
        assert asked.knows(times=tried + 1)
        # The first of them may share with x already: entries and decision were asked for together.
        assert asked.decide("p", "q")[-1] is True


def test_registers_that_change_all_the_time_are_not_asked_for_all_the_time():
    """
    Where several OPAs take turns, each has its own: a second must lie between two questions.
    """
    with _remembering() as asked:
        asked.decide("warm")
        assert asked.knows()
        for number in range(20):
            asked.opa.others = {"registers": str(number % 2 + 2)}
            asked.clock.now += 0.5
            asked.engine.decide(made(f"act-{number}"))
            assert eventually(lambda: not _asking())

        assert 2 < asked.times <= 11


@pytest.mark.parametrize(
    ("said", "others"),
    [
        ({**SAID, "by_entry_alone": False}, {"registers": "1"}),
        ({name: SAID[name] for name in ("at", "kinds", "faults")}, {"registers": "1"}),
        (None, {"registers": "1"}),
        (SAID, {"registers": ""}),
    ],
)
def test_without_the_promise_entries_are_not_asked_for(said: Any, others: dict[str, str]):
    """
    Nor where nothing tells of their changes.
    """
    with _remembering(said) as asked:
        asked.opa.others = others
        first, second = asked.decide("x", "y")

        assert (first, second) == ((None, None) if "" in others.values() else (False, False))
        assert asked.times == 0


def test_a_bundle_that_reads_everything_keeps_ids_apart():
    """
    The promise is about paths that are read, and here all of the evaluation is.
    """
    with _remembering(reads=["*"]) as asked:
        asked.decide("warm")
        assert asked.knows()

        assert asked.decide("x", "y", "x") == [False, False, True]


def test_a_fork_asks_for_itself():
    """
    What its parent waits for is not its own: it has no such thread.
    """
    with _remembering() as asked:
        held = threading.Event()

        def slow(path: str) -> None:
            if path == "known" and asked.times == 1:
                held.wait(20)

        asked.opa.before_answering = slow
        asked.decide("warm")
        assert eventually(lambda: asked.times == 1)
        child = os.fork()
        if child == 0:
            try:
                asked.decide("x")
                os._exit(0 if eventually(lambda: asked.decide("y", "z") == [True, True]) else 1)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        held.set()
