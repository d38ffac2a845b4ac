"""
The one door to records: endpoints say what they answered, and learn whether it was kept.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from sidecar.names import new_id
from sidecar.records.chain import Chain
from sidecar.records.masking import Ids
from sidecar.records.record import About, Answered, event
from sidecar.records.settings import Records
from sidecar.records.stdout import Stdout
from sidecar.records.writer import Sink, Writer

_encode: Final = msgspec.json.Encoder().encode

Count = Callable[[str, int], None]


class Recorder:
    """
    Keeps a record of each evaluation that is answered.

    Args:
        ids: What becomes of names.

        instance: The name of this process' records.

        writer: Who writes them.
    """

    def __init__(self, ids: Ids, instance: str, writer: Writer) -> None:
        self._ids = ids
        self._instance = instance
        self._writer = writer

    def keep(self, answered: Sequence[Answered], about: About) -> None:
        """
        Keep records.

        Args:
            answered: What was answered, together.

            about: What it was asked with.

        Raises:
            RecordsNotKept: They could not be kept, and there must be no answer without them.
        """
        if answered:
            self._writer.keep(
                [_encode(event(each, about, self._ids, self._instance)) for each in answered]
            )

    def close(self) -> None:
        """
        Write all that waits, and end.
        """
        self._writer.close()


def output_lock() -> int:
    """
    Make what several processes lock to write to stdout in turn. To be called before the fork.
    """
    return os.memfd_create("records", os.MFD_CLOEXEC)


def recorder(settings: Records, count: Count, lock: int) -> Recorder | None:
    """
    Make a process' recorder, and start its threads. To be called after the fork.

    Args:
        settings: What records hold, and where they go.

        count: Called with a result and how many records had it.

        lock: What processes lock to write to stdout in turn.

    Returns:
        None where no records are kept.
    """
    if settings.sink == "none":
        return None
    chain = Chain(new_id())
    writer = Writer(
        _sink(settings, chain, count, lock),
        count,
        durable=settings.durable,
        refuse=settings.at_bound == "refuse",
        waiting=settings.waiting,
    )
    return Recorder(Ids(settings.ids, settings.secret() or b""), chain.id, writer)


def _sink(settings: Records, chain: Chain, count: Count, lock: int) -> Sink:
    return Stdout(chain, lock)
