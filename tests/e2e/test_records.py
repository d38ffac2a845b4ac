"""
Decision records, as a sidecar leaves them that runs.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest

from sidecar.records.settings import Records
from sidecar.records.verify import verify_folder
from tests.e2e.keeping import (
    Load,
    Receiver,
    disclosure,
    ids_of,
    in_files,
    printed,
    records_of,
    shipping,
    stopped,
)
from tests.e2e.pages import asked_and_answered, blocks, run, same_each_time, table
from tests.e2e.serve import ROOT, Answer, Sidecar, running
from tests.fakes import HangingServer
from tests.running import eventually

PAGE: Final = ROOT / "docs/records.md"
SALE: Final = """\
routes:
  - match: {method: POST, path: "/customers/{customer}/sale"}
    ask:
      subject: {type: csw, id: sales-service}
      action: sell
      resource: {id: {path: customer}, categories: [company_name]}
      recipient: {type: third_party, id: broker}
      purpose: fulfil_request
"""
SECRET: Final = "zzSECRETzz"


def test_every_endpoint_that_decides_leaves_a_record(tmp_path: Path):
    """
    One for each evaluation that was answered, with the answer's id, clauses and reason; none for an
    error and for a search. Nothing has to be set for it.
    """
    table = tmp_path / "routes.yaml"
    table.write_text(SALE, "utf-8")
    config = f"forward_auth: {{routes: {table}, proxy: nginx}}"
    search = {**disclosure(), "subject": {"type": "csw"}}
    with running(config) as sidecar:
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        one = sidecar.post("/access/v1/evaluation", disclosure(), traceparent=trace)
        many = sidecar.decide_all(disclosure(), {"subject": {}}, disclosure(answer="bare"))
        alone = sidecar.post("/access/v1/evaluations", disclosure())
        told = {"X-Original-URI": "/customers/acme/sale", "X-Original-Method": "POST"}
        proxied = sidecar.get("/forward-auth", **told)
        assert sidecar.post("/access/v1/search/subject", search).status == 200
        assert sidecar.decide({}).status == 400
        found = printed(sidecar, 5)
        stopped(sidecar)
        assert len(records_of(sidecar.stdout)) == 5

    batch = many.headers["x-decision-id"]
    assert {record["decision_id"]: record["custom"] for record in found} == {
        one.headers["x-decision-id"]: {"endpoint": "/access/v1/evaluation", "status": 200},
        f"{batch}-0": {"endpoint": "/access/v1/evaluations", "status": 200},
        f"{batch}-2": {"endpoint": "/access/v1/evaluations", "status": 200},
        alone.headers["x-decision-id"]: {"endpoint": "/access/v1/evaluations", "status": 200},
        proxied.headers["x-decision-id"]: {"endpoint": "/forward-auth", "status": 403},
    }
    record = found[0]
    context = one.json["context"]
    assert record["result"]["context"]["reason"] == context["reason"]
    assert record["result"]["context"]["permitted"] == ["company_name"]
    assert record["result"]["context"]["clauses"] == [
        {"id": clause["id"], "effect": clause["effect"]} for clause in context["clauses"]
    ]
    assert record["bundles"] == {"decision": {"revision": context["policy"]["revision"]}}
    assert record["path"] == "privacy/decision/decision"
    assert (record["trace_id"], record["span_id"]) == (trace[3:35], trace[36:52])
    assert record["input"]["context"]["facts"] == disclosure()["context"]["facts"]
    assert found[1]["batch_decision_id"] == batch
    assert found[2]["result"] == {**record["result"]}


def test_the_page_shows_what_is_written():
    """
    The record in docs/records.md is the one that the request in the README leaves.
    """
    request, _ = asked_and_answered(ROOT / "README.md")[0]
    shown = next(json.loads(block.text) for block in blocks(PAGE) if block.language == "json")
    with running() as sidecar:
        run(request, sidecar.address)
        (record,) = printed(sidecar, 1)

    for each in (shown, record):
        for member in ("timestamp", "metrics", "chain"):
            each[member] = sorted(each[member]) if isinstance(each[member], dict) else ""
        each["labels"].pop("id")
        each["input"].pop("environment")
    assert same_each_time(record) == same_each_time(shown)


def test_the_page_has_each_setting():
    """
    The table of docs/records.md has a row for each, with its default.
    """
    listed = [name for row in table(PAGE, "setting") for name in row["setting"].split(", ")]

    assert sorted(name.strip("`") for name in listed) == sorted(
        each.name for each in fields(Records)
    )


def _secretive() -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Make evaluations with a secret in each place of theirs.
    """
    places: list[tuple[str, ...]] = [
        *((entity, name) for entity in ("subject", "resource") for name in ("type", "id")),
        ("subject", "properties", SECRET),
        ("action", "name"),
        ("action", "properties", "consideration"),
        ("resource", "properties", SECRET),
        ("resource", "properties", "categories"),
        ("context", SECRET),
        ("context", "purpose"),
        ("context", "answer"),
        ("context", "recipient"),
        ("context", "recipient", "type"),
        ("context", "recipient", "id"),
        ("context", "recipient", SECRET),
        ("context", "facts"),
        ("context", "facts", SECRET),
        ("context", "facts", "processing_ground"),
        ("context", "facts", "consent_scope"),
        ("context", "facts", "recipient_country"),
        ("context", "facts", "aggregate_size"),
        ("context", "facts", "third_party_bound"),
        ("context", "evidence"),
        ("context", "evidence", "consent"),
        ("context", "evidence", SECRET),
        (SECRET,),
    ]
    for place in places:
        for value in (SECRET, [SECRET], {SECRET: SECRET}, [{SECRET: [SECRET]}]):
            evaluation = disclosure()
            held: Any = evaluation
            for name in place[:-1]:
                held = held.setdefault(name, {})
            held[place[-1]] = value
            yield "/".join(place), evaluation


