"""
Questions to the records of a sidecar that runs, and goes on writing them.
"""

import csv
import io
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from sidecar.cli import sidecar as command
from tests.e2e.keeping import disclosure
from tests.e2e.serve import Sidecar, running
from tests.properties.generator import Requests
from tests.running import BUNDLES, evaluation, eventually

KEY: Final = "a key that is long enough"
CALLER: Final = "127.0.0.1"
ROUNDS: Final = 5


def _ask(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, ["records", *map(str, arguments)], catch_exceptions=False)


def _rows(*arguments: str | Path) -> list[dict[str, Any]]:
    done = _ask(*arguments, "--format", "json")
    assert done.stderr == ""
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@contextmanager
def _recording(folder: Path, segment_bytes: int) -> Iterator[Sidecar]:
    key = folder.with_name("records.key")
    key.write_text(KEY, "utf-8")
    folder.mkdir()
    settings = f"sink: file, folder: {folder}, ids: hash, key: {key}, mode: durable"
    with running(f"records: {{{settings}, segment_bytes: {segment_bytes}}}") as sidecar:
        yield sidecar


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Where the records are.
    """
    return tmp_path_factory.mktemp("questions") / "records"


@pytest.fixture(scope="module")
def answers(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """
    What a sidecar has answered, whose last segment is still open.
    """
    requests = [disclosure(), *Requests(12).take(120)]
    with _recording(folder, 65_536) as sidecar:
        batch = sidecar.decide_all(*requests)
        alone = sidecar.decide(disclosure())
        assert (batch.status, alone.status) == (200, 200)
        yield [*batch.json["evaluations"], alone.json]


def _ids(answers: list[dict[str, Any]]) -> list[str]:
    return [answer["context"]["decision_id"] for answer in answers]


def test_all_that_was_answered_is_found(folder: Path, answers: list[dict[str, Any]]):
    """
    Each decision once, with its clauses and its outcome, from segments of every kind; and no more
    than is asked for, which is said.
    """
    rows = _rows("find", folder, "--limit", "1000")
    few = _ask("find", folder, "--limit", "3")

    assert sorted(row["decision_id"] for row in rows) == sorted(_ids(answers))
    by_id = {row["decision_id"]: row for row in rows}
    for answer in answers:
        context = answer["context"]
        row = by_id[context["decision_id"]]
        assert row["outcome"] == context["outcome"]
        assert row["clauses"] == [clause["id"] for clause in context["clauses"]]
    assert len(few.stdout.splitlines()) == 1 + 3
    assert few.stderr == "there are more: --limit 3 are shown\n"


def test_decisions_are_found_by_what_they_are(folder: Path, answers: list[dict[str, Any]]):
    """
    By clause, outcome and time, by the id of one and of a batch, and by a name that was hashed.
    """
    clause = answers[0]["context"]["clauses"][0]["id"]
    cited = [
        answer["context"]["decision_id"]
        for answer in answers
        if clause in (each["id"] for each in answer["context"]["clauses"])
    ]
    one = _ids(answers)[-1]
    batch = _ids(answers)[0].rpartition("-")[0]

    def found(*arguments: str | Path) -> list[str]:
        done = _ask("find", folder, *arguments, "--limit", "1000", "--format", "json")
        return sorted(row["decision_id"] for row in json.loads(done.stdout))

    assert found("--clause", clause) == sorted(cited)
    assert found("--decision", one) == [one]
    assert found("--decision", batch) == sorted(_ids(answers)[:-1])
    assert found("--since", "2100-01-01") == []
    assert found("--until", "2100-01-01T00:00:00+01:00") == sorted(_ids(answers))
    assert found("--application", CALLER) == []
    key = folder.with_name("records.key")
    assert found("--application", CALLER, "--key", key) == sorted(_ids(answers))
    permitted = [each for each in answers if each["context"]["outcome"] == "permitted"]
    assert found("--outcome", "permitted") == sorted(_ids(permitted))


def test_the_ledger_counts_each_clause(folder: Path, answers: list[dict[str, Any]]):
    """
    How many decisions that cite it were permitted, in part and refused; every clause of the bundle
    is there, also what was never used.
    """
    expected: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        for clause in {each["id"] for each in answer["context"]["clauses"]}:
            expected[clause, answer["context"]["outcome"]] += 1

    rows = _rows("clauses", folder)

    counted = {
        (row["clause"], outcome): row[column]
        for row in rows
        for outcome, column in (
            ("permitted", "permitted"),
            ("partial", "partial"),
            ("denied", "refused"),
        )
        if row[column]
    }
    assert counted == expected
    assert len(rows) == 76
    notes = {row["note"]: row for row in rows}
    assert notes.keys() == {"", "never used", "no rule decides it"}
    assert notes["never used"]["first"] == notes["never used"]["last"] == ""
    assert notes[""]["first"] <= notes[""]["last"]


def test_the_ledger_tells_what_the_bundle_does_not_know(
    folder: Path, answers: list[dict[str, Any]]
):
    """
    With a bundle that has no agreement, all clauses are none of its own.
    """
    rows = _rows("clauses", folder, "--bundle", BUNDLES / "boolean")

    assert rows
    assert {row["note"] for row in rows} == {"not in this bundle"}


def test_a_table_is_a_table(folder: Path, answers: list[dict[str, Any]]):
    """
    As CSV it has the same rows as in JSON, and as text a line for each.
    """
    rows = _rows("clauses", folder)

    table = list(csv.DictReader(io.StringIO(_ask("clauses", folder, "--format", "csv").stdout)))
    text = _ask("clauses", folder).stdout.splitlines()

    assert table == [{name: str(value) for name, value in row.items()} for row in rows]
    assert [line.split()[0] for line in text[1:]] == [row["clause"] for row in rows]


def test_a_decision_is_explained(folder: Path, answers: list[dict[str, Any]]):
    """
    What was asked and decided, each clause in the bundle's own words, and that the bundle of today
    decides the same; what is hashed stays hashed.
    """
    answer = answers[-1]["context"]

    done = _ask("show", answer["decision_id"], folder)

    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == answer["decision_id"]
    assert (
        "asked whether csw may disclose company_name, payment_information for deliver_products,"
        " with third_party_service_provider as the recipient. It was permitted in part (mixed):"
        " company_name was permitted; payment_information was refused (condition_unmet)."
    ) in lines[1]
    assert lines[2] == answer["reason_admin"]["en"]
    for clause in answer["clauses"]:
        assert f"  {clause['id']} {clause['effect']}: {clause['says']}" in lines
    assert '  processing_ground: "contract"' in lines
    for obligation in answer["obligations"]:
        assert f"  {obligation['id']}" in lines
    assert f"decided by the bundle {answer['policy']['revision']}" in lines
    assert lines[-1].endswith("decides the same, for the same reason and by the same clauses.")
    assert CALLER not in done.stdout


def test_a_batch_is_explained_item_by_item(folder: Path, answers: list[dict[str, Any]]):
    """
    All that the sidecar recorded is decided the same again, although ids and unknown words are
    not recorded in clear.
    """
    batch = _ids(answers)[0].rpartition("-")[0]

    shown = _rows("show", batch, folder)

    assert [each["decision_id"] for each in shown] == sorted(_ids(answers)[:-1])
    assert all(each["today"]["same"] for each in shown)
    by_id = {each["decision_id"]: each for each in shown}
    for answer in answers[:-1]:
        context = answer["context"]
        told = by_id[context["decision_id"]]
        assert len(told["before"]["permitted"]) == len(context["permitted"])
        assert [clause["says"] for clause in told["clauses"]] == [
            clause["says"] for clause in context["clauses"]
        ]


def _written(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


@pytest.mark.parametrize(
    ("allowed", "context", "says"),
    [
        (False, None, "decides the same"),
        (False, {"reason": "other"}, "decides the same, but not in the same way: it is refused"),
        (True, None, "decides otherwise: it is refused"),
        (True, {"permitted": ["a"]}, "decides otherwise: it is refused"),
    ],
)
def test_what_the_bundle_of_today_makes_of_it(
    tmp_path: Path, allowed: bool, context: dict[str, Any] | None, says: str
):
    """
    The same, the same in another way, or otherwise; also for records of others, with next to
    nothing in them.
    """
    result = {"decision": allowed, **({} if context is None else {"context": context})}
    record = {"decision_id": "d", "input": evaluation("refuse"), "result": result}
    file = _written(tmp_path / "records.jsonl", record)

    done = _ask("show", "d", file, "--bundle", BUNDLES / "faulty")

    assert says in done.stdout.splitlines()[-1]
    assert done.stdout.splitlines()[1].startswith("Somebody asked whether user may refuse thing.")


def test_where_nothing_is_decided_today_that_is_said(tmp_path: Path):
    """
    With the reason, and as JSON without a decision.
    """
    record = {"decision_id": "d", "input": evaluation("undefined"), "result": {"decision": True}}
    file = _written(tmp_path / "records.jsonl", record)
    command = ("show", "d", file, "--bundle", BUNDLES / "faulty")

    said = _ask(*command).stdout.splitlines()[-1]
    (shown,) = _rows(*command)

    assert "decides nothing: No decision was made: the policy has no answer" in said
    assert (shown["today"]["same"], shown["today"]["decides"]) == (False, None)


def test_what_is_not_there_is_the_answer_no(folder: Path, answers: list[dict[str, Any]]):
    """
    Exit code 1, for whoever looks for a decision that there is none of.
    """
    for arguments in (("find", folder, "--clause", "99-z"), ("show", "no-such-id", folder)):
        done = _ask(*arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == "there is no such decision\n"


def test_what_cannot_be_read_is_counted_and_named(folder: Path, answers: list[dict[str, Any]]):
    """
    Beside what can; the answer is given.
    """
    bad = folder.with_name("bad.jsonl")
    bad.write_text("{}\n\nnonsense\n", "utf-8")

    done = _ask("find", folder, bad, "--limit", "1000", "--format", "json")

    assert len(json.loads(done.stdout)) == len(answers)
    assert done.stderr.splitlines() == [
        f"{bad}, line 1: it is no record of a decision",
        f"{bad}, line 3: it is no record of a decision",
        "2 lines are no records, and were left out",
    ]
    assert done.exit_code == 0


def test_what_is_written_moves_no_cursor(tmp_path: Path):
    """
    A name in a record may be anything; on a terminal it is only text.
    """
    record = {
        "decision_id": "d",
        "requested_by": "\x1b[2Jshop\n",
        "input": evaluation("refuse"),
        "result": {"decision": False},
    }
    file = _written(tmp_path / "records.jsonl", record)

    found = _ask("find", file).stdout
    shown = _ask("show", "d", file, "--bundle", BUNDLES / "faulty").stdout

    assert "\x1b" not in found + shown
    assert "\N{REPLACEMENT CHARACTER}[2Jshop\N{REPLACEMENT CHARACTER}" in found


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "yesterday"), "'yesterday' is neither a date (2026-11-24) nor a time"),
        (("--outcome", "maybe"), "'maybe' is not one of 'permitted', 'partial', 'denied'"),
        (("--limit", "0"), "0 is not in the range x>=1"),
    ],
)
def test_a_wrong_question_is_refused(tmp_path: Path, arguments: tuple[str, ...], says: str):
    """
    Exit code 2, with what is wrong.
    """
    done = _ask("find", _written(tmp_path / "records.jsonl"), *arguments)

    assert done.exit_code == 2
    assert says in done.stderr


def test_records_are_asked_while_they_are_written(tmp_path: Path):
    """
    Segments are sealed and compressed meanwhile, and lines are half there: whatever was answered
    before the question is found, once, and nothing is taken for broken.
    """
    folder = tmp_path / "records"
    answered: list[str] = []
    ended = threading.Event()

    def ask(sidecar: Sidecar) -> None:
        while not ended.is_set():
            batch = sidecar.decide_all(*[disclosure()] * 20)
            answered.extend(_ids(batch.json["evaluations"]))

    with _recording(folder, 65_536) as sidecar:
        caller = threading.Thread(target=ask, args=(sidecar,))
        caller.start()
        try:
            for _ in range(ROUNDS):
                before = len(answered)
                assert eventually(lambda: len(answered) > before + 100)  # noqa: B023
                known = set(answered)
                found = [row["decision_id"] for row in _rows("find", folder, "--limit", "1000000")]
                assert len(found) == len(set(found))
                assert known <= set(found)
        finally:
            ended.set()
            caller.join()
        assert eventually(lambda: any(folder.glob("*.jsonl.gz")))
