"""
Records in a store that speaks S3: asked and replayed as if they lay in a folder.
"""

import gzip
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from sidecar.engine.decision import Decision
from sidecar.records import source
from sidecar.records.folder import Segment
from sidecar.records.query import Records
from sidecar.records.questions import Wanted, find
from sidecar.records.source import Source
from sidecar.replay.deciding import policy
from tests.e2e.serve import ROOT
from tests.properties.generator import Requests
from tests.s3.server import Store

DATE: Final = "2026-11-24"
CHAIN: Final = "01a20f1a-e03d-7cdb-8cbe-f12368dcaf97"
RECORDS: Final = 90


def _sidecar(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def events(opa_binary: Path) -> list[dict[str, Any]]:
    """
    Records of what the agreement decides.
    """
    asked = [{**each, "environment": {"date": DATE}} for each in Requests(3).take(RECORDS)]
    with policy(ROOT / "policies", opa_binary) as deciding:
        decided = deciding.engine.decide_as_of(asked)
    return [
        {
            "decision_id": f"d-{number:03}",
            "timestamp": f"{DATE}T10:00:00Z",
            "requested_by": "shop",
            "input": question,
            "result": {"decision": outcome.allowed, "context": outcome.context},
        }
        for number, (question, outcome) in enumerate(zip(asked, decided, strict=True))
        if isinstance(outcome, Decision)
    ]


def _lines(events: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


@pytest.fixture(scope="module")
def bucket(
    store: Store, events: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """
    A bucket with records of all kinds, and with what is none.
    """
    here = tmp_path_factory.mktemp("bucket")
    (here / "last").write_bytes(_lines(events[60:]))
    duckdb.sql(
        f"""
        COPY (
            SELECT json->>'$.decision_id' AS decision_id, json->>'$.timestamp' AS timestamp,
                   json->>'$.requested_by' AS requested_by,
                   json->'$.input' AS input, json->'$.result' AS result
            FROM read_json_objects('{here}/last', format='newline_delimited')
        ) TO '{here}/last.parquet'
        """
    )
    half = Segment(CHAIN, 1, open=True).name
    whole = Segment(CHAIN, 1, packed=True).name
    name = f"b-{uuid.uuid4()}"
    store.filled(
        name,
        {
            # Copied while it was written, and again once it was whole.
            f"records/2026/{half}": _lines(events[:10]) + b'{"decision_',
            f"records/2026/{whole}": gzip.compress(_lines(events[:30])),
            "records/2026/more.jsonl": _lines(events[30:60]),
            "records/2026/last.parquet": (here / "last.parquet").read_bytes(),
            "records/2026/checkpoints.jsonl": b"{}\n",
            "records/2026/notes.txt": b"nothing",
            "records2/other.jsonl": _lines(events[:5]),
            "records/bad/a.jsonl": b"{}\n",
        },
    )
    return name


@pytest.mark.parametrize("files", [1, 200])
@pytest.mark.parametrize(
    ("place", "count"),
    [
        ("records/2026", RECORDS),
        ("records/2026/", RECORDS),
        ("records/2026/more.jsonl", 30),
        ("records2", 5),
    ],
)
def test_objects_are_read_as_files_are(
    store: Store,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    count: int,
    files: int,
):
    """
    Below a prefix, which ends at a slash, or one by its key; each record once, in whatever batches
    they are fetched.
    """
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(source, "_FILES", files)

    found = find(Records(Source([f"s3://{bucket}/{place}"])), Wanted(), 1000)

    assert sorted(each.decision_id for each in found) == [
        each.decision_id for each in reversed(found)
    ]
    assert len(found) == len({each.decision_id for each in found}) == count


def test_records_in_a_store_are_replayed_and_asked(store: Store, bucket: str):
    """
    By the commands, with what the environment says of the store: the same policy decides the same.
    """
    place = f"s3://{bucket}/records/2026"

    replayed = _sidecar(
        store.environment, "replay", place, "--against", f"{ROOT}/policies", "--json"
    )
    found = _sidecar(store.environment, "records", "find", place, "--limit", "1000")
    ledger = _sidecar(store.environment, "records", "clauses", place, "--format", "json")
    shown = _sidecar(store.environment, "records", "show", "d-070", place)

    assert replayed.returncode == 0, replayed.stderr
    report = json.loads(replayed.stdout)
    assert (report["records"], report["flips"]) == (RECORDS, [])
    assert len(found.stdout.splitlines()) == 1 + RECORDS
    assert any(row["permitted"] for row in json.loads(ledger.stdout))
    assert "decides the same" in shown.stdout


@pytest.mark.parametrize(
    ("place", "environment", "says"),
    [
        ("s3://{bucket}/none", {}, "holds no files of records"),
        ("s3://no-such-bucket", {}, "cannot be read: the store says NoSuchBucket"),
        (
            "s3://{bucket}/records",
            {"AWS_SECRET_ACCESS_KEY": "another"},
            "cannot be read: the store says SignatureDoesNotMatch",
        ),
        (
            "s3://{bucket}/records",
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"},
            "cannot be read: EndpointConnectionError",
        ),
        ("s3://{bucket}/records/bad", {}, "bad/a.jsonl, line 1: it is no record of a decision"),
    ],
    ids=["nothing", "bucket", "secret", "away", "line"],
)
def test_what_goes_wrong_with_a_store_is_said(
    store: Store, bucket: str, place: str, environment: dict[str, str], says: str
):
    """
    In one sentence that names the address; the exit code is 2.
    """
    place = place.format(bucket=bucket)

    done = _sidecar(
        {**store.environment, **environment}, "replay", place, "--against", f"{ROOT}/policies"
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"sidecar: {place}")
    assert says in done.stderr
