"""
Reading the route table, with the settings and the vocabulary that it must fit.
"""

from sidecar.engine.engine import Engine
from sidecar.errors import EngineError, SettingsError
from sidecar.gateway.ask import Terms
from sidecar.gateway.routes import Routes
from sidecar.gateway.settings import ForwardAuth


def read(settings: ForwardAuth, engine: Engine | None = None) -> Routes:
    """
    Read the route table.

    Args:
        settings: Where it is.

        engine: Who knows the terms of the active bundle. Without it, or before there is a bundle,
            terms are not looked at.

    Raises:
        SettingsError: The table is wrong; the message names the place.
    """
    routes = Routes.read(settings.routes)
    if routes.takes_claims and settings.jwt is None:
        raise SettingsError(
            f"{settings.routes}: a route takes claims, but forward_auth.jwt does not say which "
            "tokens are good"
        )
    try:
        known = terms(engine) if engine else {}
    except EngineError:
        # An OPA elsewhere may come later; each route is checked again when it is asked for.
        known = {}
    for route in routes.routes:
        route.check(known)
    return routes


def terms(engine: Engine) -> Terms:
    """
    Return the terms of the active bundle; none where it does not tell them.

    Raises:
        EngineError: The bundle is not known yet.
    """
    agreement = engine.bundle().agreement
    return agreement.terms if agreement else {}
