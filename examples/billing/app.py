"""
The billing service: each request that touches company information asks for one decision first.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, g, jsonify, request

from examples.billing.duties import duties
from examples.billing.privacy import NotDecided, Privacy, Question, Refused
from examples.billing.store import Store


def create_app(privacy_url: str, connect: Callable[[], sqlite3.Connection]) -> Flask:
    """
    Make the application.

    Args:
        privacy_url: Where the sidecar listens.

        connect: Opens the database, for one request.
    """
    app = Flask("billing", static_folder=None)
    _keep_store(app, connect)
    _answer_refusals(app)
    privacy = Privacy(privacy_url, {"type": "csw", "id": "billing-service"}, duties(_store))

    @app.get("/companies/<company>/invoice")
    def invoice(company: str) -> Response:
        """
        Write an invoice, for which nothing may be missing.
        """
        question = Question(
            "use",
            company,
            ("company_name", "payment_information"),
            "provide_products_services",
            _ground(company),
        )
        permission = privacy.permit_all(question, _request_id())
        return jsonify(_store().information(company, permission.categories))

    @app.post("/companies/<company>/deliveries/<carrier>")
    def deliver(company: str, carrier: str) -> Response:
        """
        Order a delivery, with as much as the carrier may be given.
        """
        by = _store().carrier(carrier) or abort(404)
        question = Question(
            "disclose",
            company,
            ("company_name", "phone_number", "payment_information"),
            "deliver_products",
            {**_ground(company), "third_party_bound": by.bound, "categories_needed": by.needs},
            {"type": "third_party_service_provider", "id": carrier},
        )
        permission = privacy.permit_some(question, _request_id())
        _store().send(by, _store().information(company, permission.categories))
        return jsonify(sent=permission.categories)

    @app.get("/companies/<company>/queries")
    def queries(company: str) -> Response:
        """
        List what a company searched for, to write a better help.
        """
        question = Question(
            "use", company, ("search_queries",), "improve_relevance", {"linked_to_ip": True}
        )
        privacy.permit_all(question, _request_id())
        return jsonify(_store().queries(company))

    return app


def _ground(company: str) -> dict[str, Any]:
    """
    State the ground that we have, if any: a fact that we do not know is left out.
    """
    return {"processing_ground": "contract"} if _store().has_contract(company) else {}


def _request_id() -> str | None:
    return request.headers.get("X-Request-ID")


def _store() -> Store:
    store: Store = g.store
    return store


def _keep_store(app: Flask, connect: Callable[[], sqlite3.Connection]) -> None:
    """
    Give each request a store, whose changes last only where the request succeeds.
    """

    @app.before_request
    def begin() -> None:
        g.connection = connect()
        g.store = Store(g.connection)

    @app.after_request
    def commit(response: Response) -> Response:
        if response.status_code < 400:
            g.connection.commit()
        return response

    @app.teardown_request
    def close(_: BaseException | None) -> None:
        if "connection" in g:
            g.connection.close()


def _answer_refusals(app: Flask) -> None:
    @app.errorhandler(Refused)
    def refused(wrong: Refused) -> tuple[Response, int]:
        return jsonify(refused=wrong.reason, decision_id=wrong.decision_id), 403

    @app.errorhandler(NotDecided)
    def not_decided(wrong: NotDecided) -> tuple[Response, int, dict[str, str]]:
        said = "It cannot be said now whether this is allowed. Please try again."
        return jsonify(error=said), 503, {"Retry-After": wrong.retry_after}
