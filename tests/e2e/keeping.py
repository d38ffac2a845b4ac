"""
What tests of records have in common: who asks, who takes records, and where they are found.
"""

import gzip
import http.client
import json
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from tests.e2e.serve import Answer, Sidecar, running
from tests.fakes import OddServer, http_answer
from tests.running import eventually

CALLERS: Final = 8


def disclosure(**more: Any) -> dict[str, Any]:
    """
    Make an evaluation that is permitted in part.
    """
    return {
        "subject": {"type": "csw", "id": "billing"},
        "action": {"name": "disclose"},
        "resource": {
            "type": "information",
            "id": "acme",
            "properties": {"categories": ["company_name", "payment_information"]},
        },
        "context": {
            "purpose": "deliver_products",
            "recipient": {"type": "third_party_service_provider", "id": "carrier-7"},
            "facts": {
                "processing_ground": "contract",
                "third_party_bound": True,
                "categories_needed": ["company_name"],
            },
            **more,
        },
    }


def records_of(text: str | bytes) -> list[dict[str, Any]]:
    """
    Read the records among lines; whatever else is printed is no JSON.
    """
    lines = text.encode() if isinstance(text, str) else text
    return [json.loads(line) for line in lines.splitlines() if line.startswith(b'{"decision_id"')]


def in_files(folder: Path) -> list[dict[str, Any]]:
    """
    Read the records of a folder, of all segments.
    """
    plain = sorted(folder.glob("*-*-*.jsonl"))
    packed = sorted(folder.glob("*.jsonl.gz"))
    done = {file.name.removesuffix(".gz") for file in packed}
    contents = [
        *(file.read_bytes() for file in plain if file.name not in done),
        *(gzip.decompress(file.read_bytes()) for file in packed),
    ]
    return [record for content in contents for record in records_of(content)]


def printed(sidecar: Sidecar, number: int) -> list[dict[str, Any]]:
    """
    Wait for as many records on stdout.
    """
    assert eventually(lambda: len(records_of(sidecar.stdout)) >= number), sidecar.stderr
    return records_of(sidecar.stdout)


def stopped(sidecar: Sidecar) -> None:
    """
    Ask a sidecar to stop, and wait until it has.
    """
    sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.process.wait(30) == 0, sidecar.stderr


class Load:
    """
    Callers that ask again and again, and note each decision that they were told.

    Args:
        sidecar: Whom they ask.

    Attributes:
        decisions: The decisions' names.

        interrupted: How often a caller was cut off.

        refused: How often it was told that there is no decision.
    """

    def __init__(self, sidecar: Sidecar) -> None:
        self.decisions: list[str] = []
        self.interrupted = 0
        self.refused = 0
        self._sidecar = sidecar
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CALLERS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """
        Ask no more; what is under way is waited for.
        """
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def answered(self, number: int, within_s: float = 120) -> bool:
        """
        Wait until as many were answered.
        """
        return eventually(lambda: len(self.decisions) >= number, within_s)

    def _ask(self) -> None:
        body = json.dumps(disclosure()).encode()
        headers = {"Content-Type": "application/json"}
        while not self._ended.is_set():
            with closing(self._sidecar.connected()) as connection:
                try:
                    while not self._ended.is_set():
                        path = "/access/v1/evaluation"
                        answer = Answer.to(connection, "POST", path, body, headers)
                        if answer.status == 200:
                            self.decisions.append(answer.headers["x-decision-id"])
                        else:
                            self.refused += 1
                except (OSError, http.client.HTTPException):
                    self.interrupted += 1


class Receiver(OddServer):
    """
    Takes decision logs as OPA sends them, or does not.

    Attributes:
        taken: The records that it took.

        away: Whether it answers that it cannot.

        takes_s: How long it takes for each upload.
    """

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.away = False
        self.takes_s = 0.0
        super().__init__(self._take)

    def _take(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        if self.away:
            return http_answer("{}", "503 Service Unavailable")
        assert head.startswith(b"POST /logs HTTP/1.1")
        assert b"content-encoding: gzip" in head.lower()
        self._ended.wait(self.takes_s)
        self.taken += json.loads(gzip.decompress(body))
        return http_answer("{}")


@contextmanager
def shipping(receiver: OddServer, folder: Path, more: str = "") -> Iterator[Sidecar]:
    """
    Run a sidecar that sends its records, safe on disk first.
    """
    config = (
        f"records: {{sink: http, mode: durable, folder: {folder}, url: '{receiver.url}/logs', "
        f"upload_every_s: 0.05{more}}}\nserver: {{workers: 2}}"
    )
    with running(config) as sidecar:
        yield sidecar


def ids_of(records: Sequence[dict[str, Any]]) -> set[str]:
    """
    Say of which decisions records are.
    """
    return {record["decision_id"] for record in records}
