"""
gunicorn around the application: one master that holds OPA, and workers with threads.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn import glogging
from gunicorn.app.base import BaseApplication
from prometheus_client.multiprocess import mark_process_dead

from sidecar.bundle.build import take
from sidecar.bundle.opa import opa_binary
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.supervisor import Supervisor
from sidecar.settings import Settings


class Server(BaseApplication):  # type: ignore[misc]
    """
    gunicorn, set up from our settings alone.

    Args:
        settings: All that is set.

        app: Makes the application, in each worker.

        listening: Called once the sockets are there.
    """

    def __init__(
        self, settings: Settings, app: Callable[[], Flask], listening: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._app = app
        self._listening = listening
        super().__init__()

    def load_config(self) -> None:
        """
        Set gunicorn up.
        """
        server = self._settings.server
        listen = self._settings.listen
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        for name, value in {
            "bind": f"{host}:{listen.port}",
            "worker_class": "gthread",
            "workers": server.workers,
            "threads": server.threads,
            "keepalive": server.keepalive_s,
            "graceful_timeout": server.stop_within_s,
            "timeout": 60,
            "control_socket_disable": True,
            "when_ready": self._when_ready,
            "child_exit": _forget_worker,
            "logger_class": Logger,
            "accesslog": None,
        }.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """
        Make the application, in a worker.
        """
        return self._app()

    def _when_ready(self, _: Any) -> None:
        self._listening()


class Logger(glogging.Logger):  # type: ignore[misc]
    """
    gunicorn's logger, which leaves handlers to ours.
    """

    def setup(self, _: Any) -> None:
        """
        Let events rise to the root.
        """
        self.error_log.propagate = True

    def access(self, *_: Any) -> None:
        """
        Do nothing: requests are logged by the application.
        """


@contextmanager
def engine_running(settings: Settings) -> Iterator[tuple[Engine, Supervisor | None]]:
    """
    Have an OPA to ask: one of our own, unless another is set.

    Raises:
        SettingsError: The bundle is wrong.
        MissingPart: OPA is not to be had.
    """
    opa = settings.opa
    with ExitStack() as held:
        supervisor = None
        url = opa.url
        if url is None:
            supervisor = held.enter_context(_own_opa(settings))
            url = supervisor.url
        endpoint = Endpoint(
            url,
            connections=settings.server.threads,
            connect_timeout_s=opa.connect_timeout_s,
            read_timeout_s=opa.answer_timeout_s,
            ca=opa.ca,
            cert=opa.cert,
            key=opa.key,
        )
        yield Engine(Opa(endpoint)), supervisor


@contextmanager
def _own_opa(settings: Settings) -> Iterator[Supervisor]:
    binary = opa_binary()
    with tempfile.TemporaryDirectory(prefix="sidecar-bundle-") as folder:
        built = take(settings.bundle, Path(folder, "bundle.tar.gz"), opa=binary)
        with Supervisor(
            binary, built.path, start_within_s=settings.opa.start_within_s
        ) as supervisor:
            yield supervisor


def _forget_worker(_: Any, worker: Any) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
