"""
Questions asked at a steady rate while something else happens, and what each was answered with.
"""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.serve import Answer, Sidecar


@dataclass(frozen=True, slots=True)
class Asked:
    """
    A question, and what came of it.

    Attributes:
        began: When it was asked, in seconds that only go up.

        ended: When the answer was there.

        status: The HTTP status; 0 where there was no answer.

        body: The answer.
    """

    began: float
    ended: float
    status: int
    body: Any

    @property
    def revision(self) -> str | None:
        """
        The revision that decided.
        """
        if self.status != 200:
            return None
        found: str = self.body["context"]["policy"]["revision"]
        return found


@dataclass(slots=True)
class Load:
    """
    What was asked so far.

    Attributes:
        asked: Each question.
    """

    asked: list[Asked] = field(default_factory=list)

    def answered_by(self, revision: str, times: int = 20) -> bool:
        """
        Say whether the last answers are a revision's.
        """
        last = self.asked[-times:]
        return len(last) == times and all(each.revision == revision for each in last)


@contextmanager
def steady(
    sidecar: Sidecar, questions: Sequence[object], rate: float, threads: int = 4
) -> Iterator[Load]:
    """
    Ask at a rate, on connections that are kept, until the caller is done.

    Args:
        sidecar: Who is asked.

        questions: What is asked, in turn.

        rate: How many questions a second, all together.

        threads: How many connections.
    """
    load = Load()
    stop = threading.Event()
    bodies = [json.dumps(question).encode() for question in questions]

    def ask(first: int) -> None:
        connection = sidecar.connected()
        due = time.monotonic() + first / rate
        number = first
        while not stop.wait(max(0.0, due - time.monotonic())):
            began = time.monotonic()
            try:
                headers = {"Content-Type": "application/json"}
                answer = Answer.to(
                    connection,
                    "POST",
                    "/access/v1/evaluation",
                    bodies[number % len(bodies)],
                    headers,
                )
                load.asked.append(Asked(began, time.monotonic(), answer.status, answer.json))
            except OSError as wrong:
                load.asked.append(Asked(began, time.monotonic(), 0, repr(wrong)))
                connection.close()
            number += threads
            due += threads / rate
        connection.close()

    asking = [threading.Thread(target=ask, args=(first,)) for first in range(threads)]
    for thread in asking:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in asking:
            thread.join()
