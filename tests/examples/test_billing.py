"""
examples/billing, with a real sidecar and a real OPA.
"""

import logging
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from examples.billing.app import create_app
from examples.billing.store import prepare
from tests.e2e.serve import Sidecar, alive, free_port, running
from tests.running import BUNDLES

INVOICE = "/companies/acme/invoice"
QUERIES = "/companies/acme/queries"
REQUEST_ID = "order-7f3a"


@dataclass
class Billing:
    """
    The billing service, and what SQLite says that it does.

    Attributes:
        url: Where it is told that the sidecar listens.

        file: Its database.

        touched: Each column of company information that it read, or wrote, in order.
    """

    url: str
    file: Path
    touched: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        prepare(self.file)
        self._client = create_app(self.url, self._connect).test_client()

    def get(self, path: str) -> TestResponse:
        return self._client.get(path, headers={"X-Request-ID": REQUEST_ID})

    def deliver(self, carrier: str, company: str = "acme") -> TestResponse:
        return self._client.post(f"/companies/{company}/deliveries/{carrier}")

    def holds(self, query: str) -> list[str | None]:
        """
        Look into the database, past the service.
        """
        with closing(sqlite3.connect(self.file)) as connection:
            return [value for (value,) in connection.execute(query)]

    @property
    def outbox(self) -> list[str | None]:
        return self.holds("SELECT content FROM outbox ORDER BY id")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file)
        connection.set_authorizer(self._note)
        return connection

    def _note(self, action: int, table: str | None, column: str | None, *_: str | None) -> int:
        kind = {sqlite3.SQLITE_READ: "read", sqlite3.SQLITE_UPDATE: "write"}.get(action)
        # `company` is the key by which it is looked up.
        if kind and column and table in ("information", "queries") and column != "company":
            self.touched.append((kind, column))
        return sqlite3.SQLITE_OK


def _callers(server: socket.socket) -> int:
    """
    Count who waits at a server's door.
    """
    server.setblocking(False)
    waiting = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            waiting += 1
    return waiting


@pytest.fixture(scope="module")
def sidecar() -> Iterator[Sidecar]:
    """
    A sidecar that serves the agreement, and logs each request.
    """
    with running("log: {level: info}") as it:
        yield it


@pytest.fixture
def billing(sidecar: Sidecar, tmp_path: Path) -> Billing:
    """
    The service, beside that sidecar.
    """
    return Billing(f"http://{sidecar.address}", tmp_path / "billing.sqlite")


def test_what_is_permitted_is_read(billing):
    """
    Where all that is asked for is permitted, it is read, and nothing beside.
    """
    answer = billing.get(INVOICE)

    assert answer.status_code == 200
    assert answer.json == {
        "company_name": "Acme Ltd",
        "payment_information": "IBAN ending in 4711",
    }
    assert billing.touched == [("read", "company_name"), ("read", "payment_information")]


def test_of_what_is_permitted_in_part_only_that_is_read(billing):
    """
    A delivery copes with less: the column that is denied is not read, and does not go out.
    """
    answer = billing.deliver("swift")

    assert answer.status_code == 200
    assert answer.json == {"sent": ["company_name", "phone_number"]}
    assert billing.touched == [("read", "company_name"), ("read", "phone_number")]
    assert billing.outbox[-1] == '{"company_name": "Acme Ltd", "phone_number": "+44 20 7946 0018"}'


def test_what_is_refused_is_not_read(billing):
    """
    Without a contract there is no ground: nothing is read, and the user is told why.
    """
    answer = billing.get("/companies/zeta/invoice")

    assert answer.status_code == 403
    assert answer.json["refused"].startswith("This cannot be allowed yet")
    assert billing.touched == []


def test_a_carrier_that_is_not_bound_gets_nothing(billing):
    """
    A fact that the service states turns the answer to a refusal: nothing is read, nothing sent.
    """
    answer = billing.deliver("loose")

    assert answer.status_code == 403
    assert billing.touched == []
    assert billing.outbox == []


def test_an_unknown_carrier_is_not_found(billing):
    """
    What is not there needs no decision.
    """
    assert billing.deliver("nobody").status_code == 404


def test_obligations_come_before_the_information(billing):
    """
    The addresses are deleted before a query is read, and stay so; no other company's are.
    """
    answer = billing.get(QUERIES)

    assert answer.json == ["tax number on invoice", "second reminder"]
    assert billing.touched[0] == ("write", "ip_address")
    assert ("read", "query") in billing.touched
    assert ("read", "ip_address") not in billing.touched
    assert billing.holds("SELECT ip_address FROM queries") == [None, None]


