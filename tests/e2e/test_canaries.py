"""
Whatever callers send, wherever it stands: none of it is seen from outside. Each place has a word of
its own, so that what gets out says where it came from.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.collector import Collector
from tests.e2e.keeping import disclosure, printed, records_of, stopped
from tests.e2e.serve import Answer, Sidecar, alive, free_port, running
from tests.running import eventually

REQUEST_ID: Final = "the name of a request"
IDS: Final = frozenset(
    {
        "subject/id",
        "resource/id",
        "recipient/id",
        "evidence/reference",
        "route/customer",
        REQUEST_ID,
    }
)
ROUTES: Final = """\
routes:
  - match: {method: POST, path: "/customers/{customer}/sale"}
    ask:
      subject: {type: csw, id: sales-service}
      action: sell
      resource: {id: {path: customer}, categories: [company_name]}
      recipient: {type: third_party, id: broker}
      purpose: fulfil_request
"""


class Canaries:
    """
    Words that stand in one place each.
    """

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def at(self, place: str) -> str:
        """
        Make the word of a place.
        """
        word = f"cana{len(self._places):04d}ry"
        self._places[word] = place
        return word

    def seen(self, text: str) -> set[str]:
        """
        Say the words of which places stand in a text.
        """
        return {place for word, place in self._places.items() if word in text.lower()}


def _permitted(canaries: Canaries) -> dict[str, Any]:
    """
    Make an evaluation that is decided by what it should hold, with words wherever else they can be.
    """
    at = canaries.at
    asked = disclosure()
    asked["resource"]["properties"]["categories"] = ["company_name"]
    asked["subject"] |= {"id": at("subject/id"), at("subject"): at("subject/unknown")}
    asked["subject"]["properties"] = {at("subject/property"): at("subject/property value")}
    asked["action"]["properties"] = {at("action/property"): [at("action/property value")]}
    asked["resource"] |= {"id": at("resource/id"), at("resource"): at("resource/unknown")}
    asked["resource"]["properties"][at("resource/property")] = {at("deep name"): [at("deep value")]}
    context = asked["context"]
    context["recipient"] |= {"id": at("recipient/id"), at("recipient"): at("recipient/unknown")}
    context["facts"][at("unknown fact")] = at("value of an unknown fact")
    context["evidence"] = {
        "third_party_bound": at("evidence/reference"),
        at("evidence for an unknown fact"): at("reference for an unknown fact"),
    }
    context[at("context")] = at("context/unknown")
    return {**asked, at("member"): at("member value")}


def _refused(canaries: Canaries) -> dict[str, Any]:
    """
    Make an evaluation with a word in place of each term.
    """
    at = canaries.at
    return {
        "subject": {"type": at("subject/type"), "id": at("subject/id")},
        "action": {"name": at("action/name")},
        "resource": {
            "type": at("resource/type"),
            "id": at("resource/id"),
            "properties": {"categories": [at("category"), "company_name"]},
        },
        "context": {
            "purpose": [at("purpose"), at("another purpose")],
            "answer": at("answer"),
            "recipient": {"type": at("recipient/type"), "id": at("recipient/id")},
            "facts": {
                "processing_ground": at("term of a fact"),
                "consent": at("text for a truth"),
                "aggregate_size": at("text for a number"),
                "recipient_country": at("text of a fact"),
                "consent_scope": [at("list of a fact")],
            },
        },
    }


def _malformed(canaries: Canaries) -> Iterator[object]:
    """
    Make bodies that are no evaluation.
    """
    at = canaries.at
    whole = _permitted(canaries)
    yield f'{{"{at("a name in broken JSON")}'.encode()
    yield json.dumps(at("a text alone"))
    yield b"\xff" + at("no UTF-8").encode()
    yield f'{{"{at("a name twice")}": 1, "subject": 1}}'.encode()
    yield whole | {"subject": at("a text for a subject")}
    yield whole | {"action": {at("an action without a name"): 1}}
    yield whole | {"context": [at("a list for a context")]}
    yield {"evaluations": [whole, {"action": at("a text in a batch")}]}
    yield {"evaluations": [whole], "options": {"evaluations_semantic": at("semantic")}}
    yield {"evaluations": at("a text for evaluations")}
    yield {**whole, "page": {"token": at("page token")}}


def _asked(sidecar: Sidecar, canaries: Canaries) -> Iterator[Answer]:
    """
    Ask all that can be asked, with words in each header too.
    """
    at = canaries.at
    headers = {
        "User-Agent": at("User-Agent"),
        "Cookie": f"{at('cookie name')}={at('cookie')}",
        "Authorization": f"Bearer {at('Authorization')}",
        "traceparent": at("traceparent"),
        "tracestate": f"{at('tracestate name')}={at('tracestate')}",
        "baggage": f"{at('baggage name')}={at('baggage')}",
        "X-Forwarded-For": at("X-Forwarded-For"),
        "Referer": f"https://{at('Referer')}/",
        f"X-{at('header name')}": at("header"),
        "X-Request-ID": at(REQUEST_ID),
    }
    for body in (_permitted(canaries), _refused(canaries), *_malformed(canaries)):
        for path in ("evaluation", "evaluations", "search/subject", "search/resource"):
            query = f"{at('query name')}={at('query')}"
            yield sidecar.post(f"/access/v1/{path}?{query}", body, **headers)
    items = {"evaluations": [_permitted(canaries), _refused(canaries), {}]}
    yield sidecar.post("/access/v1/evaluations", items, **headers)
    yield sidecar.post("/access/v1/evaluation", b"{}", **{"Content-Type": at("Content-Type")})
    yield sidecar.post(f"/access/v1/{at('path')}", {}, **headers)
    yield sidecar.get(f"/{at('path of nothing')}?{at('query of nothing')}", **headers)
    for path in ("/customers/{}/sale", "/{}", "/customers/%2e%2e/{}"):
        told = {
            "X-Original-URI": f"{path.format(at('route/customer'))}?{at('query of a proxy')}",
            "X-Original-Method": "POST",
        }
        yield sidecar.get("/forward-auth", **headers, **told)
    told = {"X-Original-URI": "/", "X-Original-Method": at("method of a proxy")}
    yield sidecar.get("/forward-auth", **headers, **told)


def _of(answer: Answer) -> str:
    kept = {name: text for name, text in answer.headers.items() if name != "x-request-id"}
    return f"{kept} {answer.content.decode()}"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """
    All that is seen from outside is on, and says as much as it can.
    """
    (tmp_path / "key").write_text("a key of some length")
    (tmp_path / "routes.yaml").write_text(ROUTES, "utf-8")
    return f"""
