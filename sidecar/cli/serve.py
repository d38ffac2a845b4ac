"""
`sidecar serve`: answer requests.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from sidecar.errors import EngineError, MissingPart
from sidecar.observability import current, logs
from sidecar.observability.settings import Traces
from sidecar.observability.workers import metrics_of_all_workers
from sidecar.settings import Listen, Settings

if TYPE_CHECKING:
    from flask import Flask

    from sidecar.engine.engine import Engine
    from sidecar.gateway.routes import Routes
    from sidecar.gateway.settings import ForwardAuth


@click.command()
@click.option("--check", is_flag=True, help="Stop once the settings were found to be right.")
def serve(check: bool) -> None:
    """Start OPA and answer requests, until told to stop.

    Settings come from the environment: SIDECAR_LISTEN, SIDECAR_PUBLIC_URL, SIDECAR_BUNDLE,
    SIDECAR_OPA_URL, SIDECAR_TOKENS_FILE, SIDECAR_TLS_CERT, SIDECAR_TLS_KEY,
    SIDECAR_TLS_CLIENT_CA, and the file SIDECAR_CONFIG.
    """
    settings = Settings.from_environment(os.environ)
    if check:
        if settings.forward_auth:
            # Without its terms: which bundle will be active, nobody can say yet.
            _read(settings.forward_auth)
        click.echo("the settings are right")
        return
    logs.set_up(settings.log.level)
    if not settings.listen.on_loopback:
        _warn(settings)
    signal.signal(signal.SIGTERM, _ended)
    with metrics_of_all_workers():
        _serve(settings)


def _warn(settings: Settings) -> None:
    if not settings.callers_known:
        warning = "WARNING: other machines can ask too, and callers are not authenticated."
        click.echo(warning, err=True)
    elif not settings.tls.served:
        click.echo("WARNING: other machines can ask too, and send their tokens in clear.", err=True)


def _serve(settings: Settings) -> None:
    # The metrics library looks once, when it is imported, whether there are several processes.
    from sidecar.records.recorder import output_lock
    from sidecar.server import Server, engine_running, listening_socket

    if settings.server.workers > 1:
        # What is loaded before them, several workers share. A single one loads it for itself: the
        # master answers nobody, and would hold all of it for nothing. Not later: once bundles are
        # fetched, another thread starts processes, and a worker that is forked meanwhile would
        # keep their pipes open.
        import_module("sidecar.app")
    draw = _draw(settings.traces)
    with (
        listening_socket(settings.listen) as listener,
        engine_running(settings) as (engine, counted),
    ):
        where = Listen(settings.listen.host, listener.getsockname()[1])
        bundle = _bundle_in_words(engine)
        restarts = (lambda: counted.value) if counted else None
        proxied = settings.forward_auth
        routes = _read(proxied, engine) if proxied else None

        def listening() -> None:
            scheme = "https" if settings.tls.served else "http"
            click.echo(f"listening on {scheme}://{where} with {bundle}")

        # Both made once: a page may be asked of another worker than the one before it.
        page_key = os.urandom(32)

        lock = output_lock()

        def app() -> "Flask":
            from sidecar.app import create_app

            made = create_app(settings, engine, restarts, page_key, routes, lock)
            if draw:
                draw(made)
            current.stand_before(made)
            return made

        Server(settings, listener, app, listening).run()


def _read(settings: "ForwardAuth", engine: "Engine | None" = None) -> "Routes":
    # Where no proxy asks, nothing of it is wanted.
    from sidecar.gateway import table

    return table.read(settings, engine)


def _draw(settings: Traces) -> "Callable[[Flask], None] | None":
    """
    Return what has an application draw traces; None where none are wanted, at no cost.

    Raises:
        MissingPart: What draws them is not installed.
    """
    if settings.url is None:
        return None
    try:
        from sidecar.observability.traces import Tracing
    except ImportError as wrong:
        raise MissingPart("opentelemetry is needed: pip install 'sidecar[otel]'") from wrong
    return lambda app: Tracing(settings).stand_before(app)


def _bundle_in_words(engine: "Engine") -> str:
    try:
        return f"bundle revision {engine.bundle().revision or 'without a name'}"
    except EngineError as wrong:
        # An OPA elsewhere may come later: until then nothing is decided, and /readyz says so.
        return f"no bundle yet ({wrong.message})"


def _ended(*_: object) -> NoReturn:
    # What is held is let go of on the way out. Once it serves, gunicorn has handlers of its own.
    sys.exit(0)
