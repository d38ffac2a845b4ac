"""
sidecar.gateway.routes and .ask: a route table, each mistake in it, and what its routes ask.
"""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from sidecar.errors import RouteUnknown, RouteValueUnusable, SettingsError, Unauthenticated
from sidecar.gateway.routes import Routes

ASK: Final = {
    "subject": {"type": "csw", "id": "billing"},
    "action": "use",
    "resource": {"id": "acme", "categories": ["company_name"]},
}
SOURCES: Final = "one of {path: …}, {claim: …} and {header: …, is: …}"


def _route(path: str = "/a", method: Any = "GET", ask: Any = None, **more: Any) -> dict[str, Any]:
    return {"match": {"method": method, "path": path}, "ask": ask or ASK, **more}


def _asking(**more: Any) -> dict[str, Any]:
    return _route("/a/{b}", ask={**ASK, **more})


def _table(folder: Path, *routes: Any, **more: Any) -> Routes:
    file = folder / "routes.yaml"
    file.write_text(yaml.safe_dump({"routes": list(routes), **more}), "utf-8")
    return Routes.read(file)


def _asked(table: Routes, *segments: str, claims: Any = None, headers: Any = ()) -> Any:
    return table.route("GET", segments).asked(segments, claims or {}, Headers(headers))


ROUTES: dict[str, tuple[list[Any], str]] = {
    "no mapping": (["x"], "routes.0 must be a mapping of keys to values, got 'x'"),
    "nothing to ask": ([{"match": {}}], "routes.0.ask is missing"),
    "nothing to match": ([{"ask": ASK}], "routes.0.match is missing"),
    "a key that is none": (
        [_route(when="always")],
        "routes.0.when is unknown; known are match, ask, carries_out",
    ),
    "no method": ([{"match": {"path": "/a"}, "ask": ASK}], "routes.0.match.method is missing"),
    "no path": ([{"match": {"method": "GET"}, "ask": ASK}], "routes.0.match.path is missing"),
    "a method in small letters": (
        [_route(method="get")],
        "routes.0.match.method must be a method in capital letters, got 'get'",
    ),
    "one of several methods": (
        [_route(method=["GET", "*"])],
        "routes.0.match.method.1 must be a method in capital letters, got '*'",
    ),
    "no method in a list": ([_route(method=[])], "routes.0.match.method must not be empty"),
    "a pattern with a query": (
        [_route("/a?b=1")],
        "routes.0.match.path must be a path without a query, got '/a?b=1'",
    ),
    **{
        f"a pattern such as {path}": (
            [_route(path)],
            "routes.0.match.path must be a path of segments, each a {parameter} or what is read in "
            f"one way only, got {path!r}",
        )
        for path in ("a", "/a//b", "/../a", "/a%2Fb", "/{B}", "/a{b}", "/*", "/{b}{c}", "/a;b")
    },
    "a parameter twice": (
        [_route("/{a}/{a}")],
        "routes.0.match.path must be a pattern in which no parameter stands twice, got '/{a}/{a}'",
    ),
    "a route twice": (
        [_route("/a/{b}"), _route("/a/{c}")],
        "routes.1 (GET /a/{c}) is never asked: routes.0 (GET /a/{b}) comes first",
    ),
    "a method twice": (
        [_route(method=["GET", "GET"])],
        "routes.0 (GET /a) is never asked: routes.0 (GET /a) comes first",
    ),
    "a literal written otherwise": (
        [_route("/a"), _route("/%61")],
        "routes.1 (GET /%61) is never asked: routes.0 (GET /a) comes first",
    ),
    "two routes for one request": (
        [_route("/{a}/x"), _route("/y/{b}")],
        "routes.0 (GET /{a}/x) and routes.1 (GET /y/{b}) match the same requests, and neither is "
        "more specific",
    ),
    "a value that is none of JSON": (
        [_asking(facts={"consent": float("inf")})],
        "routes.0.ask.facts.consent must be a value of JSON, such as a text; dates stand in "
        "quotation marks, got inf",
    ),
    "a subject without a type": (
        [_asking(subject={"id": "a"})],
        "routes.0.ask.subject.type is missing",
    ),
    "a subject of a number": (
        [_asking(subject={"type": "csw", "id": 7})],
        "routes.0.ask.subject.id must be a text, got 7",
    ),
    "categories twice": (
        [_asking(resource={"id": "a", "categories": [], "properties": {"categories": []}})],
        "routes.0.ask.resource.properties must be without categories, which stand beside it, got "
        "{'categories': []}",
    ),
    "a parameter that the path has not": (
        [_asking(resource={"id": {"path": "c"}})],
        "routes.0.ask.resource.id.path must be a parameter of the route's path, got 'c'",
    ),
    "a header that nobody trusts": (
        [_asking(facts={"consent": {"header": "X-Consent"}})],
        "routes.0.ask.facts.consent.header must be one of trusted_headers, got 'X-Consent'",
    ),
    "two sources": (
        [_asking(purpose={"path": "b", "claim": "c"})],
        f"routes.0.ask.purpose must be {SOURCES}, got {{'claim': 'c', 'path': 'b'}}",
    ),
    "a typed claim": (
        [_asking(facts={"consent": {"claim": "c", "is": "text"}})],
        f"routes.0.ask.facts.consent must be {SOURCES}, got {{'claim': 'c', 'is': 'text'}}",
    ),
    "a source with more": (
        [_asking(purpose={"path": "b", "default": "c"})],
        "routes.0.ask.purpose.default is unknown; known are path, claim, header, is",
    ),
    "an obligation that is no text": (
        [_route(carries_out=[1])],
        "routes.0.carries_out.0 must be a text, got 1",
    ),
}