@pytest.mark.parametrize("ids", ["drop", "hash"])
def test_no_secret_gets_out(tmp_path: Path, ids: str):
    """
    Whatever a caller sends, wherever it stands, is in no record, no log, no metric and no error.
    """
    key = tmp_path / "key"
    key.write_text("a key of some length")
    config = f"records: {{ids: {ids}, key: {key}}}\nlog: {{level: debug}}"
    evaluations = list(_secretive())
    headers = {"User-Agent": SECRET, "traceparent": SECRET, "X-Extra": SECRET, "Cookie": SECRET}
    with running(config) as sidecar:
        answers = [
            sidecar.post("/access/v1/evaluation", each, **headers) for _, each in evaluations
        ]
        sidecar.decide_all(*(each for _, each in evaluations))
        sidecar.post(f"/access/v1/evaluation?{SECRET}={SECRET}", disclosure(), Authorization=SECRET)
        metrics = sidecar.get("/metrics").content.decode()
        decided = sum(answer.status == 200 for answer in answers)
        assert decided > 60
        stopped(sidecar)
        # A batch decides on whatever one evaluation does.
        assert len(records_of(sidecar.stdout)) == 2 * decided + 1
        said = {"stdout": sidecar.stdout, "stderr": sidecar.stderr, "metrics": metrics}
        said |= {
            f"error {place}": answer.content.decode()
            for (place, _), answer in zip(evaluations, answers, strict=True)
            if answer.status != 200
        }

    assert [where for where, text in said.items() if SECRET in text] == []


def test_ids_in_clear_where_that_is_set():
    """
    Names of subject, resource, recipient, caller and request.
    """
    with running("records: {ids: clear}") as sidecar:
        sidecar.post("/access/v1/evaluation", disclosure(), **{"X-Request-ID": "r-1"})
        (record,) = printed(sidecar, 1)

    assert record["input"]["subject"] == {"type": "csw", "id": "billing"}
    assert record["input"]["resource"]["id"] == "acme"
    assert record["input"]["context"]["recipient"]["id"] == "carrier-7"
    assert (record["requested_by"], record["custom"]["request_id"]) == ("127.0.0.1", "r-1")


@pytest.mark.parametrize("sink", ["stdout", "file"])
def test_a_stop_loses_none(tmp_path: Path, sink: str):
    """
    Whatever was answered before the end has its record, of several workers, once.
    """
    config = (
        f"records: {{sink: {sink}, folder: {tmp_path}, waiting: 100000}}\nserver: {{workers: 2}}"
    )
    with running(config) as sidecar, Load(sidecar) as load:
        assert load.answered(300)
        stopped(sidecar)
        found = records_of(sidecar.stdout) if sink == "stdout" else in_files(tmp_path)

    ids = Counter(record["decision_id"] for record in found)
    assert set(load.decisions) - set(ids) == set()
    assert max(ids.values()) == 1
    assert len(ids) <= len(load.decisions) + load.interrupted


