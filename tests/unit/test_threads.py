"""
sidecar.threads: tasks are done, and whoever waits for one is told.
"""

import threading
import weakref
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

import pytest

from sidecar.threads import Outcome, Threads


def _outcomes(threads: Threads, *tasks: Callable[[], object]) -> list[Outcome[object]]:
    told: SimpleQueue[Outcome[object]] = SimpleQueue()
    for task in tasks:
        threads.do(task, told.put)
    return [told.get(timeout=10) for _ in tasks]


@pytest.fixture
def threads():
    """
    Run two, and end them.
    """
    made = Threads(2)
    yield made
    made.shutdown()


def test_a_task_is_done(threads: Threads):
    """
    What it returns is told, also nothing.
    """
    first, second = _outcomes(threads, lambda: "done", lambda: None)

    assert {first.result(), second.result()} == {"done", None}
    assert not first.cancelled()


def test_a_task_that_fails(threads: Threads):
    """
    What it raises is raised to whoever asks, and the thread does the next one.
    """

    def fail() -> None:
        raise SystemExit(3)

    for _ in range(4):
        (outcome,) = _outcomes(threads, fail)
        with pytest.raises(SystemExit):
            outcome.result()
    assert _outcomes(threads, lambda: 1)[0].result() == 1


def test_so_many_at_a_time(threads: Threads):
    """
    Two tasks that wait for each other get done; a third has to wait until one of them is.
    """
    both = threading.Barrier(2)
    third = threading.Event()
    told: SimpleQueue[Outcome[object]] = SimpleQueue()
    held = [threading.Event(), threading.Event()]

    def meet(until: threading.Event) -> None:
        both.wait(10)
        assert not third.is_set()
        assert until.wait(10)

    for each in held:
        threads.do(partial(meet, each), told.put)
    threads.do(third.set, told.put)
    held[0].set()

    assert told.get(timeout=10).result() is None
    assert third.wait(10)
    held[1].set()
    assert [told.get(timeout=10).result() for _ in range(2)] == [None, None]


def test_what_was_there_before_the_end_is_done():
    """
    The threads end after that.
    """
    before = set(threading.enumerate())
    threads = Threads(2)
    ours = set(threading.enumerate()) - before
    told: SimpleQueue[Outcome[object]] = SimpleQueue()
    for number in range(100):
        threads.do(partial(int, number), told.put)
    threads.shutdown()

    assert {told.get(timeout=10).result() for _ in range(100)} == set(range(100))
    for thread in ours:
        thread.join(10)
        assert not thread.is_alive()


def test_nothing_is_kept_of_what_was_done(threads: Threads):
    """
    A task, and what it returned, are let go of before the next one comes.
    """

    class Held:
        pass

    gone = threading.Event()

    def made() -> Held:
        held = Held()
        weakref.finalize(held, gone.set)
        return held

    threads.do(made, lambda outcome: None)

    assert gone.wait(10)