@pytest.mark.parametrize(("routes", "message"), ROUTES.values(), ids=ROUTES)
def test_a_mistake_in_a_route_is_named(tmp_path: Path, routes: list[Any], message: str):
    """
    The sentence names the file, the place, and what would be right.
    """
    expected = f"{tmp_path / 'routes.yaml'}: {message}"

    with pytest.raises(SettingsError, match=f"^{re.escape(expected)}$"):
        _table(tmp_path, *routes)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"trusted": []}, "trusted is unknown; known are routes, carries_out, trusted_headers"),
        (
            {"trusted_headers": ["X_Verified"]},
            "trusted_headers.0 must be a header's name, of letters, digits and hyphens, got "
            "'X_Verified'",
        ),
        ({"carries_out": "all"}, "carries_out must be a list, got 'all'"),
    ],
)
def test_a_mistake_in_the_table_is_named(tmp_path: Path, more: dict[str, Any], message: str):
    """
    So it is outside of routes.
    """
    with pytest.raises(SettingsError, match=re.escape(f"routes.yaml: {message}")):
        _table(tmp_path, _route(), **more)


def test_a_table_without_routes_is_a_mistake(tmp_path: Path):
    """
    An empty list would refuse everything, which nobody means to write.
    """
    with pytest.raises(SettingsError, match=r"routes\.yaml: routes must not be empty$"):
        _table(tmp_path)


def test_a_typed_header_says_its_type(tmp_path: Path):
    """
    A type that there is not is named, and a subject is never true or false.
    """
    for place, header, allowed in (
        ("facts", {"consent": {"header": "X-A", "is": "date"}}, "text or boolean"),
        ("subject", {"type": "csw", "id": {"header": "X-A", "is": "boolean"}}, "text"),
    ):
        with pytest.raises(SettingsError, match=rf"\.is must be {allowed}, got"):
            _table(tmp_path, _asking(**{place: header}), trusted_headers=["X-A"])


