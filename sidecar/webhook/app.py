"""
The webhook's Flask application.
"""

from typing import Final

import structlog
from flask import Flask, Response, request

from sidecar.api.front import Front
from sidecar.api.health import healthz
from sidecar.api.request import answered, read
from sidecar.settings import Limits
from sidecar.watched import Watched
from sidecar.webhook.injection import Injection
from sidecar.webhook.review import answer

PATH: Final = "/inject"
"""
Where reviews are sent to.
"""

# What the API server takes as an object is smaller.
_LIMITS: Final = Limits(body_bytes=8_388_608, nesting=100)

_log = structlog.stdlib.get_logger("sidecar")


def create_app(injection: Watched[Injection]) -> Flask:
    """
    Make the application.

    Args:
        injection: What pods get.
    """
    app = Flask("sidecar.webhook", static_folder=None)
    # gunicorn's worker looks for what would have to be written at its end.
    app.extensions["records"] = None

    def inject() -> Response:
        given = answer(read(request.environ, _LIMITS), injection.current())
        _log.info("reviewed", patched="patch" in given["response"])
        return answered(given)

    app.add_url_rule(PATH, view_func=inject, methods=["POST"], provide_automatic_options=False)
    app.add_url_rule(
        "/healthz", view_func=healthz, methods=["GET"], provide_automatic_options=False
    )
    Front(None, lambda code: _log.warning("not reviewed", code=code)).stand_before(app)
    return app
