"""
sidecar.api.metrics: which form metrics are told in, and what OPA tells of itself.
"""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from sidecar.api.metrics import without_messages
from sidecar.app import create_app
from sidecar.bundle.build import BuiltBundle
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.settings import Settings
from tests.running import evaluation, opa_running

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


@pytest.fixture
def client(
    opa_binary: Path, built: Callable[[str], BuiltBundle], socket_path: Path, tmp_path: Path
) -> Iterator[FlaskClient]:
    """
    A client of an application with a real OPA.
    """
    endpoint = Endpoint(f"unix://{socket_path}")
    bundle = built("faulty").path
    with opa_running(opa_binary, endpoint, "--bundle", bundle, log=tmp_path / "log"):
        opa = Opa(endpoint)
        yield create_app(Settings(), Engine(opa)).test_client()
        opa.close_connection()


@pytest.fixture
def nobody(tmp_path: Path) -> FlaskClient:
    """
    A client of an application whose OPA is not there.
    """
    return create_app(Settings(), Engine(Opa(Endpoint(f"unix://{tmp_path}/none")))).test_client()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, PLAIN),
        ("", PLAIN),
        ("*/*", PLAIN),
        ("text/plain", PLAIN),
        ("image/png", PLAIN),
        ("application/openmetrics-text", OPEN),
        ("application/openmetrics-text; version=1.0.0", OPEN),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.1", OPEN),
        ("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5", PLAIN),
        ("application/openmetrics-text;version=9.9", PLAIN),
        ("application/openmetrics-text;version=zz%0d", PLAIN),
        ("application/openmetrics-text;q=0", PLAIN),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", PLAIN),
        ("text/plain;q=0.2,application/openmetrics-text;q=0.9", OPEN),
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
            "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPEN,
        ),
    ],
)
def test_the_form_that_is_wanted_most(nobody: FlaskClient, accept: str | None, content_type: str):
    """
    OpenMetrics is told where it is asked for before plain text, and nothing asked for is echoed.
    """
    answer = nobody.get("/metrics", headers={} if accept is None else {"Accept": accept})
    read = openmetrics if content_type == OPEN else plain

    assert (answer.status_code, answer.content_type) == (200, content_type)
    assert any(family.name == "privacy_ready" for family in read(answer.text))


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        *[(None, False), ("identity", False), ("gzip;q=0", False), ("br", False)],
        *[("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True)],
    ],
)
def test_compressed_where_that_is_wanted(nobody: FlaskClient, accepted: str | None, packed: bool):
    """
    What is compressed says so, and holds the same.
    """
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    answer = nobody.get("/metrics", headers=headers)
    content = gzip.decompress(answer.data) if packed else answer.data

    assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert b"privacy_ready 0.0" in content


def _exemplars(client: FlaskClient) -> dict[float, str]:
    told = client.get("/metrics", headers={"Accept": "application/openmetrics-text"}).text
    return {
        float(sample.labels["le"]): sample.exemplar.labels["trace_id"]
        for family in openmetrics(told)
        for sample in family.samples
        if sample.exemplar
    }


@pytest.mark.parametrize(
    "path", ["/access/v1/evaluation", "/access/v1/evaluations"], ids=["alone", "many"]
)
def test_traces_are_examples(client: FlaskClient, path: str):
    """
    A request in a trace that is kept is an exemplar of the bucket that it fell into; where plain
    text is asked for there are none.
    """
    asked = evaluation("permit")
    body = {"evaluations": [asked]} if path.endswith("s") else asked
    client.post(path, json=body, headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})

    assert set(_exemplars(client).values()) == {TRACE}
    assert TRACE not in client.get("/metrics").text


@pytest.mark.parametrize(
    "header",
    [
        *[f"00-{TRACE}-{SPAN}-00", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01"],
        *[f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{SPAN}-01", "secret", ""],
    ],
)
def test_what_is_no_kept_trace_is_no_example(client: FlaskClient, header: str):
    """
    A trace that nobody keeps leads nowhere; what is no trace is a caller's own words.
    """
    client.post("/access/v1/evaluation", json=evaluation("permit"), headers={"traceparent": header})

    assert _exemplars(client) == {}


def test_opa_s_own_metrics(client: FlaskClient):
    """
    They are passed on, whatever OPA listens on, as OPA names them.
    """
    client.post("/access/v1/evaluation", json=evaluation("permit"))
    answer = client.get("/metrics/opa")
    names = {sample.name for family in plain(answer.text) for sample in family.samples}

    assert (answer.status_code, answer.content_type) == (200, PLAIN)
    assert names >= {
        "http_request_duration_seconds_count",
        "go_goroutines",
        "go_gc_heap_allocs_bytes_total",
    }


def test_an_opa_that_says_nothing_is_no_failed_decision(nobody: FlaskClient):
    """
    Prometheus is told that OPA is away, and nothing is counted as if a decision had failed.
    """
    answer = nobody.get("/metrics/opa")

    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "engine_unreachable")
    assert "engine_unreachable" not in nobody.get("/metrics").text


def test_messages_are_left_out():
    """
    Words of OPA's that tell failures apart are not passed on: the failures are added up.
    """
    head = "# TYPE bundle_failed_load_counter counter\n"
    said = (
        'a_metric{message="stays"} 1\n'
        f"{head}"
        'bundle_failed_load_counter{code="c",message="say \\"no\\", {x} 5",name="b"} 2\n'
        'bundle_failed_load_counter{code="c",message="",name="b"} 3\n'
        'bundle_failed_load_counter{code="d",message="m",name="b"} 1\n'
        "z_metric 4\n"
    )

    assert without_messages(said) == (
        'a_metric{message="stays"} 1\n'
        f"{head}"
        'bundle_failed_load_counter{code="c",name="b"} 5.0\n'
        'bundle_failed_load_counter{code="d",name="b"} 1.0\n'
        "z_metric 4\n"
    )
