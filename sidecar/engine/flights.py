"""
Questions that are under way: who asks the same meanwhile waits for the answer.
"""

import os
import threading
from collections.abc import Hashable

from sidecar.errors import EngineError


class Flight:
    """
    A question that OPA is asked.

    Attributes:
        failed: Why there is no answer, where there is none.
    """

    __slots__ = ("_over", "failed")

    def __init__(self) -> None:
        self.failed: EngineError | None = None
        self._over = threading.Lock()
        self._over.acquire()

    def wait(self) -> None:
        """
        Wait until it is over.
        """
        with self._over:
            pass

    def end(self) -> None:
        """
        Have nobody wait any longer.
        """
        self._over.release()


class Flights:
    """
    All that are under way. Safe to share between threads, and to fork: a fork has none of the
    threads that its parent waits for.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Flight] = {}

    def begin(self, question: Hashable) -> tuple[Flight, bool]:
        """
        Begin a question, or find who has begun it.

        Args:
            question: What is the same for those who ask the same.

        Returns:
            The flight, and whether it is the caller's own, who then must `end` it.
        """
        ours = Flight()
        flight = self._under_way.setdefault((os.getpid(), question), ours)
        return flight, flight is ours

    def end(self, question: Hashable, flight: Flight) -> None:
        """
        End a question that the caller has begun.
        """
        del self._under_way[os.getpid(), question]
        flight.end()
