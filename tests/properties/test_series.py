"""
The number of series is bounded by the vocabulary: neither odd requests nor new revisions make more.
"""

import io
import json
import os
import tarfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from sidecar.app import create_app
from sidecar.bundle.build import BuiltBundle, build
from sidecar.delivery.failure import CODES
from sidecar.delivery.guard import Guard
from sidecar.delivery.settings import Bundles
from sidecar.delivery.state import State, StateFile
from sidecar.engine.bundle_info import BundleInfo
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.memory import Memory
from sidecar.errors import codes
from sidecar.settings import Settings
from tests.e2e.serve import ROOT
from tests.properties.generator import Requests
from tests.running import eventually, opa_running

# All of them with SERIES=all: `make test-series`.
REQUESTS, REVISIONS = (5000, 1000) if os.environ.get("SERIES") == "all" else (1000, 150)
SEED: Final = 20201117

# Outcomes with their reasons, as the policy pairs them: one that permits has one reason, what is
# permitted in part is mixed, and each other reason denies.
ALONE: Final = {"permitted": "permitted", "mixed": "partial"}
EFFECTS: Final = 5
STAGES: Final = 4
# Those of the histogram, with that for all else; then its sum and its count.
PER_STAGE: Final = 14 + 2
# How soon an entry ends: past, 7d, 30d, later, never.
ENDS: Final = 5
RESULTS: Final = {
    "privacy_decision_cache": 3,
    "privacy_route_table_reads": 2,
    "privacy_decision_records": 4,
}
NOW: Final = {
    "privacy_ready": 1,
    "privacy_engine_restarts": 1,
    "privacy_bundle_info": 1,
    "privacy_bundle_age_seconds": 1,
    "privacy_bundle_last_success_timestamp_seconds": 1,
    "privacy_bundle_activation_failures": len(CODES),
}


def bounds(info: BundleInfo) -> dict[str, int]:
    """
    Compute how many series each metric may have, from what the bundle says of its vocabulary. Each
    label may be `other` too.
    """
    assert info.agreement is not None and info.agreement.registers is not None
    count = {name: len(terms) + 1 for name, terms in info.agreement.terms.items()}
    return {
        # Each reason has one outcome; an unknown one may have any of three.
        "privacy_decisions": (count["reason"] - 1 + 3) * count["action"] * count["purpose"],
        "privacy_clause_decisions": (len(info.agreement.clauses) + 1) * (EFFECTS + 1),
        "privacy_obligations": count["obligation"],
        "privacy_missing_facts": count["fact"],
        "privacy_decision_duration_seconds": STAGES * PER_STAGE,
        "privacy_decision_errors": len(codes()),
        "privacy_register_entries": len(info.agreement.registers.kinds) * ENDS,
        **RESULTS,
        **NOW,
    }


def series(client: FlaskClient) -> dict[str, int]:
    """
    Count the series of each metric that is told.
    """
    counted: Counter[str] = Counter()
    for family in text_string_to_metric_families(client.get("/metrics").text):
        # When a series was made is told only of a process that is alone.
        if not family.name.endswith("_created"):
            counted[family.name] += len(family.samples)
    return dict(counted)


def over(client: FlaskClient, allowed: dict[str, int]) -> dict[str, int]:
    """
    Find the metrics that have more series than they may; one that has no bound may have none.
    """
    return {name: n for name, n in series(client).items() if n > allowed.get(name, 0)}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


def _application(endpoint: Endpoint, folder: Path, read: State | None = None) -> FlaskClient:
    file = StateFile(folder)
    file.write(read or State({"bundle": "r"}, fixed=True))
    guard = Guard(file, Bundles(), judges=False)
    engine = Engine(Opa(endpoint), memory=Memory(10_000, 33_554_432), guard=guard)
    return create_app(Settings(), engine, lambda: 0).test_client()


def _odd(request: dict[str, Any], number: int) -> Any:
    """
    Make some requests odder than the generator does: not AuthZEN, or with names that nobody knows.
    """
    unheard = f"unheard-{number}"
    match number % 8:
        case 1:
            return {**request, "action": {"name": unheard}}
        case 2:
            return {**request, "context": {**request.get("context", {}), "purpose": unheard}}
        case 3:
            return {**request, "context": {**request.get("context", {}), "facts": {unheard: True}}}
        case 4:
            return {key: value for key, value in request.items() if key != "resource"}
        case 5:
            return {**request, "action": {"name": number}}
        case 6:
            return [unheard]
    return request