def test_a_receiver_that_is_away_costs_no_record(tmp_path: Path):
    """
    What was answered meanwhile is sent when it is back, also by the next sidecar, and deleted then.
    """
    with Receiver() as receiver:
        receiver.away = True
        with shipping(receiver, tmp_path) as sidecar:
            asked = {sidecar.decide(disclosure()).headers["x-decision-id"] for _ in range(20)}
            assert eventually(lambda: receiver.requests)
            # That nothing was sent yet is told too.
            assert sidecar.counts("privacy_decision_records_total")["shipped",] == 0
            stopped(sidecar)
        assert receiver.taken == [] and ids_of(in_files(tmp_path)) == asked
        receiver.away = False
        with shipping(receiver, tmp_path) as sidecar:
            asked |= {sidecar.decide(disclosure()).headers["x-decision-id"] for _ in range(20)}
            assert eventually(lambda: ids_of(receiver.taken) == asked)
            assert eventually(lambda: not in_files(tmp_path))
            shipped = sidecar.counts("privacy_decision_records_total")
            stopped(sidecar)

    assert shipped == {("written",): 20, ("shipped",): 40, ("dropped",): 0, ("refused",): 0}
    assert len(receiver.taken) == 40
    assert verify_folder(tmp_path).problems == []


def test_a_receiver_that_never_answers_holds_up_nobody(tmp_path: Path):
    """
    Answers go on, a stop has an end, and all records are still there.
    """
    with HangingServer() as receiver:
        with shipping(receiver, tmp_path, ", upload_within_s: 1") as sidecar:
            asked = {sidecar.decide(disclosure()).headers["x-decision-id"] for _ in range(20)}
            assert eventually(lambda: receiver.requests)
            stopped(sidecar)

        assert ids_of(in_files(tmp_path)) == asked
        assert verify_folder(tmp_path).problems == []


def _until_full(sidecar: Sidecar) -> tuple[int, Answer]:
    """
    Ask until no answer comes, or as often as would be too often: (how many came, the last one).
    """
    for number in range(200):
        answer = sidecar.decide(disclosure())
        if answer.status != 200:
            return number, answer
    return 200, answer


def test_at_the_bound_decisions_are_refused(tmp_path: Path):
    """
    No decision is told that has no record: 503, until there is room again.
    """
    settings = ", max_bytes: 65536, segment_bytes: 4096, at_bound: refuse"
    with Receiver() as receiver:
        receiver.away = True
        with shipping(receiver, tmp_path, settings) as sidecar:
            number, answer = _until_full(sidecar)
            assert 5 < number < 60
            assert (answer.status, answer.code) == (503, "records_not_kept")
            assert sidecar.decide_all(disclosure(), disclosure()).code == "records_not_kept"
            assert sidecar.errors() == {"records_not_kept": 2}
            counts = sidecar.counts("privacy_decision_records_total")
            assert (counts["written",], counts["refused",]) == (number, 3)
            assert counts["dropped",] == 0
            assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 65536
            receiver.away = False
            assert eventually(lambda: sidecar.decide(disclosure()).status == 200)
            stopped(sidecar)

    assert len(ids_of(receiver.taken)) == number + 1


@pytest.mark.parametrize("at_bound", ["refuse", "drop"])
def test_readiness_tells_of_losses(tmp_path: Path, at_bound: str):
    """
    Whichever worker is asked: degraded, and why; before that, ready.
    """
    config = (
        f"records: {{sink: file, mode: durable, folder: {tmp_path}, max_bytes: 65536, "
        f"segment_bytes: 65536, at_bound: {at_bound}}}\nserver: {{workers: 2}}"
    )
    lost = {
        "refuse": "Decisions were refused within the last minute: their records could not be kept.",
        "drop": "Records were lost within the last minute.",
    }[at_bound]
    with running(config) as sidecar:
        before = sidecar.get("/readyz").json
        _until_full(sidecar)
        after = [sidecar.get("/readyz") for _ in range(10)]

    assert (before["state"], before["reason"]) == ("ready", "Decisions are made.")
    assert {(answer.status, answer.json["state"]) for answer in after} == {(200, "degraded")}
    assert {answer.json["reason"] for answer in after} == {f"Decisions are made. {lost}"}


def test_at_the_bound_records_are_dropped(tmp_path: Path):
    """
    Where that is set, answers go on, and what is missing is counted.
    """
    config = (
        f"records: {{sink: file, mode: durable, folder: {tmp_path}, max_bytes: 65536, "
        "segment_bytes: 65536, at_bound: drop}"
    )
    with running(config) as sidecar:
        number, answer = _until_full(sidecar)
        counts = sidecar.counts("privacy_decision_records_total")
        stopped(sidecar)

    assert (number, answer.status) == (200, 200)
    assert counts["written",] + counts["dropped",] == 200
    assert counts["dropped",] > 100
    assert len(in_files(tmp_path)) == counts["written",]
    assert verify_folder(tmp_path).problems == []
