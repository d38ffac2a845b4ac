"""
Records sent to whatever takes OPA's decision logs.
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog
import urllib3

from sidecar.errors import SettingsError
from sidecar.records.chain import Chain
from sidecar.records.folder import Folder, Segment
from sidecar.records.settings import Records
from sidecar.records.tender import deleted
from sidecar.trust import client_context

_log = structlog.stdlib.get_logger("sidecar")

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 30.0


class NotTaken(OSError):
    """
    The receiver did not take records, or is not there.
    """


class Uploader:
    """
    Sends records.

    Args:
        settings: To whom, and how much at once.
    """

    def __init__(self, settings: Records) -> None:
        assert settings.url is not None
        self._settings = settings
        self._url = settings.url
        try:
            context = client_context(settings.ca)
        except OSError as wrong:
            raise SettingsError("records.ca must hold certificates in PEM") from wrong
        timeout = urllib3.Timeout(total=settings.upload_within_s)
        self._pool = urllib3.PoolManager(
            num_pools=1, ssl_context=context, timeout=timeout, retries=False
        )

    def send(self, lines: Sequence[bytes]) -> None:
        """
        Send records as OPA does: a JSON array, compressed.

        Raises:
            NotTaken: The receiver has not taken them; it may have them all the same.
        """
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        try:
            if token := self._settings.token():
                headers["Authorization"] = f"Bearer {token}"
            body = gzip.compress(b"[" + b",".join(lines) + b"]", 5)
            answer = self._pool.request(
                "POST", self._url, body=body, headers=headers, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as wrong:
            raise NotTaken() from wrong
        if not 200 <= answer.status < 300:
            raise NotTaken()

    def parts(self, lines: Iterable[bytes]) -> Iterator[list[bytes]]:
        """
        Part records into uploads.
        """
        part: list[bytes] = []
        size = 0
        for line in lines:
            if part and size + len(line) > self._settings.upload_bytes:
                yield part
                part, size = [], 0
            part.append(line)
            size += len(line) + 1
        if part:
            yield part


class Shipper:
    """
    Sends whole segments, and deletes them once they were taken. What was under way when the sidecar
    ended is sent again: a receiver tells by `decision_id`.

    Args:
        uploader: Who sends.

        count: Called with a result and how many records had it.
    """

    def __init__(self, uploader: Uploader, count: Callable[[str, int], None]) -> None:
        self._uploader = uploader
        self._count = count
        self._sent: dict[Path, int] = {}

    def __call__(self, folder: Folder, segment: Segment) -> None:
        """
        Send what was not sent of a segment.

        Raises:
            NotTaken: Not all of it was taken.
        """
        path = folder.path / segment.name
        lines = path.read_bytes().splitlines()
        done = self._sent.get(path, 0)
        for part in self._uploader.parts(lines[done:]):
            self._uploader.send(part)
            done += len(part)
            self._sent[path] = done
            self._count("shipped", len(part))
        deleted(folder, segment, lines[-1])
        self._sent.pop(path, None)


class Upload:
    """
    Sends records as they come, from memory. A receiver that is away is tried again, later and
    later; what comes meanwhile waits, as long as there is room.

    Args:
        chain: The chain that they are put into.

        uploader: Who sends.
    """

    def __init__(self, chain: Chain, uploader: Uploader) -> None:
        self._chain = chain
        self._uploader = uploader
        self._ended = threading.Event()

    def write(self, records: Sequence[bytes]) -> None:
        """
        Send records.

        Raises:
            NotTaken: They were not taken, and there is no time left.
        """
        lines, self._chain = self._chain.linked(records)
        for part in self._uploader.parts(lines.splitlines()):
            self._send(part)

    def end(self) -> None:
        """
        Try once from now on, no more.
        """
        self._ended.set()

    def close(self) -> None:
        """
        Do nothing: all was sent, or given up.
        """

    def _send(self, part: Sequence[bytes]) -> None:
        wait = _FIRST_WAIT_S
        complained = 0.0
        while True:
            try:
                return self._uploader.send(part)
            except NotTaken as wrong:
                if time.monotonic() > complained:
                    _log.error("records wait: the receiver does not take them", exc_info=wrong)
                    complained = time.monotonic() + _LONGEST_WAIT_S
                if self._ended.wait(wait):
                    return self._uploader.send(part)
                wait = min(2 * wait, _LONGEST_WAIT_S)
