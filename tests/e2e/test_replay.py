"""
`sidecar replay`: what a change of the agreement's reading does to decisions that were recorded.
"""

import gzip
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bench.brute import Flips
from bench.history import History
from bench.replay import compared, replay
from sidecar.bundle.build import build
from sidecar.engine.dated import Evaluation
from sidecar.engine.decision import Decision
from sidecar.replay.deciding import policy
from tests.e2e.serve import ROOT, running
from tests.properties.generator import Requests
from tests.running import BUNDLES, evaluation

DATE: Final = "2026-11-24"
QUESTIONS: Final = 300
RECORDS: Final = 4_000
PLAIN: Final = "policies.tar.gz"
STRICT: Final = "strict.tar.gz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> Path:
    """
    The agreement as a bundle, and another one in which two switches stand otherwise: less of it is
    permitted.
    """
    folder = tmp_path_factory.mktemp("replay")
    shutil.copytree(ROOT / "policies", folder / "strict")
    file = folder / "strict/privacy/interpretation/data.yaml"
    data = yaml.safe_load(file.read_text("utf-8"))
    for name in ("consent_always_required", "unstated_duty_denies"):
        data["switches"][name]["value"] = True
    file.write_text(yaml.safe_dump(data), "utf-8")
    for source in (ROOT / "policies", folder / "strict"):
        build(source, folder / f"{source.name}.tar.gz", opa=opa_binary)
    return folder


def _decided(bundle: Path, opa: Path, asked: Sequence[Evaluation]) -> list[Decision]:
    with policy(bundle, opa) as deciding:
        decided = deciding.engine.decide_as_of(asked)
    return [decision for decision in decided if isinstance(decision, Decision)]


def _event(id_: str, asked: Evaluation, decision: Decision, application: str) -> bytes:
    event = {
        "decision_id": id_,
        "input": asked,
        "result": {"decision": decision.allowed, "context": decision.context},
        "requested_by": application,
    }
    return json.dumps(event).encode() + b"\n"


