"""
What a proxy does with a decision.
"""

import pytest

from tests.proxies.gateway import Gateway
from tests.proxies.recording import SAYS
from tests.proxies.settings import token


def test_what_is_permitted_is_served(gateway: Gateway):
    """
    The upstream gets the request as it was sent, with the clauses that permit it.
    """
    answer = gateway.ask("GET", "/customers/acme/invoices?page=2")

    assert (answer.status, answer.content) == (200, SAYS)
    [reached] = gateway.reached()
    assert (reached.method, reached.target) == ("GET", "/customers/acme/invoices?page=2")
    assert reached.all("X-Privacy-Decision") == ["permitted"]
    assert "1.2-b" in reached.all("X-Privacy-Clauses")[0].split(",")
    assert len(reached.all("X-Decision-ID")) == 1


def test_what_the_upstream_has_to_carry_out_is_told(gateway: Gateway):
    """
    A permission that comes with obligations is served with their ids.
    """
    answer = gateway.ask("POST", "/customers/acme/shipments", "Content-Length: 0")

    assert answer.status == 200, answer.content
    [reached] = gateway.reached()
    [told] = reached.all("X-Privacy-Obligations")
    assert "protect_in_transmission" in told.split(",")


def test_what_is_refused_is_not_served(gateway: Gateway):
    """
    403, with the clauses that refuse it; the upstream hears nothing.
    """
    answer = gateway.ask("POST", "/customers/acme/sale", "Content-Length: 2", body=b"{}")

    assert answer.status == 403
    assert answer.headers["x-privacy-decision"] == "refused"
    assert "3-c" in answer.headers["x-privacy-clauses"].split(",")
    assert answer.headers["x-decision-id"]
    assert gateway.reached() == []


def test_what_is_permitted_by_a_token_is_served(gateway: Gateway):
    """
    The sidecar takes claims from the client's token, and the upstream gets the token, too.
    """
    authorization = f"Bearer {token(company='acme')}"

    answer = gateway.ask("GET", "/invoices", f"Authorization: {authorization}")

    assert (answer.status, answer.content) == (200, SAYS)
    assert [reached.all("Authorization") for reached in gateway.reached()] == [[authorization]]


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param([], id="none"),
        pytest.param([{}], id="one without the claim"),
        pytest.param([{"company": "acme", "aud": "other"}], id="another audience's"),
        pytest.param([{"company": "acme"}, {"company": "other"}], id="two"),
    ],
)
def test_who_shows_no_good_token_is_told_so(gateway: Gateway, shown):
    """
    401, with the way to do better, or 400; the upstream hears nothing.
    """
    answer = gateway.ask(
        "GET", "/invoices", *(f"Authorization: Bearer {token(**claims)}" for claims in shown)
    )

    assert answer.status in (400, 401)
    assert answer.status == 400 or answer.headers["www-authenticate"].startswith("Bearer")
    assert gateway.reached() == []
