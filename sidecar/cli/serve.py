"""
`sidecar serve`: answer requests.
"""

import os

import click

from sidecar.engine.engine import Engine
from sidecar.errors import EngineError
from sidecar.observability import logs
from sidecar.observability.workers import metrics_of_all_workers
from sidecar.settings import Settings


@click.command()
@click.option("--check", is_flag=True, help="Stop once the settings were found to be right.")
def serve(check: bool) -> None:
    """Start OPA and answer requests, until told to stop.

    Settings come from SIDECAR_LISTEN, SIDECAR_BUNDLE, SIDECAR_OPA_URL and the file SIDECAR_CONFIG.
    """
    settings = Settings.from_environment(os.environ)
    if check:
        click.echo("the settings are right")
        return
    logs.set_up(settings.log.level)
    if not settings.listen.on_loopback:
        warning = "WARNING: other machines can ask too, and callers are not authenticated."
        click.echo(warning, err=True)
    with metrics_of_all_workers():
        _serve(settings)


def _serve(settings: Settings) -> None:
    # The metrics library looks once, when it is imported, whether there are several processes.
    from sidecar.app import create_app
    from sidecar.server import Server, engine_running

    with engine_running(settings) as (engine, supervisor):
        bundle = _bundle_in_words(engine)
        restarts = (lambda: supervisor.restarts) if supervisor else None

        def listening() -> None:
            where = f"http://{settings.listen.host}:{settings.listen.port}"
            click.echo(f"listening on {where} with {bundle}")

        Server(settings, lambda: create_app(settings, engine, restarts), listening).run()


def _bundle_in_words(engine: Engine) -> str:
    try:
        return f"bundle revision {engine.bundle().revision or 'without a name'}"
    except EngineError as wrong:
        # An OPA elsewhere may come later: until then nothing is decided, and /readyz says so.
        return f"no bundle yet ({wrong.message})"
