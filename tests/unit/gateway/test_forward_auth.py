"""
`/forward-auth`, called in this process with a real OPA: what a proxy is answered, and why.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sidecar.app import create_app
from sidecar.bundle.build import BuiltBundle, build
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.errors import SettingsError
from sidecar.gateway import table
from sidecar.settings import Settings
from tests.credentials import AUDIENCE, ISSUER, Signer, key_set, replace
from tests.e2e.serve import ROOT
from tests.running import opa_running

SIGNER: Final = Signer.ec()
TABLE: Final = yaml.safe_load((ROOT / "deploy" / "proxies" / "routes.yaml").read_text("utf-8"))
INVOICES: Final = TABLE["routes"][0]
# What is kept comes with duties.
KEEPING: Final = {
    "match": {"method": "PUT", "path": "/customers/{customer}/invoices"},
    "ask": {**INVOICES["ask"], "action": "store"},
}
DUTIES: Final = {
    "carries_out": ["store_on_limited_access_systems", "store_in_physically_secured_facility"]
}


@pytest.fixture(scope="module")
def endpoint(opa_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """
    An OPA with the agreement's bundle.
    """
    folder = tmp_path_factory.mktemp("opa")
    bundle = build(ROOT / "policies", folder / "privacy.tar.gz", opa=opa_binary)
    endpoint = Endpoint(f"unix://{folder}/s", read_timeout_s=20)
    with opa_running(opa_binary, endpoint, "--bundle", bundle.path, log=folder / "log"):
        yield endpoint


class Gateway:
    """
    A proxy that asks an application with a table of a test's own.

    Args:
        folder: Where the table is.

        endpoint: Whom the application asks.
    """

    def __init__(self, folder: Path, endpoint: Endpoint) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self.file = folder / "routes.yaml"

    def write(self, *routes: Any, **more: Any) -> None:
        """
        Put a table in the place of the one before.
        """
        replace(self.file, yaml.safe_dump({"routes": list(routes), **more}))

    @contextmanager
    def asking(self, **forward_auth: Any) -> Iterator["Asking"]:
        """
        Make the application.
        """
        config = self._folder / "config.yaml"
        given = {"routes": str(self.file), "proxy": "traefik", **forward_auth}
        config.write_text(yaml.safe_dump({"forward_auth": given}), "utf-8")
        settings = Settings.from_environment({"SIDECAR_CONFIG": str(config)})
        opa = Opa(self._endpoint)
        engine = Engine(opa)
        assert settings.forward_auth
        try:
            routes = table.read(settings.forward_auth, engine)
            yield Asking(create_app(settings, engine, table=routes).test_client())
        finally:
            opa.close_connection()


class Asking:
    """
    Asks as Traefik does.
    """

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def __call__(
        self, method: str, target: str, address: str = "127.0.0.1", **headers: str
    ) -> TestResponse:
        """
        Ask whether a request may pass.
        """
        told = {"X-Forwarded-Uri": target, "X-Forwarded-Method": method}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(
            "/forward-auth",
            headers=told | named,
            environ_base={"REMOTE_ADDR": address},
        )


@pytest.fixture
def gateway(tmp_path: Path, endpoint: Endpoint) -> Gateway:
    """
    A gateway with those routes of the sample that take no token.
    """
    made = Gateway(tmp_path, endpoint)
    made.write(*TABLE["routes"][:3], trusted_headers=TABLE["trusted_headers"])
    return made


@pytest.fixture
def with_keys(tmp_path: Path) -> dict[str, Any]:
    """
    Settings by which the tests' tokens are good.
    """
    keys = tmp_path / "keys"
    keys.write_text(key_set(SIGNER), "utf-8")
    return {"jwt": {"jwks": str(keys), "issuer": ISSUER, "audience": AUDIENCE}}


def _told(answer: TestResponse) -> dict[str, Any]:
    assert isinstance(answer.json, dict), answer.text
    return answer.json


def _code(answer: TestResponse) -> str:
    return str(_told(answer)["error"]["code"])


def test_a_duty_that_nobody_carries_out_refuses(gateway: Gateway):
    """
    A permission with an obligation is a refusal to a proxy, which cannot carry it out: 403, with
    the error in the answer's context, and counted.
    """
    gateway.write(KEEPING)

    with gateway.asking() as ask:
        answer = ask("PUT", "/customers/acme/invoices")

        assert answer.status_code == 403
        assert _told(answer)["decision"] is False
        assert _told(answer)["context"]["error"]["code"] == "obligation_not_carried_out"
        assert answer.headers["X-Privacy-Decision"] == "refused"
        assert set(answer.headers["X-Privacy-Obligations"].split(",")) == set(DUTIES["carries_out"])
        counted = 'privacy_decision_errors_total{code="obligation_not_carried_out"} 1.0'
        assert counted in ask.client.get("/metrics").text


def test_a_duty_that_the_server_carries_out_passes(gateway: Gateway):
    """
    Where the table says that the server behind the proxy does it, for a route or for all, the
    request passes, and the server is told what to do.
    """
    for route, more in (({**KEEPING, **DUTIES}, {}), (KEEPING, DUTIES)):
        gateway.write(route, **more)
        with gateway.asking() as ask:
            answer = ask("PUT", "/customers/acme/invoices")

            assert answer.status_code == 200, answer.text
            assert answer.headers["X-Privacy-Decision"] == "permitted"
            carried = set(answer.headers["X-Privacy-Obligations"].split(","))
            assert carried == set(DUTIES["carries_out"])


def test_half_of_the_duties_are_not_enough(gateway: Gateway):
    """
    One duty that nobody carries out refuses as all of them do.
    """
    for duty in DUTIES["carries_out"]:
        gateway.write({**KEEPING, "carries_out": [duty]})
        with gateway.asking() as ask:
            assert ask("PUT", "/customers/acme/invoices").status_code == 403


@pytest.mark.parametrize(
    ("header", "status", "reason"),
    [
        ({"X_Necessity_Judged": "true"}, 200, "permitted"),
        ({"X_Necessity_Judged": "false"}, 403, "condition_unmet"),
        ({}, 403, "missing_fact"),
    ],
)
def test_a_trusted_header_states_a_fact(
    gateway: Gateway, header: dict[str, str], status: int, reason: str
):
    """
    The fact is what the header says; without the header it is not known.
    """
    with gateway.asking() as ask:
        answer = ask("GET", "/customers/acme/usage", **header)

        assert (answer.status_code, _told(answer)["context"]["reason"]) == (status, reason)


def test_a_trusted_header_of_another_type_is_refused(gateway: Gateway):
    """
    403 with its code, and nothing is decided.
    """
    with gateway.asking() as ask:
        answer = ask("GET", "/customers/acme/usage", X_Necessity_Judged="perhaps")

        assert (answer.status_code, _code(answer)) == (403, "route_value_unusable")
        assert "perhaps" not in answer.text


def test_a_partial_permission_is_refused(gateway: Gateway):
    """
    A proxy lets all of a request through or nothing: the body says which part was permitted.
    """
    resource = {"id": "acme", "categories": ["payment_information", {"path": "customer"}]}
    gateway.write({**INVOICES, "ask": {**INVOICES["ask"], "resource": resource}})

    with gateway.asking() as ask:
        answer = ask("GET", "/customers/acme/invoices")

        assert answer.status_code == 403
        assert _told(answer)["context"]["outcome"] == "partial"
        assert _told(answer)["context"]["permitted"] == ["payment_information"]


@pytest.mark.parametrize("address", ["10.0.0.1", "::2", ""])
def test_only_a_proxy_that_is_named_is_answered(gateway: Gateway, address: str):
    """
    Whoever else asks gets 403, whatever the headers say.
    """
    with gateway.asking() as ask:
        answer = ask("GET", "/customers/acme/invoices", address=address)
        claiming = ask(
            "GET", "/customers/acme/invoices", address=address, X_Forwarded_For="127.0.0.1"
        )

        assert (answer.status_code, _code(answer)) == (403, "forbidden")
        assert (claiming.status_code, _code(claiming)) == (403, "forbidden")


CLAIMING: Final = {
    **INVOICES,
    "ask": {
        **INVOICES["ask"],
        "subject": {"type": "csw", "id": {"claim": "sub"}},
        "facts": {"processing_ground": {"claim": "ground"}},
    },
}


def test_a_claim_states_who_asks_and_a_fact(gateway: Gateway, with_keys: dict[str, Any]):
    """
    A token that is good decides by its claims, and one without the claim lacks a fact.
    """
    gateway.write(CLAIMING)

    with gateway.asking(**with_keys) as ask:
        for claims, status, reason in (
            ({"ground": "contract"}, 200, "permitted"),
            ({"ground": "none"}, 403, "condition_unmet"),
            ({}, 403, "missing_fact"),
            ({"ground": ["odd", {"a": 1}]}, 403, "invalid_request"),
            ({"ground": None}, 403, "missing_fact"),
        ):
            token = SIGNER.token(sub="me", **claims)
            answer = ask("GET", "/customers/acme/invoices", Authorization=f"Bearer {token}")
            assert answer.status_code == status, answer.text
            assert _told(answer)["context"]["reason"] == reason


def test_without_a_good_token_the_caller_is_not_known(gateway: Gateway, with_keys: dict[str, Any]):
    """
    401, which says how to be known, for none, for one that is forged, over, for somebody else, or
    without the claim that names the subject.
    """
    gateway.write(CLAIMING)
    others = Signer.ec()

    with gateway.asking(**with_keys) as ask:
        for header in (
            {},
            {"Authorization": ""},
            {"Authorization": "Basic bWU6bWU="},
            {"Authorization": "Bearer not.a.token"},
            {"Authorization": f"Bearer {others.token(sub='me')}"},
            {"Authorization": f"Bearer {SIGNER.token(sub='me', aud='another')}"},
            {"Authorization": f"Bearer {SIGNER.token(sub='me', exp=1)}"},
            {"Authorization": f"Bearer {SIGNER.token(sub=['me'])}"},
            {"Authorization": f"Bearer {SIGNER.token(sub='')}"},
        ):
            answer = ask("GET", "/customers/acme/invoices", **header)
            assert (answer.status_code, _code(answer)) == (401, "unauthenticated"), header
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("odd", ["\ud800", float("nan"), 10**400, "a" * 5000])
def test_odd_claims_never_permit(gateway: Gateway, with_keys: dict[str, Any], odd: Any):
    """
    What a signed token holds may be odd: it is refused or not decided, and never a fault.
    """
    gateway.write(CLAIMING)

    with gateway.asking(**with_keys) as ask:
        token = SIGNER.token(sub="me", ground=odd)
        answer = ask("GET", "/customers/acme/invoices", Authorization=f"Bearer {token}")
        assert answer.status_code in (403, 503), answer.text


def test_claims_without_keys_stop_the_start(gateway: Gateway):
    """
    A route that takes claims needs to know which tokens are good.
    """
    gateway.write(CLAIMING)

    with (
        pytest.raises(SettingsError, match=r"forward_auth\.jwt does not say which tokens"),
        gateway.asking(),
    ):
        pass


def test_an_unknown_term_stops_the_start(gateway: Gateway):
    """
    It is named with its place, against the vocabulary of the bundle that is active.
    """
    gateway.write({**INVOICES, "ask": {**INVOICES["ask"], "purpose": "fulfill_request"}})

    with (
        pytest.raises(SettingsError, match=r"routes\.0\.ask\.purpose must be a term .* 'fulfill"),
        gateway.asking(),
    ):
        pass


def test_a_changed_table_is_taken_over(gateway: Gateway):
    """
    The next request is decided by the new table, without a restart, and it is counted.
    """
    with gateway.asking() as ask:
        assert ask("PUT", "/customers/acme/invoices").status_code == 403
        gateway.write({**KEEPING, **DUTIES})

        assert ask("PUT", "/customers/acme/invoices").status_code == 200
        assert _code(ask("GET", "/customers/acme/invoices")) == "route_unknown"
        assert 'table_reads_total{result="taken"} 1.0' in ask.client.get("/metrics").text


@pytest.mark.parametrize(
    "content",
    ["", "routes: [", "routes: []", "routes: [{}]", "\0", "unknown_term", "claims"],
)
def test_a_broken_table_changes_nothing(gateway: Gateway, content: str):
    """
    The one before stays in force, and the mistake is counted; once mended, the new one counts.
    """
    with gateway.asking() as ask:
        assert ask("GET", "/customers/acme/invoices").status_code == 200
        match content:
            case "unknown_term":
                gateway.write({**KEEPING, "carries_out": ["unheard_of"]})
            case "claims":
                gateway.write(CLAIMING)
            case _:
                replace(gateway.file, content)

        assert ask("GET", "/customers/acme/invoices").status_code == 200
        assert 'table_reads_total{result="refused"} 1.0' in ask.client.get("/metrics").text

        gateway.write({**KEEPING, **DUTIES})
        assert ask("PUT", "/customers/acme/invoices").status_code == 200


def test_a_table_that_is_gone_changes_nothing(gateway: Gateway):
    """
    Nor does a file that was taken away.
    """
    with gateway.asking() as ask:
        assert ask("GET", "/customers/acme/invoices").status_code == 200
        gateway.file.unlink()

        assert ask("GET", "/customers/acme/invoices").status_code == 200


def test_terms_are_checked_once_there_is_a_bundle(
    tmp_path: Path,
    built: Callable[[str], BuiltBundle],
    opa_binary: Path,
    endpoint: Endpoint,
):
    """
    Where OPA comes later the sidecar starts all the same: nothing is decided until then, and a
    route that does not fit the bundle is not decided at all.
    """
    late = Endpoint(f"unix://{tmp_path}/s", read_timeout_s=20)
    gateway = Gateway(tmp_path, late)
    unfit = {**INVOICES, "ask": {**INVOICES["ask"], "action": "unheard_of"}}
    unfit = {**unfit, "match": {"method": "GET", "path": "/unfit"}}
    unfit["ask"] = {**unfit["ask"], "resource": {"id": "a", "categories": ["company_name"]}}
    gateway.write(INVOICES, unfit)

    with gateway.asking() as ask:
        assert ask("GET", "/customers/acme/invoices").status_code == 503
        bundle = build(ROOT / "policies", tmp_path / "privacy.tar.gz", opa=opa_binary)
        with opa_running(opa_binary, late, "--bundle", bundle.path, log=tmp_path / "log"):
            assert ask("GET", "/customers/acme/invoices").status_code == 200
            answer = ask("GET", "/unfit")
            assert (answer.status_code, _code(answer)) == (503, "routes_not_usable")


def test_a_bundle_without_terms_is_not_asked_for_them(
    tmp_path: Path, built: Callable[[str], BuiltBundle], opa_binary: Path
):
    """
    Another team's bundle need not tell its vocabulary; its boolean is the decision.
    """
    endpoint = Endpoint(f"unix://{tmp_path}/s", read_timeout_s=20)
    gateway = Gateway(tmp_path, endpoint)
    gateway.write(INVOICES)
    bundle = built("boolean").path
    with (
        opa_running(opa_binary, endpoint, "--bundle", bundle, log=tmp_path / "log"),
        gateway.asking() as ask,
    ):
        answer = ask("GET", "/customers/acme/invoices")

        assert answer.status_code in (200, 403)
        assert answer.headers["X-Privacy-Decision"] in ("permitted", "refused")
        assert "X-Privacy-Clauses" not in answer.headers


def test_nothing_is_there_where_no_proxy_asks():
    """
    Without the setting, the endpoint is none.
    """
    client = create_app(Settings(), Engine(Opa(Endpoint("http://127.0.0.1:9")))).test_client()

    assert client.get("/forward-auth").status_code == 404
