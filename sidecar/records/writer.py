"""
Who writes records: one thread for each process, which takes all that waits at once.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from sidecar.errors import RecordsNotKept

_log = structlog.stdlib.get_logger("sidecar")

_WITHIN_S: Final = 10.0
_QUIET_S: Final = 10.0
# Each wake-up costs requests more than what is written by it; but where more than these wait, the
# first are out of the processor's cache.
_GATHER_S: Final = 0.02
_ENOUGH: Final = 400


class Sink(Protocol):
    """
    Where records go.
    """

    def write(self, records: Sequence[bytes]) -> None:
        """
        Write records, all or none.

        Raises:
            OSError: They could not be written.
        """

    def end(self) -> None:
        """
        Be quick from now on: there is an end in sight.
        """

    def close(self) -> None:
        """
        Finish what was begun.
        """


class Batch:
    """
    Records that are written together, or not at all.

    Args:
        records: Each one an object of JSON.

        awaited: Whether somebody waits for them.
    """

    __slots__ = ("done", "records", "written")

    def __init__(self, records: Sequence[bytes], awaited: bool) -> None:
        self.records = records
        self.done = threading.Event() if awaited else None
        self.written = False


class Writer:
    """
    Writes records. Safe to share between threads, not to fork: its own thread would be missing.

    Args:
        sink: Where they go.

        count: Called with a result and how many records had it.

        durable: Whether `keep` waits until they are written.

        refuse: Whether it then raises where they could not be.

        waiting: How many records may wait where it does not.

        written: What is counted of records that were written.

    Attributes:
        durable: Whether `keep` waits.
    """

    def __init__(
        self,
        sink: Sink,
        count: Callable[[str, int], None],
        *,
        durable: bool = False,
        refuse: bool = False,
        waiting: int = 10_000,
        written: str = "written",
    ) -> None:
        self._sink = sink
        self._count = count
        self.durable = durable
        self._refuse = refuse
        self._most = waiting
        self._written = written
        self._changed = threading.Condition()
        self._batches: deque[Batch] = deque()
        self._waiting = 0
        self._dropped = 0
        self._ended = False
        self._gathered = 0
        self._hurry = threading.Event()
        self._quiet_until = 0.0
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)
        self._thread.start()

    def keep(self, records: Sequence[bytes]) -> None:
        """
        Write records.

        Raises:
            RecordsNotKept: They are not written, and must be.
        """
        batch = Batch(records, self.durable)
        if not self._takes(batch):
            self._drop(len(records))
            return
        if batch.done and not (batch.done.wait(_WITHIN_S) and batch.written):
            if self._refuse:
                self._count("refused", len(records))
                raise RecordsNotKept()
            self._drop(len(records))

    def close(self, within_s: float = _WITHIN_S) -> None:
        """
        Write all that waits, and end. How many records were lost in all is logged.

        Args:
            within_s: How long that may take.
        """
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._hurry.set()
        self._sink.end()
        self._thread.join(within_s)
        with self._changed:
            left = self._waiting
        lost = self._dropped + (0 if self.durable else left)
        if lost:
            _log.error("records were lost", number=lost)

    def _takes(self, batch: Batch) -> bool:
        with self._changed:
            full = self._waiting + len(batch.records) > self._most
            if self._ended:
                if batch.done:
                    batch.done.set()
                return self.durable
            if full and not self.durable:
                return False
            self._batches.append(batch)
            self._waiting += len(batch.records)
            self._gathered += len(batch.records)
            self._changed.notify()
            enough = self._gathered >= _ENOUGH
        if enough:
            self._hurry.set()
        return True

    def _run(self) -> None:
        while batches := self._next():
            self._write(batches)
        self._sink.close()

    def _next(self) -> list[Batch]:
        with self._changed:
            while not self._batches and not self._ended:
                self._changed.wait()
        if not self.durable:
            # Nobody waits for these.
            self._hurry.wait(_GATHER_S)
        with self._changed:
            batches = list(self._batches)
            self._batches.clear()
            self._gathered = 0
            if not self._ended:
                self._hurry.clear()
            return batches

    def _write(self, batches: list[Batch]) -> None:
        try:
            self._sink.write([record for batch in batches for record in batch.records])
        except Exception as wrong:
            self._complain(wrong)
            self._settle(batches, written=False)
        else:
            self._settle(batches, written=True)

    def _settle(self, batches: list[Batch], *, written: bool) -> None:
        number = sum(len(batch.records) for batch in batches)
        with self._changed:
            self._waiting -= number
        if written:
            self._count(self._written, number)
        elif not self.durable:
            self._drop(number)
        for batch in batches:
            batch.written = written
            if batch.done:
                batch.done.set()

    def _drop(self, number: int) -> None:
        self._count("dropped", number)
        with self._changed:
            self._dropped += number

    def _complain(self, wrong: Exception) -> None:
        # Once in a while: each request would say the same.
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_S
            _log.error("records are not kept", exc_info=wrong)