def _replay(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sidecar", "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def history(folder: Path, opa_binary: Path) -> tuple[Path, dict[str, tuple[Decision, Decision]]]:
    """
    Records of the agreement's decisions, in several files, and by each record's id what the
    agreement and its strict reading decide.
    """
    order = random.Random(9)
    asked = [{**request, "environment": {"date": DATE}} for request in Requests(9).take(QUESTIONS)]
    plain = _decided(folder / PLAIN, opa_binary, asked)
    strict = _decided(folder / STRICT, opa_binary, asked)
    records = folder / "records"
    (records / "older").mkdir(parents=True)
    expected = {}
    with (
        (records / "a.jsonl").open("wb") as new,
        gzip.open(records / "older" / "b.jsonl.gz", "wb") as old,
    ):
        for number in range(RECORDS):
            index = order.randrange(QUESTIONS)
            id_ = f"d-{number}"
            expected[id_] = (plain[index], strict[index])
            file = order.choice([new, old])
            # What no policy reads may be any.
            about = {**asked[index]["resource"], "id": f"company-{number}"}
            line = _event(
                id_, {**asked[index], "resource": about}, plain[index], f"app-{index % 3}"
            )
            file.write(line)
    return records, expected


def _kind(before: Decision, after: Decision) -> str | None:
    old, new = (set((each.context or {}).get("permitted", ())) for each in (before, after))
    if new - old or after.allowed > before.allowed:
        return "opened"
    return "closed" if old - new or after.allowed < before.allowed else None


def test_flips_are_those_of_asking_one_by_one(
    folder: Path, history: tuple[Path, dict[str, tuple[Decision, Decision]]]
):
    """
    4,000 records of 300 questions cost no more than 300 evaluations, and the flips are just those
    of comparing every record's decision by itself; nothing opens, so the exit code is 0.
    """
    records, expected = history

    done = _replay(records, "--against", folder / STRICT, "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    closed = [id_ for id_, pair in expected.items() if _kind(*pair) == "closed"]
    assert report["records"] == RECORDS
    assert report["evaluations"] <= QUESTIONS
    assert (report["opened"], report["closed"], report["undecided"]) == (0, len(closed), 0)
    assert closed
    for flip in report["flips"]:
        before, after = expected[flip["example"]]
        assert flip["before"]["decision"] == before.allowed
        assert flip["after"]["permitted"] == (after.context or {})["permitted"]
        assert flip["after"]["reason"] == (after.context or {})["reason"]
    assert sum(count["closed"] for count in report["by_application"].values()) == len(closed)
    assert sum(flip["records"] for flip in report["flips"]) == len(closed)


def test_a_baseline_takes_the_records_place(
    folder: Path, history: tuple[Path, dict[str, tuple[Decision, Decision]]]
):
    """
    With a bundle from before, what it decides is compared, whatever was recorded; back from strict
    to plain opens what was closed, and that is exit code 1.
    """
    records, expected = history
    opened = sum(_kind(*pair) == "closed" for pair in expected.values())

    done = _replay(*(records, "--against", folder / PLAIN, "--baseline", folder / STRICT, "--json"))
    same = _replay(records, "--against", folder / PLAIN)

    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert (report["opened"], report["closed"]) == (opened, 0)
    assert report["unacknowledged"] == len(report["flips"])
    assert same.returncode == 0
    assert same.stdout.splitlines()[1:] == [
        "       0 refusals become permissions",
        "       0 permissions become refusals",
        "       0 are not decided any more",
    ]


def test_what_opens_may_be_acknowledged(
    folder: Path,
    history: tuple[Path, dict[str, tuple[Decision, Decision]]],
    tmp_path: Path,
):
    """
    By clause, action, purpose or application: with all of it acknowledged the exit code is 0, with
    a part of it 1, and the report says how much is left.
    """
    command = (history[0], "--against", folder / PLAIN, "--baseline", folder / STRICT)
    report = json.loads(_replay(*command, "--json").stdout)
    actions = list(report["by_action"])
    file = tmp_path / "acknowledged.yaml"

    def acknowledging(entries: list[Any]) -> subprocess.CompletedProcess[str]:
        file.write_text(yaml.safe_dump({"acknowledged": entries}), "utf-8")
        return _replay(*command, "--acknowledged", file)

    assert acknowledging([{"action": action} for action in actions]).returncode == 0
    some = acknowledging([{"action": action} for action in actions[1:]])
    assert some.returncode == 1
    left = report["by_action"][actions[0]]["opened"]
    assert some.stdout.splitlines()[-1] == f"not acknowledged: {left} records"
    assert acknowledging([{"action": "unheard_of"}]).returncode == 1


def test_each_application_has_its_own_records(folder: Path, opa_binary: Path, tmp_path: Path):
    """
    Of one question that several ask, each counts its own, with a decision of its own as the
    example; and acknowledging one of them leaves the others.
    """
    (asked,) = ({**each, "environment": {"date": DATE}} for each in _opening(folder, opa_binary))
    (strict,) = _decided(folder / STRICT, opa_binary, [asked])
    file = tmp_path / "records.jsonl"
    callers = ["shop", "desk", "shop", "shop", "desk"]
    file.write_bytes(
        b"".join(
            _event(f"d-{number}", asked, strict, caller) for number, caller in enumerate(callers)
        )
    )
    acknowledged = tmp_path / "acknowledged.yaml"
    acknowledged.write_text("acknowledged: [{application: shop}]", "utf-8")
    command = (file, "--against", folder / PLAIN)

    report = json.loads(_replay(*command, "--json").stdout)
    left = _replay(*command, "--acknowledged", acknowledged)

    assert report["evaluations"] == 1
    assert report["by_application"] == {
        "desk": {"opened": 2, "example": "d-1"},
        "shop": {"opened": 3, "example": "d-0"},
    }
    assert report["flips"][0]["applications"] == {"shop": 3, "desk": 2}
    assert left.returncode == 1
    assert left.stdout.splitlines()[-1] == "not acknowledged: 2 records"


def _opening(folder: Path, opa: Path) -> Iterator[Evaluation]:
    """
    Find a request that the strict reading refuses and the plain one permits.
    """
    requests = list(Requests(9).take(QUESTIONS))
    dated = [{**request, "environment": {"date": DATE}} for request in requests]
    plain, strict = (_decided(each, opa, dated) for each in (folder / PLAIN, folder / STRICT))
    opens = (
        request
        for request, new, old in zip(requests, plain, strict, strict=True)
        if new.allowed and not old.allowed
    )
    yield next(opens)


def test_records_decided_in_several_ways_are_compared_each_with_its_own(
    folder: Path, opa_binary: Path, tmp_path: Path
):
    """
    The same question, recorded under two bundles, costs one evaluation; what was refused under the
    strict one opens, what was permitted under the plain one stays.
    """
    (asked,) = ({**each, "environment": {"date": DATE}} for each in _opening(folder, opa_binary))
    (strict,) = _decided(folder / STRICT, opa_binary, [asked])
    (plain,) = _decided(folder / PLAIN, opa_binary, [asked])
    file = tmp_path / "records.jsonl"
    file.write_bytes(_event("d-1", asked, strict, "shop") + _event("d-2", asked, plain, "shop"))

    report = json.loads(_replay(file, "--against", folder / PLAIN, "--json").stdout)

    assert (report["records"], report["evaluations"], report["opened"]) == (2, 1, 1)
    assert [flip["example"] for flip in report["flips"]] == ["d-1"]


def test_the_report_is_a_page_too(
    folder: Path, history: tuple[Path, dict[str, tuple[Decision, Decision]]], tmp_path: Path
):
    """
    One file with the numbers of the report, in which every link leads somewhere, that asks nothing
    of anybody, and in which whatever stood in a record is text.
    """
    evil = "<script>alert('x')</script>"
    asked = {**next(iter(Requests(9).take(1))), "environment": {"date": DATE}}
    result = {"decision": True, "context": {"permitted": [evil], "clauses": [], "reason": evil}}
    event = {"decision_id": evil, "input": asked, "result": result, "requested_by": evil}
    odd = tmp_path / "odd.jsonl"
    odd.write_text(json.dumps(event) + "\n", "utf-8")
    file = tmp_path / "impact.html"

    done = _replay(
        *(history[0], odd, "--against", folder / STRICT, "--html", file, "--json", "--progress")
    )

    report = json.loads(done.stdout)
    page = file.read_text("utf-8")
    read = _Page()
    read.feed(page)
    read.close()
    assert f">{report['closed']:,}<" in page
    assert f"{report['records']:,} records were looked at" in page
    assert evil not in page
    assert "&lt;script&gt;" in page
    assert read.tags.isdisjoint({"script", "link", "img", "iframe"})
    assert read.links
    assert read.links <= {f"#{name}" for name in read.names}
    for what in ("clause", "action", "purpose", "application"):
        assert f"By {what}" in page
        assert set(report[f"by_{what}"]) <= read.texts | {""}
    assert "reading" in done.stderr
    assert "100%" in done.stderr


class _Page(HTMLParser):
    """
    What is on a page.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str | None] = set()
        self.names: set[str | None] = set()
        self.texts: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value for name, value in attrs if name in ("href", "src")}
        self.names |= {value for name, value in attrs if name == "id"}

    def handle_data(self, data: str) -> None:
        self.texts.add(data.strip())


def test_a_page_that_says_that_nothing_flips(
    folder: Path, history: tuple[Path, dict[str, tuple[Decision, Decision]]], tmp_path: Path
):
    """
    It is written all the same; where it cannot be, that is said.
    """
    file = tmp_path / "impact.html"
    command = (history[0], "--against", folder / PLAIN, "--html")

    same = _replay(*command, file)
    refused = _replay(*command, tmp_path / "none" / "impact.html")

    assert same.returncode == 0
    assert "Nothing would have been decided otherwise." in file.read_text("utf-8")
    assert refused.returncode == 2
    assert "impact.html cannot be written: No such file or directory" in refused.stderr


def test_many_records_flip_as_each_one_alone(opa_binary: Path):
    """
    20,000 records of a week, as a sidecar keeps them, and of 1,000 of them each asked alone: the
    same flips, by what they were and would be, by clause, action, purpose and application.
    """
    history = History(20_000, 300, days=2)

    with compared(ROOT / "policies", history, 1_000) as (records, sample, found, _):
        against = records.with_name("changed")
        whole, some = replay(records, against), replay(sample, against)

    assert whole.report["records"] == 20_000
    assert whole.report["evaluations"] <= 2 * 300
    assert Flips.reported(some.report) == found
    assert min(whole.report["opened"], whole.report["closed"]) > 0


@contextmanager
def _recording(folder: Path) -> Iterator[Any]:
    folder.mkdir()
    with running(f"records: {{sink: file, folder: {folder}}}") as sidecar:
        yield sidecar


def test_a_sidecar_s_own_records_are_replayed(folder: Path, tmp_path: Path):
    """
    As it keeps them, with names and unknown words left out: the same policy decides the same again.
    """
    kept = tmp_path / "kept"
    requests = list(Requests(10).take(150))
    with _recording(kept) as sidecar:
        assert sidecar.decide_all(*requests).status == 200
        assert sidecar.decide({**requests[0], "context": {"answer": "bare"}}).status == 200

    same = _replay(kept, "--against", folder / PLAIN, "--json")
    other = _replay(kept, "--against", folder / STRICT, "--json")

    assert (same.returncode, other.returncode) == (0, 0), same.stdout
    assert json.loads(same.stdout)["records"] == 151
    assert json.loads(same.stdout)["flips"] == []
    assert json.loads(other.stdout)["closed"] > 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}\n", ", line 1: it is no record of a decision"),
        (b"\n[1]\n", ", line 2: it is no record of a decision"),
        (
            b'{"decision_id": "d"\n{}\n',
            ", line 1: it is no record of a decision (and 1 more lines)",
        ),
    ],
)
def test_a_line_that_is_no_record_is_named(folder: Path, tmp_path: Path, content: bytes, says: str):
    """
    With its file and its number, and nothing of what stands there; the exit code is 2.
    """
    file = tmp_path / "records.jsonl"
    file.write_bytes(content)

    done = _replay(file, "--against", folder / PLAIN)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"sidecar: {file}{says}"


def test_half_a_line_at_the_end_is_passed_over(
    folder: Path, history: tuple[Path, dict[str, tuple[Decision, Decision]]], tmp_path: Path
):
    """
    A process that was killed may leave that; a broken archive is an error.
    """
    whole = (history[0] / "a.jsonl").read_bytes()
    half = tmp_path / "half.jsonl"
    half.write_bytes(whole[:-20])
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(gzip.compress(whole)[:-20])

    done = _replay(half, "--against", folder / PLAIN, "--json")
    refused = _replay(broken, "--against", folder / PLAIN)

    assert done.returncode == 0
    assert json.loads(done.stdout)["records"] == whole.count(b"\n") - 1
    assert refused.returncode == 2
    assert f"{broken} cannot be read: it is broken off, or damaged" in refused.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "must be a mapping of keys to values"),
        ("other: []", "must hold acknowledged, a list, and nothing else"),
        ("acknowledged: [{}]", "acknowledged.0 must name one or more of clause, action, purpose"),
        ("acknowledged: [{clause: 3}]", "acknowledged.0.clause must be a text, got 3"),
        ("acknowledged: [{who: me}]", "acknowledged.0 must name one or more of clause"),
    ],
)
def test_a_mistake_in_what_is_acknowledged_is_named(
    folder: Path, tmp_path: Path, text: str, says: str
):
    """
    Before anything is evaluated; the exit code is 2.
    """
    file = tmp_path / "acknowledged.yaml"
    file.write_text(text, "utf-8")
    records = tmp_path / "records.jsonl"
    records.write_bytes(b"")

    done = _replay(records, "--against", folder / PLAIN, "--acknowledged", file)

    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_what_is_not_decided_is_told(opa_binary: Path, tmp_path: Path):
    """
    Where the new bundle decides nothing, a record is undecided, refused or not; where the old one
    decided nothing, a permission is new. OPA goes on with the others.
    """
    file = tmp_path / "records.jsonl"
    lines = [
        _event("d-1", evaluation("undefined"), Decision(True, None, ""), "shop"),
        _event("d-2", evaluation("undefined"), Decision(False, None, ""), "desk"),
        _event("d-3", evaluation("read"), Decision(False, None, ""), "desk"),
        _event("d-4", evaluation("permit"), Decision(True, None, ""), "shop"),
    ]
    file.write_bytes(b"".join(lines))
    faulty = build(BUNDLES / "faulty", tmp_path / "faulty.tar.gz", opa=opa_binary).path
    boolean = build(BUNDLES / "boolean", tmp_path / "boolean.tar.gz", opa=opa_binary).path

    done = _replay(file, "--against", faulty)
    report = json.loads(_replay(file, "--against", faulty, "--json").stdout)
    opened = json.loads(_replay(file, "--against", boolean, "--baseline", faulty, "--json").stdout)

    assert done.returncode == 0
    assert "       3 are not decided any more" in done.stdout.splitlines()
    assert "nothing" in done.stdout
    assert (report["opened"], report["closed"], report["undecided"]) == (0, 0, 3)
    assert {flip["after"] for flip in report["flips"]} == {None}
    assert report["by_application"] == {
        "desk": {"undecided": 2, "example": "d-2"},
        "shop": {"undecided": 1, "example": "d-1"},
    }
    assert (opened["opened"], opened["closed"], opened["undecided"]) == (1, 1, 0)
    assert {flip["kind"]: flip["example"] for flip in opened["flips"]} == {
        "opened": "d-3",
        "closed": "d-4",
    }