log: {{level: debug}}
forward_auth: {{routes: {tmp_path}/routes.yaml, proxy: nginx}}
server: {{workers: 2}}
"""


@pytest.mark.parametrize("ids", ["drop", "hash", "clear"])
def test_nothing_that_callers_send_gets_out(tmp_path: Path, config: str, ids: str):
    """
    Not in records, logs, metrics, traces, errors, nor in what /readyz says: but for ids in records
    where they are set to be in clear, and a request's own name in the log.
    """
    canaries = Canaries()
    with Collector() as collector:
        config += f"""
records: {{ids: {ids}, key: {tmp_path}/key}}
traces: {{url: '{collector.url}/v1/traces'}}
"""
        with running(config) as sidecar:
            answers = list(_asked(sidecar, canaries))
            printed(sidecar, 10)
            told = {path: _of(sidecar.get(path)) for path in ("/metrics", "/readyz", "/healthz")}
            assert collector.got(10, "opa")
            stopped(sidecar)
            found = records_of(sidecar.stdout)
            told |= {"stdout": sidecar.stdout, "stderr": sidecar.stderr}
    told |= {"traces": b"\n".join(collector.bodies).decode("utf-8", "replace")}
    told |= {f"answer {n}": _of(answer) for n, answer in enumerate(answers) if _is_error(answer)}

    assert "/access/v1/evaluations" in told["traces"]
    out = {where: canaries.seen(text) for where, text in told.items()}
    expected: dict[str, set[str]] = {**{where: set() for where in told}, "stderr": {REQUEST_ID}}
    if ids == "clear":
        expected["stdout"] = set(IDS)
    assert out == expected
    assert {record["result"]["decision"] for record in found} == {True, False}
    assert {record["custom"]["endpoint"] for record in found} == {
        *("/access/v1/evaluation", "/access/v1/evaluations", "/forward-auth")
    }
    assert {answer.status for answer in answers} >= {200, 400, 403, 404}


def test_nothing_gets_out_where_no_decision_can_be_made(config: str):
    """
    Nor where OPA is away: all that is asked is 503, or was wrong before.
    """
    canaries = Canaries()
    away = f"http://127.0.0.1:{free_port()}"
    with alive(config, SIDECAR_OPA_URL=away) as sidecar:
        answers = list(_asked(sidecar, canaries))
        told = {path: _of(sidecar.get(path)) for path in ("/metrics", "/readyz")}
        assert eventually(lambda: "no decision" in sidecar.stderr)
        stopped(sidecar)
        told |= {"stdout": sidecar.stdout, "stderr": sidecar.stderr}
    told |= {f"answer {number}": _of(answer) for number, answer in enumerate(answers)}

    assert {where: seen for where, text in told.items() if (seen := canaries.seen(text))} == {
        "stderr": {REQUEST_ID}
    }
    assert {answer.status for answer in answers} >= {400, 404, 503}


def _is_error(answer: Answer) -> bool:
    return answer.status not in (200, 403) or answer.code is not None