def test_odd_requests_make_no_more_series(opa_binary: Path, socket_path: Path, tmp_path: Path):
    """
    Most of them are odd: no metric has more series than the vocabulary allows, and reasons and
    outcomes go together as the bound assumes.
    """
    bundle = tmp_path / "bundle.tar.gz"
    build(ROOT / "policies", bundle, opa=opa_binary)
    endpoint = Endpoint(f"unix://{socket_path}")
    with opa_running(opa_binary, endpoint, "--bundle", bundle, log=tmp_path / "log"):
        client = _application(endpoint, tmp_path)
        reader = Opa(endpoint)
        allowed = bounds(BundleInfo.read(reader))
        reader.close_connection()
        statuses = Counter(
            client.post("/access/v1/evaluation", json=_odd(request, number)).status_code
            for number, request in enumerate(Requests(SEED).take(REQUESTS))
        )
        pairs = {
            (sample.labels["reason"], sample.labels["outcome"])
            for family in text_string_to_metric_families(client.get("/metrics").text)
            for sample in family.samples
            if sample.name == "privacy_decisions_total"
        }

        assert over(client, allowed) == {}
        assert sum(series(client).values()) < sum(allowed.values())
    assert sum(statuses.values()) == REQUESTS
    assert statuses[200] > REQUESTS / 2 and statuses[400] > REQUESTS / 4
    assert {outcome for _, outcome in pairs} == {"permitted", "partial", "denied"}
    assert all(outcome == ALONE.get(reason, "denied") for reason, outcome in pairs)


class Shop:
    """
    Hands out one revision after the other to an OPA that waits for the next (long polling).

    Args:
        bundle: What is handed out, under another revision each time.
    """

    def __init__(self, bundle: Path) -> None:
        self._files: list[tuple[tarfile.TarInfo, bytes]] = []
        with tarfile.open(bundle) as tar:
            for member in tar.getmembers():
                file = tar.extractfile(member)
                self._files.append((member, file.read() if file else b""))
        self._offered = threading.Condition()
        self._revision = ""
        self._ended = False

    def offer(self, revision: str) -> None:
        """
        Have a revision for whoever waits.
        """
        with self._offered:
            self._revision = revision
            self._offered.notify_all()

    def end(self) -> None:
        """
        Let nobody wait any longer.
        """
        with self._offered:
            self._ended = True
            self._offered.notify_all()

    def after(self, known: str | None) -> tuple[str, bytes]:
        """
        Wait for another revision than one, and hand it out.
        """
        with self._offered:
            self._offered.wait_for(lambda: self._ended or self._revision not in ("", known))
            revision = self._revision
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as tar:
            for member, file in self._files:
                if member.name.endswith(".manifest"):
                    file = json.dumps({**json.loads(file), "revision": revision}).encode()
                    member.size = len(file)
                tar.addfile(member, io.BytesIO(file))
        return revision, content.getvalue()


@pytest.fixture
def shop(built: Callable[[str], BuiltBundle]) -> Iterator[tuple[Shop, str]]:
    """
    A shop with a small bundle, and where it is.
    """
    made = Shop(built("directory").path)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            revision, content = made.after(self.headers["If-None-Match"])
            self.send_response(200)
            # What says that the shop knows how to keep somebody waiting.
            self.send_header("Content-Type", "application/vnd.openpolicyagent.bundles")
            self.send_header("ETag", revision)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                # OPA has ended.
                return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield made, f"http://127.0.0.1:{server.server_address[1]}"
        made.end()
        server.shutdown()
        thread.join()


def test_new_revisions_make_no_more_series(
    opa_binary: Path, socket_path: Path, tmp_path: Path, shop: tuple[Shop, str]
):
    """
    Each is activated by a real OPA that fetches it, decided by and told of: one series tells of the
    active one, and nothing is left of those before.
    """
    offered, url = shop
    offered.offer("r0")
    polling = {"long_polling_timeout_seconds": 60}
    config = {
        "services": {"shop": {"url": url}},
        "bundles": {"b": {"service": "shop", "resource": "b", "polling": polling}},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    endpoint = Endpoint(f"unix://{socket_path}")
    arguments = ("--config-file", tmp_path / "config.yaml")
    with opa_running(opa_binary, endpoint, *arguments, log=tmp_path / "log"):
        client = _application(endpoint, tmp_path)
        seen: list[dict[str, int]] = []
        for number in range(REVISIONS):
            offered.offer(f"r{number}")

            def active(revision: str = f"r{number}") -> bool:
                return bool(client.get("/readyz").get_json()["revision"] == revision)

            assert eventually(active)
            asked = {
                "subject": {"type": "user", "id": "s"},
                "action": {"name": f"read-{number}"},
                "resource": {"type": "record", "id": f"{number}"},
            }
            assert client.post("/access/v1/evaluation", json=asked).status_code == 200
            if number in (0, REVISIONS // 2, REVISIONS - 1):
                seen.append(series(client))
                assert f'revision="r{number}"' in client.get("/metrics").text
        offered.end()

    assert seen[0] == seen[1] == seen[2]
    assert seen[0]["privacy_bundle_info"] == 1