def test_terms_go_ahead_of_what_they_are_for(billing):
    """
    The carrier is sent the terms first, with the decision that asked for it.
    """
    billing.deliver("swift")
    terms, order = billing.outbox

    assert terms.startswith('{"terms": "as signed", "decision": "')
    assert order.startswith('{"company_name"')


def test_an_obligation_that_cannot_be_carried_out_refuses(billing):
    """
    To a carrier that takes orders unencrypted nothing goes, not even what other obligations sent.
    """
    answer = billing.deliver("plain")

    assert answer.status_code == 403
    assert answer.json["refused"] == "This comes with a duty that we cannot carry out."
    assert billing.touched == []
    assert billing.outbox == []


def test_an_unknown_obligation_refuses(tmp_path):
    """
    A permission whose obligation nobody knows, by its id or its type, is a refusal, and no other
    obligation is carried out.
    """
    with running(SIDECAR_BUNDLE=str(BUNDLES / "unheard")) as sidecar:
        billing = Billing(f"http://{sidecar.address}", tmp_path / "billing.sqlite")
        by_id, by_type, odd = billing.get(QUERIES), billing.get(INVOICE), billing.deliver("swift")

    assert (by_id.status_code, by_type.status_code) == (403, 403)
    assert "This comes with a duty that we do not know." in by_id.text
    assert "This comes with a duty that we do not know." in by_type.text
    # Obligations of another shape than the standard's are no decision.
    assert odd.status_code == 503
    assert billing.outbox == []
    assert billing.touched == []
    assert None not in billing.holds("SELECT ip_address FROM queries")


@pytest.mark.parametrize("path", [INVOICE, QUERIES])
def test_without_a_sidecar_nothing_is_decided(tmp_path, path):
    """
    Where nobody can be asked the service answers 503, and reads nothing.
    """
    billing = Billing(f"http://127.0.0.1:{free_port()}", tmp_path / "billing.sqlite")
    answer = billing.get(path)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert billing.touched == []


def test_without_opa_nothing_is_decided(tmp_path):
    """
    Where the sidecar is there and cannot decide, the service answers 503, and reads nothing.
    """
    with alive(SIDECAR_OPA_URL=f"http://127.0.0.1:{free_port()}") as sidecar:
        billing = Billing(f"http://{sidecar.address}", tmp_path / "billing.sqlite")
        read, sent = billing.get(INVOICE), billing.deliver("swift")
        asked = sidecar.errors()["engine_unreachable"]

    assert (read.status_code, sent.status_code) == (503, 503)
    assert billing.touched == []
    assert billing.outbox == []
    # Each of the two questions was asked three times before it was given up.
    assert asked == 6


def test_what_takes_too_long_decides_nothing(tmp_path):
    """
    Where nobody answers in time the service answers 503, and does not ask a second time.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        billing = Billing(
            f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path / "billing.sqlite"
        )
        answer = billing.get(INVOICE)
        asked = _callers(silent)

    assert answer.status_code == 503
    assert billing.touched == []
    assert asked == 1


def test_who_asks_too_often_is_told_when_to_ask_again(tmp_path):
    """
    What was asked too often is not decided, and not asked again at once: the user is told to wait
    as long as the sidecar says.
    """
    with running("callers: {rate: {per_second: 0.01, burst: 1}}") as sidecar:
        billing = Billing(f"http://{sidecar.address}", tmp_path / "billing.sqlite")
        first, second = billing.get(INVOICE), billing.get(INVOICE)
        refused = sidecar.errors()["too_many_requests"]

    assert (first.status_code, second.status_code) == (200, 503)
    assert 90 <= int(second.headers["Retry-After"]) <= 100
    assert refused == 1


def test_what_is_no_answer_decides_nothing(sidecar, tmp_path):
    """
    A status that is not 200 decides nothing, whatever it comes with: nothing is read.
    """
    billing = Billing(f"http://{sidecar.address}/elsewhere", tmp_path / "billing.sqlite")
    answer = billing.get(INVOICE)

    assert answer.status_code == 503
    assert billing.touched == []


def test_both_logs_name_the_request_and_the_decision(billing, sidecar, caplog):
    """
    The request's name reaches the sidecar's log; the decision's name stands in both logs.
    """
    caplog.set_level(logging.INFO)
    billing.get(INVOICE)
    (said,) = [record for record in caplog.records if record.name.startswith("examples.")]
    decision_id = said.getMessage().rpartition(" ")[2]

    assert any(
        REQUEST_ID in line and decision_id in line for line in sidecar.stderr.splitlines()
    ), said.getMessage()


def test_a_refusal_names_its_decision(billing, caplog):
    """
    The user can quote the decision that the log names.
    """
    caplog.set_level(logging.INFO)
    answer = billing.get("/companies/zeta/invoice")

    assert f"refused by decision {answer.json['decision_id']}" in caplog.messages
