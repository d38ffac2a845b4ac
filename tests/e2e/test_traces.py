"""
Traces, as a collector gets them of a sidecar that runs, and of its OPA.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.e2e.collector import Collector
from tests.e2e.keeping import disclosure, printed, stopped
from tests.e2e.serve import Sidecar, free_port, running
from tests.fakes import HangingServer, OddServer
from tests.running import BUNDLES, evaluation, eventually

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
CALLER: Final = "b7ad6b7169203331"
SERVER: Final = "POST /access/v1/evaluation"


@contextmanager
def traced(collector: OddServer, more: str = "", config: str = "") -> Iterator[Sidecar]:
    """
    Run a sidecar that sends its traces.
    """
    with running(f"traces: {{url: '{collector.url}/v1/traces'{more}}}\n{config}") as sidecar:
        yield sidecar


def _asked(sidecar: Sidecar, flags: str = "01", **more: Any) -> str:
    """
    Ask within the caller's trace, and return the decision's name.
    """
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-{flags}"}
    answer = sidecar.post("/access/v1/evaluation", disclosure(**more), **headers)
    assert answer.status == 200
    return answer.headers["x-decision-id"]


def test_one_trace_from_the_caller_to_opa():
    """
    The request's span is below the caller's; parsing, memory and OPA are below it, and OPA's own
    span is below ours of OPA. From memory, OPA is not asked. Record and log name the same trace.
    """
    with Collector() as collector, traced(collector, config="log: {level: info}") as sidecar:
        first, second = _asked(sidecar), _asked(sidecar)
        one, two = sorted(collector.got(2, SERVER), key=lambda span: span.id)
        if one.attributes["sidecar.decision_id"] != first:
            one, two = two, one
        records = {record["decision_id"]: record for record in printed(sidecar, 2)}
        asked = next(span for span in collector.below(one) if span.name == "opa")
        assert eventually(lambda: collector.below(asked))
        logged = sidecar.stderr

    assert {(span.trace, span.parent) for span in (one, two)} == {(TRACE, CALLER)}
    assert one.attributes == {
        "http.request.method": "POST",
        "http.route": "/access/v1/evaluation",
        "http.response.status_code": 200,
        "sidecar.decision_id": first,
    }
    assert two.attributes["sidecar.decision_id"] == second
    assert [span.name for span in collector.below(one)] == ["parse", "memory", "opa"]
    assert [span.name for span in collector.below(two)] == ["parse", "memory"]
    hits = [
        span.attributes["sidecar.memory.hits"]
        for parent in (one, two)
        for span in collector.below(parent)
        if span.name == "memory"
    ]
    assert hits == [0, 1]
    (revision,) = asked.attributes["sidecar.revisions"].values
    assert revision.string_value == records[first]["bundles"]["decision"]["revision"]
    assert [span.service for span in collector.below(asked)] == ["opa"]
    for decision, span in ((first, one), (second, two)):
        assert (records[decision]["trace_id"], records[decision]["span_id"]) == (TRACE, span.id)
    assert logged.count(f'"trace_id": "{TRACE}"') == 2


def test_a_batch_has_one_span_for_each_part():
    """
    However many evaluations there are; a search is drawn too. A path that nobody knows is not told,
    and what only looks whether all is well is not drawn.
    """
    search = {**disclosure(), "subject": {"type": "csw"}}
    with Collector() as collector, traced(collector) as sidecar:
        sidecar.decide_all(disclosure(), disclosure(answer="bare"), disclosure(purpose="other"))
        assert sidecar.post("/access/v1/search/subject", search).status == 200
        assert sidecar.get("/readyz").status == sidecar.get("/metrics").status == 200
        assert sidecar.get("/somewhere/else").status == 404
        (batch,) = collector.got(1, "POST /access/v1/evaluations")
        (searched,) = collector.got(1, "POST /access/v1/search/subject")
        (lost,) = collector.got(1, "GET")

    assert [span.name for span in collector.below(batch)] == ["parse", "memory", "opa"]
    (memory,) = [span for span in collector.below(batch) if span.name == "memory"]
    assert memory.attributes == {"sidecar.memory.asked": 3, "sidecar.memory.hits": 0}
    assert [span.name for span in collector.below(searched)] == ["parse", "opa"]
    assert batch.parent == searched.parent == ""
    assert lost.attributes == {"http.request.method": "GET", "http.response.status_code": 404}
    ours = {span.name for span in collector.spans if span.service == "sidecar"}
    assert ours == {batch.name, searched.name, lost.name, "parse", "memory", "opa"}


def test_what_is_drawn():
    """
    The caller says whether its trace is drawn; of the others, as many as are set. OPA draws what we
    draw.
    """
    config = "memory: {entries: 0}"
    with Collector() as collector, traced(collector, ", sample: 0", config) as sidecar:
        _asked(sidecar, "00")
        sidecar.decide(disclosure())
        wanted = _asked(sidecar, "01", answer="explain")
        # At its end OPA sends nothing more.
        assert eventually(lambda: any(span.service == "opa" for span in collector.spans))
        stopped(sidecar)

    (drawn,) = collector.got(1, SERVER)
    assert drawn.attributes["sidecar.decision_id"] == wanted
    assert {span.trace for span in collector.spans} == {TRACE}
    assert {span.service for span in collector.spans} == {"sidecar", "opa"}


def test_a_stop_loses_no_span():
    """
    Each request of several workers has its span, and those below, once they have ended.
    """
    config = "server: {workers: 3}\nmemory: {entries: 0}"
    with Collector() as collector, traced(collector, config=config) as sidecar:
        answers = [sidecar.decide(disclosure()) for _ in range(60)]
        decisions = {answer.headers["x-decision-id"] for answer in answers}
        stopped(sidecar)

    drawn = collector.got(60, SERVER)
    assert {span.attributes["sidecar.decision_id"] for span in drawn} == decisions
    assert len({span.trace for span in drawn}) == 60
    for span in drawn:
        assert [below.name for below in collector.below(span)] == ["parse", "memory", "opa"]


def test_what_fails_is_told_by_its_code():
    """
    Where OPA fails, the spans say so: by the error's code, and nothing else.
    """
    with Collector() as collector:
        config = f"traces: {{url: '{collector.url}/v1/traces'}}"
        with running(config, SIDECAR_BUNDLE=str(BUNDLES / "faulty")) as sidecar:
            answer = sidecar.decide(evaluation("contradict"))
            (drawn,) = collector.got(1, SERVER)

    assert (answer.status, answer.code) == (503, "evaluation_failed")
    (asked,) = [span for span in collector.below(drawn) if span.name == "opa"]
    assert drawn.failed and asked.failed
    assert asked.attributes == {"error.type": "evaluation_failed"}
    assert drawn.attributes["http.response.status_code"] == 503


def test_a_collector_that_is_away_fails_no_decision():
    """
    Nor one that never answers: decisions are made, and a stop has an end.
    """
    with HangingServer() as hanging:
        for url in (f"http://127.0.0.1:{free_port()}", hanging.url):
            config = f"traces: {{url: '{url}/v1/traces', waiting: 512, upload_within_s: 1}}"
            with running(config) as sidecar:
                told = [sidecar.decide(disclosure()).status for _ in range(50)]
                stopped(sidecar)
            assert told == [200] * 50
        assert hanging.requests
