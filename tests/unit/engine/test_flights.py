"""
sidecar.engine.flights: who asks the same meanwhile waits.
"""

import os
import threading

import pytest

from sidecar.engine.flights import Flights
from sidecar.errors import EngineTimeout


def test_the_first_one_asks():
    """
    The next one does once that is over.
    """
    flights = Flights()
    for _ in range(2):
        flight, ours = flights.begin("question")
        assert ours
        flights.end("question", flight)


def test_another_question_is_another_flight():
    """
    Nobody waits for it.
    """
    flights = Flights()

    assert [flights.begin(question)[1] for question in ("one", "other")] == [True, True]


def test_all_others_wait():
    """
    However many they are, until it is over, and learn what went wrong.
    """
    flights = Flights()
    flight, _ = flights.begin("question")
    failed: list[object] = []
    began = threading.Barrier(6)

    def wait() -> None:
        joined, ours = flights.begin("question")
        assert not ours
        began.wait(10)
        joined.wait()
        failed.append(joined.failed)

    threads = [threading.Thread(target=wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    began.wait(10)
    assert failed == []
    flight.failed = EngineTimeout()
    flights.end("question", flight)
    for thread in threads:
        thread.join(10)

    assert failed == [flight.failed] * 5


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_waits_for_nobody_of_its_parent():
    """
    The same question is its own there.
    """
    flights = Flights()
    flights.begin("question")
    child = os.fork()
    if child == 0:
        ours = False
        try:
            ours = flights.begin("question")[1]
        finally:
            os._exit(not ours)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
