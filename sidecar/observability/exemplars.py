"""
For each bucket of a histogram the trace that fell into it last, of all workers.

The metrics library keeps none where several processes count. So each process keeps its own in a
file beside its counts, and whoever is asked reads them all.
"""

import mmap
import os
import struct
import threading
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from time import time
from typing import Final

from prometheus_client.samples import Exemplar

_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX: Final = "exemplars_"
# The trace, the value, and when that was.
_KEPT: Final = struct.Struct("<32sdd")
_SUM: Final = struct.Struct("<I")
_SLOT: Final = _KEPT.size + _SUM.size


class Exemplars:
    """
    Keeps the last trace of each bucket.

    Args:
        bounds: The buckets' upper bounds, without infinity.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = (*bounds, inf)
        self._lock = threading.Lock()
        self._own: mmap.mmap | None = None

    def keep(self, value: float, trace_id: str) -> None:
        """
        Keep a trace in the place of the one before it.

        Args:
            value: What was measured.

            trace_id: The trace's name: 32 ASCII characters.
        """
        slot = bisect_left(self._bounds, value) * _SLOT
        kept = _KEPT.pack(trace_id.encode("ascii"), value, time())
        with self._lock:
            if self._own is None:
                self._own = self._made()
            self._own[slot : slot + _SLOT] = kept + _SUM.pack(zlib.crc32(kept))

    def latest(self) -> Mapping[float, Exemplar]:
        """
        Return the last trace of each bucket that has one, by the bucket's upper bound.
        """
        latest: dict[float, tuple[float, Exemplar]] = {}
        for kept in self._of_all():
            for index, bound in enumerate(self._bounds):
                found = _read(kept[index * _SLOT : (index + 1) * _SLOT])
                if found and (bound not in latest or latest[bound][0] < found[0]):
                    latest[bound] = found
        return {bound: exemplar for bound, (_, exemplar) in latest.items()}

    def _made(self) -> mmap.mmap:
        size = len(self._bounds) * _SLOT
        if _FOLDER not in os.environ:
            return mmap.mmap(-1, size)
        with Path(os.environ[_FOLDER], f"{_PREFIX}{os.getpid()}").open("w+b") as file:
            file.truncate(size)
            return mmap.mmap(file.fileno(), size)

    def _of_all(self) -> Iterator[bytes]:
        if _FOLDER in os.environ:
            for file in Path(os.environ[_FOLDER]).glob(f"{_PREFIX}*"):
                yield file.read_bytes()
        elif self._own is not None:
            yield self._own[:]


def _read(slot: bytes) -> tuple[float, Exemplar] | None:
    """
    Read a slot: when it was written, and what; None where nothing was kept yet, or it is just being
    written.
    """
    kept, checked = slot[: _KEPT.size], slot[_KEPT.size :]
    if len(slot) != _SLOT or not any(kept) or _SUM.pack(zlib.crc32(kept)) != checked:
        return None
    trace_id, value, at = _KEPT.unpack(kept)
    return at, Exemplar({"trace_id": trace_id.decode("ascii")}, value, at)
