"""
sidecar.records.writer: who waits, who is refused, and what is counted.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from sidecar.errors import RecordsNotKept
from sidecar.records.writer import Writer
from tests.running import eventually
from tests.unit.records.keeping import Counts, records


class HeldSink:
    """
    Takes records once it is let.

    Attributes:
        written: What was written, at each time.

        free: Lets it write.

        begun: Set once it was asked to.

        wrong: What it raises instead, where it does.
    """

    def __init__(self) -> None:
        self.written: list[list[bytes]] = []
        self.free = threading.Event()
        self.begun = threading.Event()
        self.wrong: Exception | None = None
        self.closed = False
        self.ended = False

    def write(self, given: Sequence[bytes]) -> None:
        """
        Write, or raise.
        """
        self.begun.set()
        assert self.free.wait(20)
        if self.wrong:
            raise self.wrong
        self.written.append(list(given))

    def end(self) -> None:
        """
        Note it.
        """
        self.ended = True

    def close(self) -> None:
        """
        Note it.
        """
        self.closed = True


@contextmanager
def writing(sink: HeldSink, **settings: Any) -> Iterator[tuple[Writer, Counts]]:
    """
    Have a writer, and end it.
    """
    counts = Counts()
    writer = Writer(sink, counts, **settings)
    try:
        yield writer, counts
    finally:
        sink.free.set()
        writer.close()


def test_an_answer_does_not_wait_for_its_record():
    """
    What waits is written together, in its order, and the end waits for it.
    """
    sink = HeldSink()
    with writing(sink) as (writer, counts):
        writer.keep(records(1))
        assert sink.begun.wait(20)
        writer.keep(records(2, 3))
        writer.keep(records(4))

    assert sink.written == [records(1), records(2, 3, 4)]
    assert (counts.by_result, sink.ended, sink.closed) == ({"written": 4}, True, True)


def test_what_does_not_fit_is_dropped():
    """
    There is a bound on what waits; what is beyond it is counted.
    """
    sink = HeldSink()
    with writing(sink, waiting=3) as (writer, counts):
        writer.keep(records(1))
        assert sink.begun.wait(20)
        writer.keep(records(2, 3))
        writer.keep(records(4))
        assert counts.by_result == {"dropped": 1}

    assert sink.written == [records(1), records(2, 3)]
    assert counts.by_result == {"dropped": 1, "written": 3}


def test_a_sink_that_fails_drops_what_it_was_given():
    """
    And goes on with the next.
    """
    sink = HeldSink()
    sink.free.set()
    sink.wrong = OSError("no")
    with writing(sink) as (writer, counts):
        writer.keep(records(1, 2))
        assert eventually(lambda: counts.by_result == {"dropped": 2})
        sink.wrong = None
        writer.keep(records(3))

    assert (sink.written, counts.by_result) == ([records(3)], {"dropped": 2, "written": 1})


def test_a_durable_answer_waits_for_its_record():
    """
    Those that came while others were written share the next write.
    """
    sink = HeldSink()
    with writing(sink, durable=True) as (writer, counts), ThreadPoolExecutor(9) as callers:
        first = callers.submit(writer.keep, records(0))
        assert sink.begun.wait(20)
        rest = [callers.submit(writer.keep, records(number)) for number in range(1, 9)]
        assert eventually(lambda: len(writer._batches) == 8)
        assert not any(future.done() for future in (first, *rest))
        sink.free.set()
        for future in (first, *rest):
            future.result(20)

    assert [len(each) for each in sink.written] == [1, 8]
    assert counts.by_result == {"written": 9}


@pytest.mark.parametrize(
    ("refuse", "result"), [(True, "refused"), (False, "dropped")], ids=["refuse", "drop"]
)
def test_a_durable_record_that_cannot_be_kept(refuse: bool, result: str):
    """
    Either there is no answer, or the record is missing; it is counted once.
    """
    sink = HeldSink()
    sink.free.set()
    sink.wrong = OSError("full")
    with writing(sink, durable=True, refuse=refuse) as (writer, counts):
        keep: Callable[[], None] = lambda: writer.keep(records(1, 2))  # noqa: E731
        if refuse:
            with pytest.raises(RecordsNotKept):
                keep()
        else:
            keep()

    assert counts.by_result == {result: 2}


def test_after_the_end_nothing_is_taken():
    """
    Neither does whoever comes too late wait, nor is it told that its record was kept.
    """
    sink = HeldSink()
    with writing(sink, durable=True, refuse=True) as (writer, counts):
        sink.free.set()
        writer.close()
        with pytest.raises(RecordsNotKept):
            writer.keep(records(1))

    assert counts.by_result == {"refused": 1}