def test_terms_are_known_to_the_bundle_or_named(tmp_path: Path):
    """
    Each kind of term is looked up among the bundle's; kinds that it does not tell are not.
    """
    route = _asking(
        subject={"type": "s", "id": "i"},
        action="a",
        resource={"id": "r", "categories": ["c"]},
        purpose=["p", {"claim": "q"}],
        recipient={"type": "t", "id": "i"},
        facts={"f": {"claim": "f"}},
        evidence={"e": "1"},
    )
    table = _table(tmp_path, {**route, "carries_out": ["o"]})
    kinds = {
        "subject": ["s", "subject.type"],
        "action": ["a", "action"],
        "category": ["c", "resource.categories.0"],
        "purpose": ["p", "purpose.0"],
        "recipient": ["t", "recipient.type"],
    }
    known = {kind: frozenset(words[:1]) for kind, words in kinds.items()}
    known |= {"fact": frozenset("fe"), "obligation": frozenset("o")}

    table.routes[0].check(known)
    table.routes[0].check({})
    for kind, (word, place) in kinds.items():
        with pytest.raises(
            SettingsError,
            match=rf"routes\.0\.ask\.{place} must be a term that the bundle knows, got '{word}'$",
        ):
            table.routes[0].check({**known, kind: frozenset({"other"})})
    inside = _asking(resource={"id": "r", "properties": {"categories": ["c"]}})
    with pytest.raises(SettingsError, match=r"resource\.properties\.categories\.0 must be a term"):
        _table(tmp_path, inside).routes[0].check({"category": frozenset("d")})
    for words, place in (("f", "ask.evidence.e"), ("e", "ask.facts.f")):
        with pytest.raises(SettingsError, match=rf"routes\.0\.{place} must be a term"):
            table.routes[0].check({**known, "fact": frozenset(words)})
    with pytest.raises(SettingsError, match=r"routes\.0\.carries_out\.0 must be a term"):
        table.routes[0].check({**known, "obligation": frozenset()})


def test_the_most_specific_route_counts(tmp_path: Path):
    """
    Whatever order the table has, a literal goes before a parameter.
    """
    routes = [_route("/{a}/{b}"), _route("/x/{b}"), _route("/{a}/y"), _route("/x/y")]

    for table in (_table(tmp_path, *routes), _table(tmp_path, *reversed(routes))):
        for path, pattern in {
            ("x", "y"): "/x/y",
            ("x", "z"): "/x/{b}",
            ("z", "y"): "/{a}/y",
            ("z", "z"): "/{a}/{b}",
        }.items():
            assert table.route("GET", path).path == pattern


def test_a_method_is_a_route_of_its_own(tmp_path: Path):
    """
    HEAD is not GET, and an unknown method is none.
    """
    table = _table(tmp_path, _route(method=["GET", "PATCH"]), _route(method="M-SEARCH"))

    for method in ("GET", "PATCH", "M-SEARCH"):
        assert table.route(method, ("a",)).method == method
    for method in ("HEAD", "get", "POST", "", "GET "):
        with pytest.raises(RouteUnknown):
            table.route(method, ("a",))


