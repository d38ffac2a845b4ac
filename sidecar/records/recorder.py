"""
The one door to records: endpoints say what they answered, and learn whether it was kept.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

from sidecar.names import new_id
from sidecar.records.chain import Chain
from sidecar.records.folder import Folder
from sidecar.records.losses import Losses
from sidecar.records.masked import Masking
from sidecar.records.masking import Ids
from sidecar.records.record import About, Answered, Form
from sidecar.records.segments import Segments
from sidecar.records.settings import Records
from sidecar.records.stdout import Stdout
from sidecar.records.tender import Tender, packed
from sidecar.records.upload import Shipper, Upload, Uploader
from sidecar.records.writer import Sink, Writer

_LAST_LOOK_S: Final = 5.0

Count = Callable[[str, int], None]


class Recorder:
    """
    Keeps a record of each evaluation that is answered.

    Args:
        ids: What becomes of names.

        instance: The name of this process' records.

        writer: Who writes them.

        tender: Who looks after what was written, where it is in files.

        losses: Knows what was not kept.

    Attributes:
        masking: Says what may be written down.
    """

    def __init__(
        self, ids: Ids, instance: str, writer: Writer, tender: Tender | None, losses: Losses
    ) -> None:
        self.masking = Masking(ids)
        self._form = Form(ids, instance)
        self._writer = writer
        self._tender = tender
        self._losses = losses

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
            self._writer.keep(self._form.written(answered, about))

    @property
    def waits(self) -> bool:
        """
        Whether `keep` waits until records are on a disk.
        """
        return self._writer.durable

    def losses(self) -> tuple[str, ...]:
        """
        Say, as fixed sentences, what was lately not kept, by any of the processes.
        """
        return self._losses.lately()

    def close(self) -> None:
        """
        Write all that waits, and end.
        """
        self._writer.close()
        if self._tender:
            self._tender.close(_LAST_LOOK_S)


def output_lock() -> int:
    """
    Make what several processes lock to write to stdout in turn, and tell each other of their losses
    by. To be called before the fork.
    """
    return os.memfd_create("records", os.MFD_CLOEXEC)


def recorder(settings: Records, count: Count, lock: int) -> Recorder | None:
    """
    Make a process' recorder, and start its threads. To be called after the fork.

    Args:
        settings: What records hold, and where they go.

        count: Called with a result and how many records had it.

        lock: What processes lock to write to stdout in turn, and tell each other of losses by.

    Returns:
        None where no records are kept.
    """
    if settings.sink == "none":
        return None
    losses = Losses(lock)

    def counted(result: str, number: int) -> None:
        count(result, number)
        losses.note(result)

    chain = Chain(new_id())
    uploader = Uploader(settings) if settings.sink == "http" else None
    sink: Sink
    tender = None
    if settings.durable or settings.sink == "file":
        sink = _segments(settings, chain)
        tender = _tender(settings, sink, uploader, count)
        if uploader:
            # So that what waits for a receiver that was never there is seen to wait.
            count("shipped", 0)
    elif uploader:
        sink = Upload(chain, uploader)
    else:
        sink = Stdout(chain, lock)
    writer = Writer(
        sink,
        counted,
        durable=settings.durable,
        refuse=settings.at_bound == "refuse",
        waiting=settings.waiting,
        written="shipped" if isinstance(sink, Upload) else "written",
    )
    return Recorder(Ids(settings.ids, settings.secret() or b""), chain.id, writer, tender, losses)


def _segments(settings: Records, chain: Chain) -> Segments:
    return Segments(
        _folder(settings),
        chain,
        segment_bytes=settings.segment_bytes,
        max_bytes=settings.max_bytes,
        durable=settings.durable,
    )


def _tender(
    settings: Records, segments: Segments, uploader: Uploader | None, count: Count
) -> Tender:
    # A folder of its own: it waits for the lock as if it were another process.
    if uploader is None:
        return Tender(_folder(settings), packed, segments)
    shipper = Shipper(uploader, count)
    every_s = settings.upload_every_s
    return Tender(_folder(settings), shipper, segments, every_s=every_s, rotates=True)


def _folder(settings: Records) -> Folder:
    assert settings.folder is not None
    return Folder(settings.folder, settings.secret())
