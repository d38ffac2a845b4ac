"""
sidecar.records.upload: a receiver that is away, slow or refuses costs no record that has room.
"""

import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import SettingsError
from sidecar.records.chain import Chain
from sidecar.records.folder import Folder
from sidecar.records.settings import Records
from sidecar.records.tender import Tender
from sidecar.records.upload import NotTaken, Shipper, Upload, Uploader
from sidecar.records.verify import verify_folder
from sidecar.records.writer import Writer
from tests.e2e.serve import free_port
from tests.fakes import HangingServer, OddServer, http_answer
from tests.running import eventually
from tests.unit.records.keeping import KEY, Counts, records, segments


class Taking:
    """
    Answers uploads one after the other as it is told, and takes them where that is 2xx.

    Attributes:
        statuses: What the next ones are answered with; 200 behind the last.

        taken: The uploads that were taken.

        heads: The heads of all uploads.
    """

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.taken: list[list[dict[str, Any]]] = []
        self.heads: list[bytes] = []

    def __call__(self, request: bytes) -> bytes | None:
        """
        Answer one.
        """
        head, _, body = request.partition(b"\r\n\r\n")
        self.heads.append(head)
        status = self.statuses.pop(0) if self.statuses else "200 OK"
        if status == "none":
            return None
        if status.startswith("2"):
            self.taken.append(json.loads(gzip.decompress(body)))
        return http_answer("{}", status)

    @property
    def ids(self) -> list[str]:
        """
        The records that were taken, in their order.
        """
        return [record["decision_id"] for upload in self.taken for record in upload]


def uploader(url: str, **more: Any) -> Uploader:
    """
    Make one that sends to a receiver.
    """
    return Uploader(Records(sink="http", url=f"{url}/logs", **more))


def test_an_upload_is_what_opa_sends(tmp_path: Path):
    """
    A JSON array, compressed, with the token as it is now.
    """
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    taking = Taking("204 No Content")
    with OddServer(taking) as server:
        uploader(server.url, token_file=token).send(records(1, 2))

    (head,) = taking.heads
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /logs HTTP/1.1"
    assert {
        b"Content-Type: application/json",
        b"Content-Encoding: gzip",
        b"Authorization: Bearer t0ken",
    } <= set(lines)
    assert taking.ids == ["d1", "d2"]


@pytest.mark.parametrize(
    "status", ["301 Moved", "400 Bad Request", "401 No", "429 Slow", "503 Away", "none"]
)
def test_what_is_not_taken(status: str):
    """
    Anything but 2xx, and no answer.
    """
    with OddServer(Taking(status)) as server, pytest.raises(NotTaken):
        uploader(server.url).send(records(1))


def test_who_is_not_there_or_never_answers():
    """
    That has an end.
    """
    with pytest.raises(NotTaken):
        uploader(f"http://127.0.0.1:{free_port()}").send(records(1))
    with HangingServer() as server, pytest.raises(NotTaken):
        uploader(server.url, upload_within_s=0.1).send(records(1))


def test_a_wrong_authority_stops_the_start(tmp_path: Path):
    """
    A file without certificates.
    """
    file = tmp_path / "ca"
    file.write_text("nothing")

    with pytest.raises(SettingsError, match=r"records\.ca must hold certificates in PEM"):
        uploader("https://logs.example", ca=file)


def test_a_large_segment_goes_in_parts(tmp_path: Path):
    """
    What was taken before one part was not, is not sent again.
    """
    taking = Taking("200 OK", "503 Away", "none")
    counts = Counts()
    writing = segments(tmp_path, KEY)
    writing.write(records(*range(1, 11), size=200))
    writing.rotate()
    with OddServer(taking) as server:
        shipper = Shipper(uploader(server.url, upload_bytes=1024), counts)
        tender = Tender(Folder(tmp_path, KEY), shipper, writing, every_s=0.01)
        assert eventually(lambda: len(taking.ids) == 10)
        tender.close(20)

    assert taking.ids == [f"d{number}" for number in range(1, 11)]
    assert len(taking.taken) > 3
    assert counts.by_result == {"shipped": 10}
    assert not list(tmp_path.glob("*-00000*"))
    assert verify_folder(tmp_path, KEY).problems == []


def test_what_was_not_sent_is_sent_by_the_next(tmp_path: Path):
    """
    Segments of a process that was killed, and what it had sent in part: once more as a whole.
    """
    killed = segments(tmp_path)
    killed.write(records(1, 2))
    killed._let_go()
    taking = Taking()
    with OddServer(taking) as server:
        own = segments(tmp_path)
        shipper = Shipper(uploader(server.url), Counts())
        tender = Tender(Folder(tmp_path), shipper, own, every_s=0.01, rotates=True)
        own.write(records(3))
        assert eventually(lambda: sorted(taking.ids) == ["d1", "d2", "d3"])
        tender.close(20)

    assert verify_folder(tmp_path).problems == []


def test_while_nobody_takes_them_files_do_not_become_many(tmp_path: Path):
    """
    What is written goes on into one file, and is sent once the receiver is back.
    """
    taking = Taking(*["503 Away"] * 5)
    with OddServer(taking) as server:
        own = segments(tmp_path)
        shipper = Shipper(uploader(server.url), Counts())
        own.write(records(0))
        tender = Tender(Folder(tmp_path), shipper, own, every_s=0.01, rotates=True)
        assert eventually(lambda: taking.heads)
        for number in range(1, 50):
            own.write(records(number))
        assert len(list(tmp_path.glob("*-00000*"))) == 2
        assert eventually(lambda: len(taking.ids) == 50)
        tender.close(20)

    assert verify_folder(tmp_path).problems == []


def test_from_memory_a_receiver_that_comes_back_gets_all():
    """
    What came meanwhile has waited.
    """
    taking = Taking("503 Away", "none", "503 Away")
    counts = Counts()
    with OddServer(taking) as server:
        writer = Writer(Upload(Chain("c"), uploader(server.url)), counts, written="shipped")
        for number in range(1, 6):
            writer.keep(records(number))
        assert eventually(lambda: len(taking.ids) == 5)
        writer.close()

    assert taking.ids == [f"d{number}" for number in range(1, 6)]
    assert [record["chain"]["seq"] for upload in taking.taken for record in upload] == [
        *range(1, 6)
    ]
    assert counts.by_result == {"shipped": 5}


def test_from_memory_the_end_tries_once_more_and_no_longer():
    """
    What a receiver that is away has not got is dropped then, and counted.
    """
    taking = Taking(*["503 Away"] * 1000)
    counts = Counts()
    with OddServer(taking) as server:
        writer = Writer(Upload(Chain("c"), uploader(server.url)), counts, written="shipped")
        writer.keep(records(1, 2))
        assert eventually(lambda: taking.heads)
        ending = threading.Thread(target=writer.close)
        ending.start()
        ending.join(20)
        assert not ending.is_alive()

    assert counts.by_result == {"dropped": 2}
