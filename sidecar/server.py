"""
gunicorn around the application: one master that holds OPA, and workers with threads.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

from gunicorn import glogging
from gunicorn.app.base import BaseApplication
from prometheus_client.multiprocess import mark_process_dead

from sidecar.bundle.build import open_bundle, take
from sidecar.bundle.opa import opa_binary
from sidecar.bundle.signing import verify
from sidecar.delivery.address import Address
from sidecar.delivery.delivery import Delivery, revisions
from sidecar.delivery.failure import Refused
from sidecar.delivery.gate import Gate
from sidecar.delivery.guard import Guard
from sidecar.delivery.journal import Journal
from sidecar.delivery.kept import Kept
from sidecar.delivery.opa_config import FetchingConfig
from sidecar.delivery.state import StateFile
from sidecar.delivery.watch import Watch
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.memory import Memory
from sidecar.engine.supervisor import SharedCount, Supervisor
from sidecar.errors import SettingsError
from sidecar.folders import temporary_folder
from sidecar.settings import Listen, Settings
from sidecar.tls import Certificates
from sidecar.worker import Worker, hold_stops, let_stops_through

if TYPE_CHECKING:
    from flask import Flask


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
        app: Callable[[], "Flask"],
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

    def load(self) -> "Flask":
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
def engine_running(settings: Settings) -> Iterator[tuple[Engine, SharedCount | None]]:
    """
    Have an OPA to ask, one of our own unless another is set, and an eye on its bundles.

    Returns:
        Who is asked, and how often our own OPA was restarted.

    Raises:
        SettingsError: A bundle is wrong, or by what it is fetched.
        MissingPart: OPA is not to be had.
    """
    with ExitStack() as held:
        folder = Path(held.enter_context(temporary_folder("sidecar-bundle-")))
        file = StateFile(folder)
        journal = Journal(file)
        restarts = None
        if url := settings.opa.url:
            kept = Kept(settings.bundles.persistence)
            watching = Opa(replace(_endpoint(settings, url), connections=1, read_timeout_s=2.0))
            held.enter_context(Watch(watching, settings.bundles, kept, journal))
        else:
            restarts = SharedCount()
            url = held.enter_context(_own_opa(settings, folder, journal, restarts))
        client = Opa(_endpoint(settings, url))
        entries, size = settings.memory.entries, settings.memory.bytes
        memory = Memory(entries, size) if entries else None
        guard = Guard(file, settings.bundles, judges=restarts is None)
        yield Engine(client, memory=memory, guard=guard), restarts


def _endpoint(settings: Settings, url: str) -> Endpoint:
    opa = settings.opa
    return Endpoint(
        url,
        connections=settings.server.threads,
        connect_timeout_s=opa.connect_timeout_s,
        read_timeout_s=opa.answer_timeout_s,
        ca=opa.ca,
        cert=opa.cert,
        key=opa.key,
    )


@contextmanager
def _own_opa(
    settings: Settings, folder: Path, journal: Journal, restarts: SharedCount
) -> Iterator[str]:
    keys = settings.signing.keys
    gate = Gate(
        opa_binary(),
        settings.bundles,
        None if keys is None else tuple(map(Path, keys)),
        settings.opa.start_within_s,
        restarts,
        settings.traces.of_opa(),
    )
    address = Address(folder)
    with ExitStack() as held:
        if settings.bundles.config is not None:
            config = FetchingConfig.read(
                settings.bundles.config, keys=gate.keys, most_bytes=settings.bundles.bytes
            )
            kept = Kept(settings.bundles.persistence)
            held.enter_context(Delivery(folder, config, gate, address, kept, journal))
        else:
            held.callback(address.stop)
            address.lead_to(_started(settings, folder, gate, journal))
        yield address.url


def _started(settings: Settings, folder: Path, gate: Gate, journal: Journal) -> Supervisor:
    """
    Start OPA with the bundles that are set.
    """
    source = settings.bundle
    bundles = {"decision": _taken(source, folder / "decision.tar.gz", gate)}
    for beside in map(Path, settings.bundles.beside):
        name = beside.name.removesuffix(".tar.gz")
        if name in bundles:
            raise SettingsError(f"bundles.beside: {name} stands twice")
        bundles[name] = _taken(beside, folder / f"{name}.tar.gz", gate)
    try:
        gate.check_number("decision", open_bundle(bundles["decision"]).revision)
        started = gate.started(bundles, "decision")
    except Refused as wrong:
        raise SettingsError(f"{source} does not become active: {wrong.details}") from wrong
    journal.active(revisions(started))
    journal.fixed()
    return started


def _taken(source: Path, target: Path, gate: Gate) -> Path:
    if gate.keys is None:
        return take(source, target, opa=gate.opa).path
    if source.is_dir():
        raise SettingsError(
            f"SIDECAR_BUNDLE must be a signed tarball, got the folder {source}: signing.keys is set"
        )
    # A copy: what was verified is what OPA gets, whatever becomes of the file.
    copyfile(open_bundle(source).path, target)
    verify(target, {str(key): key for key in gate.keys}, opa=gate.opa, called=source)
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
