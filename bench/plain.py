"""
Servers to compare with, each as plain as it can be: `python -m bench.plain KIND PORT [OPA_PORT]`.

- wsgi: reads JSON and answers with JSON, and nothing else: the floor of what gunicorn serves.
- flask: the same as an endpoint of Flask's.
- client: Flask that asks OPA with opa-python-client, both as they come.

All run in gunicorn as it comes, with as many threads as the sidecar has.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from flask import Flask, request
from gunicorn.app.base import BaseApplication

from sidecar.settings import Settings

# As large as a full answer of the sidecar's to most of the requests.
ANSWER = {"decision": True, "context": {"reason": "permitted", "says": "." * 1200}}
DECISION = ("privacy/decision", "decision")


class Wsgi:
    """
    Reads JSON and answers with JSON.
    """

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """
        Answer.
        """
        msgspec.json.decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        body = msgspec.json.encode(ANSWER)
        head = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", head)
        return [body]


def flask() -> Flask:
    """
    Make the same of Flask.
    """
    app = Flask("plain")

    @app.post("/access/v1/evaluation")
    def evaluation() -> dict[str, Any]:
        request.get_json()
        return ANSWER

    return app


def client(opa: int) -> Flask:
    """
    Make a Flask that asks OPA.

    Args:
        opa: The port where OPA listens, on the loopback.
    """
    from opa_client import OpaClient

    app = Flask("plain")
    asked = OpaClient(host="127.0.0.1", port=opa)

    @app.post("/access/v1/evaluation")
    def evaluation() -> Any:
        return asked.query_rule(request.get_json(), *DECISION)["result"]

    return app


class Stock(BaseApplication):  # type: ignore[misc]
    """
    gunicorn with its threads.

    Args:
        app: Who answers.

        port: Where, on the loopback.
    """

    def __init__(self, app: Any, port: int) -> None:
        self._app = app
        self._port = port
        super().__init__()

    def load_config(self) -> None:
        """
        Set gunicorn up.
        """
        how = {"worker_class": "gthread", "threads": Settings().server.threads, "keepalive": 60}
        for name, value in (how | {"bind": f"127.0.0.1:{self._port}"}).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """
        Give the application.
        """
        return self._app


def main(kind: str, port: str, opa: str = "0") -> None:
    """
    Serve until told to stop.
    """
    apps: dict[str, Callable[[], Any]] = {
        "wsgi": Wsgi,
        "flask": flask,
        "client": lambda: client(int(opa)),
    }
    Stock(apps[kind](), int(port)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