def test_an_evaluation_is_filled_in(tmp_path: Path):
    """
    Values come from the table, the path, claims and headers; facts of any type, and those that the
    request does not hold are left out.
    """
    table = _table(
        tmp_path,
        _asking(
            subject={"type": {"claim": "kind"}, "id": {"claim": "sub"}, "properties": {"a": [1]}},
            action={"name": "use", "properties": {"b": None}},
            resource={"id": {"path": "b"}, "categories": ["c", {"claim": "category"}]},
            recipient={"type": "t", "id": {"header": "X-Text"}},
            purpose=["p", {"header": "x-text"}],
            facts={
                "number": {"claim": "number"},
                "null": {"claim": "null"},
                "absent": {"claim": "absent"},
                "true": {"header": "X-True", "is": "boolean"},
                "gone": {"header": "X-Gone", "is": "boolean"},
                "fixed": {"nested": [1, 2.5, False]},
                "off": False,
            },
            evidence={"number": {"header": "X-Text"}},
        ),
        trusted_headers=["X-Text", "X-True", "X-Gone"],
    )
    claims = {"kind": "csw", "sub": "me", "category": "d", "number": 3, "null": None}

    asked = _asked(table, "a", "b c", claims=claims, headers={"X-Text": "t1", "x-true": "true"})

    assert asked == {
        "subject": {"type": "csw", "id": "me", "properties": {"a": [1]}},
        "action": {"name": "use", "properties": {"b": None}},
        "resource": {
            "type": "information",
            "id": "b c",
            "properties": {"categories": ["c", "d"]},
        },
        "context": {
            "purpose": ["p", "t1"],
            "recipient": {"type": "t", "id": "t1"},
            "facts": {
                **{"number": 3, "null": None, "true": True},
                **{"fixed": {"nested": [1, 2.5, False]}, "off": False},
            },
            "evidence": {"number": "t1"},
        },
    }


@pytest.mark.parametrize("claim", [None, "", 7, True, ["me"], {"a": 1}])
def test_a_subject_that_the_token_does_not_name_is_not_known(tmp_path: Path, claim: Any):
    """
    A claim that an evaluation cannot do without is a text.
    """
    table = _table(tmp_path, _asking(subject={"type": "csw", "id": {"claim": "sub"}}))

    with pytest.raises(Unauthenticated):
        _asked(table, "a", "b", claims={"sub": claim})
    with pytest.raises(Unauthenticated):
        _asked(table, "a", "b")


@pytest.mark.parametrize("value", ["True", "1", "", "yes", "true,true", " true"])
def test_a_header_that_is_neither_true_nor_false_is_refused(tmp_path: Path, value: str):
    """
    A header that is to be true or false is one of these two words.
    """
    fact = {"consent": {"header": "X-A", "is": "boolean"}}
    table = _table(tmp_path, _asking(facts=fact), trusted_headers=["X-A"])

    with pytest.raises(RouteValueUnusable):
        _asked(table, "a", "b", headers={"X-A": value})


@pytest.mark.parametrize("headers", [{}, {"X-A": ""}, {"X-A": "a,b"}, {"X-A": "caf\xe9"}])
def test_a_header_that_is_needed_is_there_once(tmp_path: Path, headers: dict[str, str]):
    """
    One that is missing, empty, joined, or not ASCII is refused.
    """
    subject = {"type": "csw", "id": {"header": "X-A"}}
    table = _table(tmp_path, _asking(subject=subject), trusted_headers=["X-A"])

    with pytest.raises(RouteValueUnusable):
        _asked(table, "a", "b", headers=headers)


def test_only_routes_that_take_claims_need_a_token(tmp_path: Path):
    """
    A claim anywhere makes the difference, in facts as well.
    """
    plain = _route("/plain")
    claiming = _asking(facts={"consent": {"claim": "c"}})

    assert not _table(tmp_path, plain).takes_claims
    assert _table(tmp_path, plain, claiming).takes_claims


SEGMENT = st.sampled_from(["a", "b", "{x}", "{y}"])


@given(
    patterns=st.lists(st.lists(SEGMENT, min_size=1, max_size=3), min_size=1, max_size=4),
    request=st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
)
def test_a_table_has_one_answer_for_each_request(
    tmp_path_factory: pytest.TempPathFactory, patterns: list[list[str]], request: list[str]
):
    """
    A table that is taken finds the same route whatever order its routes stand in.
    """
    folder = tmp_path_factory.getbasetemp()
    routes = [_route("/" + "/".join(pattern)) for pattern in patterns]
    found = []
    for order in (routes, routes[::-1]):
        try:
            found.append(_table(folder, *order).route("GET", request).path)
        except (SettingsError, RouteUnknown) as wrong:
            found.append(type(wrong).__name__)

    assert found[0] == found[1]
