"""
Searches: page after page, with a real OPA behind.
"""

import json
from typing import Any

import pytest

from tests.contract.asking import Ask, Request, changed, named
from tests.contract.conftest import Sidecar

SEARCHES = {
    "subject": "which_parties",
    "resource": "which_categories",
    "action": "which_actions",
}

on_privacy = pytest.mark.parametrize("sidecar", ["privacy"], indirect=True)
on_directory = pytest.mark.parametrize("sidecar", ["directory"], indirect=True)
by_each_way = pytest.mark.parametrize("way", ("flask", "gunicorn"))


def found(ask: Ask, kind: str, body: dict[str, Any], **page: Any) -> Any:
    """
    Search.
    """
    content = json.dumps({**body, "page": page} if page else body).encode()
    return ask(Request(content, f"/access/v1/search/{kind}")).json


def all_of(ask: Ask, kind: str, body: dict[str, Any], limit: int) -> list[Any]:
    """
    Search, page after page.
    """
    page = found(ask, kind, body, limit=limit)
    results = page["results"]
    while token := page["page"]["next_token"]:
        page = found(ask, kind, body, limit=limit, token=token)
        results += page["results"]
    return list(results)


@by_each_way
@on_privacy
@pytest.mark.parametrize("kind", SEARCHES)
def test_what_is_found_is_permitted_and_nothing_else(sidecar: Sidecar, way: str, kind: str):
    """
    Each result, evaluated, is permitted; of the vocabulary no other entity is.
    """
    ask, body = sidecar.ways[way], named(SEARCHES[kind])
    results = found(ask, kind, body)["results"]

    assert results
    for entity in results:
        asked = Request(json.dumps({**body, kind: entity}).encode())
        assert ask(asked).json["decision"] is True


@on_privacy
def test_terms_that_are_not_found_are_not_permitted(sidecar: Sidecar):
    """
    Of all actions that there are, those that are not found are refused.
    """
    ask, body = sidecar.ways["flask"], named("which_actions")
    names = {action["name"] for action in found(ask, "action", body)["results"]}

    for name in {"sell", "publish", "use", "share", "transfer", "notify"} - names:
        asked = Request(json.dumps({**body, "action": {"name": name}}).encode())
        assert ask(asked).json["decision"] is False


@by_each_way
@on_directory
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_together_are_the_whole(sidecar: Sidecar, way: str, limit: int):
    """
    Page after page, everything is found once and in order, however large the pages are.
    """
    ask, body = sidecar.ways[way], named("view")
    del body["action"]
    whole = found(ask, "action", body)["results"]

    assert len(whole) == 2
    assert all_of(ask, "action", body, limit) == whole


@on_directory
def test_a_token_keeps_the_limit(sidecar: Sidecar):
    """
    Where the limit is left out beside a token, it stays what it was.
    """
    ask = sidecar.ways["flask"]
    first = found(ask, "resource", named("view"), limit=1)
    second = found(ask, "resource", named("view"), token=first["page"]["next_token"])

    assert second["page"] == {"next_token": "", "count": 1, "total": 2}


@on_directory
@pytest.mark.parametrize(
    ("kind", "put", "page", "path"),
    [
        ("subject", {"/resource/id": "record-2"}, {}, "/page/token"),
        ("subject", {"/action": {"name": "edit"}}, {}, "/page/token"),
        ("subject", {"/context": {"a": 1}}, {}, "/page/token"),
        ("subject", {}, {"properties": {"a": 1}}, "/page/token"),
        ("subject", {}, {"limit": 2}, "/page/limit"),
        ("resource", {}, {}, "/page/token"),
    ],
)
def test_a_token_is_for_the_search_it_came_from(
    sidecar: Sidecar, kind: str, put: dict[str, Any], page: dict[str, Any], path: str
):
    """
    With anything else than before, a token is refused and nothing is found.
    """
    ask = sidecar.ways["flask"]
    token = found(ask, "subject", named("view"), limit=1)["page"]["next_token"]
    answer = found(ask, kind, changed(named("view"), put, []), token=token, **page)

    assert set(answer) == {"error"}
    assert (answer["error"]["code"], answer["error"]["path"]) == ("page_unknown", path)


@on_directory
def test_a_token_cannot_be_changed(sidecar: Sidecar):
    """
    A token with any of its characters changed is refused.
    """
    ask = sidecar.ways["flask"]
    token = found(ask, "subject", named("view"), limit=1)["page"]["next_token"]

    for at in range(0, len(token), 7):
        other = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        answer = found(ask, "subject", named("view"), limit=1, token=other)
        assert answer["error"]["code"] == "page_unknown"
