"""
gunicorn around the application: one master that holds OPA, and workers with threads.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

from flask import Flask
from gunicorn import glogging
from gunicorn.app.base import BaseApplication
from prometheus_client.multiprocess import mark_process_dead

from sidecar.bundle.build import open_bundle, take
from sidecar.bundle.opa import opa_binary
from sidecar.bundle.signing import verify
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.memory import Memory
from sidecar.engine.supervisor import Job, Supervisor
from sidecar.errors import SettingsError
from sidecar.folders import temporary_folder
from sidecar.settings import Listen, Settings
from sidecar.tls import Certificates
from sidecar.worker import Worker, hold_stops, let_stops_through


class Server(BaseApplication):  # type: ignore[misc]
    """
    gunicorn, set up from our settings alone.

    Args:
        settings: All that is set.

        listener: Where callers come in. gunicorn takes it over.

        app: Makes the application, in each worker.

        listening: Called once workers are about to be started.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        app: Callable[[], Flask],
        listening: Callable[[], None],
    ) -> None:
        self.settings = settings
        self._listener = listener.detach()
        self._app = app
        self._listening = listening
        # gunicorn would take it off every path.
        os.environ.pop("SCRIPT_NAME", None)
        super().__init__()

    def load_config(self) -> None:
        """
        Set gunicorn up.
        """
        server = self.settings.server
        tls = self.settings.tls
        if tls.served:
            self.cfg.set("certfile", str(tls.cert))
            self.cfg.set("keyfile", str(tls.key))
            self.cfg.set("ssl_context", Certificates(tls))
        for name, value in {
            "bind": f"fd://{self._listener}",
            "worker_class": Worker,
            "workers": server.workers,
            "threads": server.threads,
            "keepalive": server.keepalive_s,
            "graceful_timeout": server.stop_within_s,
            "timeout": 60,
            "control_socket_disable": True,
            "when_ready": self._when_ready,
            "child_exit": _forget_worker,
            "pre_exec": let_stops_through,
            "logger_class": Logger,
            "accesslog": None,
            # Whoever asks is on this machine: that makes nobody a proxy that may say who asks.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
        }.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        """
        Serve until told to stop.
        """
        os.register_at_fork(before=hold_stops, after_in_parent=let_stops_through)
        super().run()

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

    def debug(self, *_: Any, **__: Any) -> None:
        """
        Do nothing: such events quote what callers sent.
        """

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
        entries, size = settings.memory.entries, settings.memory.bytes
        memory = Memory(entries, size) if entries else None
        yield Engine(Opa(endpoint), memory=memory), supervisor


@contextmanager
def _own_opa(settings: Settings) -> Iterator[Supervisor]:
    binary = opa_binary()
    with ExitStack() as held:
        with temporary_folder("sidecar-bundle-") as folder:
            bundle = _bundle(settings, Path(folder, "bundle.tar.gz"), binary)
            job = Job.deciding({"decision": bundle})
            supervisor = Supervisor(binary, job, start_within_s=settings.opa.start_within_s)
            held.enter_context(supervisor)
        yield supervisor


def _bundle(settings: Settings, target: Path, opa: Path) -> Path:
    source, keys = settings.bundle, settings.signing.keys
    if keys is None:
        return take(source, target, opa=opa).path
    if source.is_dir():
        raise SettingsError(
            f"SIDECAR_BUNDLE must be a signed tarball, got the folder {source}: signing.keys is set"
        )
    # A copy: what was verified is what OPA gets, whatever becomes of the file.
    copyfile(open_bundle(source).path, target)
    verify(target, {key: Path(key) for key in keys}, opa=opa, called=source)
    return target


def listening_socket(listen: Listen) -> socket.socket:
    """
    Listen for callers.

    Raises:
        SettingsError: That address is taken, or is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        return socket.create_server((listen.host, listen.port), family=family, backlog=2048)
    except OSError as wrong:
        raise SettingsError(
            f"SIDECAR_LISTEN must be an address of this machine that is free: {wrong.strerror}"
        ) from wrong


def _forget_worker(_: Any, worker: Any) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
