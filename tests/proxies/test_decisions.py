"""
What a proxy does with a decision, and without one.
"""

from tests.proxies.gateway import Gateway
from tests.proxies.recording import SAYS

TOLD = ("X-Privacy-Decision", "X-Privacy-Clauses", "X-Decision-ID")


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
