"""
The threads that requests wait in.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Outcome(Generic[_T]):
    """
    What became of a task, in the shape that gunicorn has from its own threads.

    Args:
        result: What it returned; None where it did not.

        wrong: What it raised, where it did.
    """

    __slots__ = ("_result", "_wrong")

    def __init__(self, result: _T | None, wrong: BaseException | None = None) -> None:
        self._result = result
        self._wrong = wrong

    def cancelled(self) -> bool:
        """
        Say that it came to an end.
        """
        return False

    def result(self) -> _T | None:
        """
        Return what it returned, or raise what it raised.
        """
        if self._wrong is not None:
            raise self._wrong
        return self._result


Task = tuple[Callable[[], _T], Callable[[Outcome[_T]], None]]


class Threads:
    """
    So many threads and no more, which do one task after the other. An executor's futures, which
    nobody here waits for, take longer than most tasks.

    Args:
        number: How many.
    """

    def __init__(self, number: int) -> None:
        self._tasks: SimpleQueue[Task[object] | None] = SimpleQueue()
        self._number = number
        for index in range(number):
            threading.Thread(target=self._run, name=f"request-{index}", daemon=True).start()

    def do(self, task: Callable[[], object], done: Callable[[Outcome[object]], None]) -> None:
        """
        Have a task done.

        Args:
            task: The task.

            done: Told what became of it, in the same thread. It raises nothing.
        """
        self._tasks.put((task, done))

    def shutdown(self, wait: bool = False) -> None:
        """
        Have the threads end, after what was there before.
        """
        for _ in range(self._number):
            self._tasks.put(None)

    def _run(self) -> None:
        while (given := self._tasks.get()) is not None:
            task, done = given
            try:
                outcome = Outcome(task())
            except BaseException as wrong:
                outcome = Outcome(None, wrong)
            done(outcome)
            # What was done must not be kept until there is something to do again.
            del given, task, done, outcome
