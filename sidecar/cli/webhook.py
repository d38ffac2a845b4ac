"""
`sidecar webhook`: add the sidecar to pods, as Kubernetes admits them.
"""

import os
from pathlib import Path

import click
import structlog

from sidecar.errors import SettingsError
from sidecar.observability import logs
from sidecar.observability.workers import metrics_of_all_workers
from sidecar.settings import Listen, Settings
from sidecar.watched import Watched
from sidecar.webhook.injection import Injection


@click.command()
@click.option(
    "--pod",
    type=click.Path(path_type=Path),
    required=True,
    help="What a pod gets, as deploy/kubernetes/component/pod/pod.yaml. Read again once changed.",
)
@click.option(
    "--image",
    "images",
    metavar="CONTAINER=IMAGE",
    multiple=True,
    help="Another image for a container of it; may be given more than once.",
)
def webhook(pod: Path, images: tuple[str, ...]) -> None:
    """Add the sidecar to pods, as Kubernetes admits them, until told to stop.

    Settings come from the environment: SIDECAR_LISTEN, SIDECAR_TLS_CERT, SIDECAR_TLS_KEY, and the
    file SIDECAR_CONFIG (`server`, `log`). An API server asks over TLS alone.
    """
    settings = Settings.from_environment(os.environ)
    if not settings.tls.served:
        raise SettingsError("SIDECAR_TLS_CERT is missing: an API server asks over TLS alone")
    logs.set_up(settings.log.level)
    injection = _watched(pod, dict(_image(given) for given in images))
    with metrics_of_all_workers():
        _serve(settings, injection)


def _serve(settings: Settings, injection: Watched[Injection]) -> None:
    # The metrics library looks once, when it is imported, whether there are several processes.
    from sidecar.server import Server, listening_socket
    from sidecar.webhook.app import create_app

    with listening_socket(settings.listen) as listener:
        where = Listen(settings.listen.host, listener.getsockname()[1])

        def listening() -> None:
            click.echo(f"listening on https://{where}")

        Server(settings, listener, lambda: create_app(injection), listening).run()


def _watched(pod: Path, images: dict[str, str]) -> Watched[Injection]:
    log = structlog.stdlib.get_logger("sidecar")

    def load(before: Injection | None) -> Injection:
        try:
            return Injection.from_file(pod, images)
        except SettingsError as wrong:
            if before is None:
                raise
            log.error("pods still get what they got before", why=wrong.message)
            return before

    watched = Watched((pod,), load)
    watched.current()
    return watched


def _image(given: str) -> tuple[str, str]:
    name, _, image = given.partition("=")
    if not name or not image:
        raise click.BadParameter(f"must be CONTAINER=IMAGE, got {given!r}", param_hint="--image")
    return name, image
