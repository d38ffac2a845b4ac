"""
An OPA process of our own: started, watched over, restarted, and never left behind.
"""

import atexit
import logging
import mmap
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from sidecar import forks
from sidecar.engine import tether
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.home import Home
from sidecar.errors import MissingPart, SettingsError

_LOOK_EVERY_S: Final = 0.02
_LAST_WORDS: Final = 20

# Measured: less collecting of garbage makes decisions a fifth quicker. The limit bounds its price.
_GO: Final = {"GOGC": "400", "GOMEMLIMIT": "512MiB"}
# What an operator may set for Go, and what Python may need to start; never a proxy.
_PASSED_ON: Final = ("GOGC", "GOMEMLIMIT", "GOMAXPROCS", "LD_LIBRARY_PATH")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """
    What an OPA process is started for.

    Attributes:
        files: What is copied into its folder, by the name there.

        arguments: What its command line says beside where it listens.

        environment: What it finds in its environment.

        ready: What its health is asked for before it counts as started.

        heard: Whether what it prints is logged.
    """

    files: Mapping[str, Path]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Mapping[str, str] = field(default_factory=dict)
    heard: bool = True

    @classmethod
    def deciding(cls, bundles: Mapping[str, Path], more: Sequence[str] = ()) -> "Job":
        """
        Decide with built bundles.

        Args:
            bundles: Their tarballs, by the names that OPA calls them in its answers.

            more: Further arguments.
        """
        # From the command line: OPA listens only when all are active, and ends at once when one is
        # broken. Whose bundles they are was looked at before; without a key OPA would take no
        # signed one.
        named = [argument for name in bundles for argument in ("--bundle", name)]
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        arguments = (*named, "--skip-verify", *more)
        return cls(bundles, arguments, {**_GO, **passed_on}, {"bundles": "true"})


class SharedCount:
    """
    Counts what happens in one process so that its forked children read it too.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 8)

    @property
    def value(self) -> int:
        """
        How often it happened.
        """
        return int.from_bytes(self._shared[:8], "little")

    def add(self) -> None:
        """
        Count once more. One thread at a time may do that.
        """
        self._shared[:8] = (self.value + 1).to_bytes(8, "little")


class Supervisor:
    """
    Runs OPA on a Unix socket in a private folder.

    OPA is started by a thread that lives as long as it does, and is ended by the kernel should this
    process die. Under gunicorn this must be the master: the workers come and go. In a forked child
    everything but `url` and `restarts` is without effect.

    Args:
        opa: OPA's binary.

        job: What it is started for. Its files are copied: what becomes of them later does not
            matter.

        start_within_s: How long the first start may take.

        stop_within_s: How long OPA may take to end before it is killed.

        wait_s: How long to wait before a restart: at first, and at most.

        count: Where restarts are counted; None for a count of its own.
    """

    def __init__(
        self,
        opa: Path,
        job: Job,
        *,
        start_within_s: float = 10.0,
        stop_within_s: float = 5.0,
        wait_s: tuple[float, float] = (0.1, 5.0),
        count: SharedCount | None = None,
    ) -> None:
        self._opa = opa
        self._job = job
        self._start_within_s = start_within_s
        self._stop_within_s = stop_within_s
        self._wait_s = wait_s
        self._owner = os.getpid()
        self._home: Home | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._thread = threading.Thread(target=self._supervise, name="opa", daemon=True)
        self._count = count or SharedCount()
        self._died = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """
        Where OPA listens, once it was started.
        """
        assert self._home is not None, "not started"
        return f"unix://{self._home.socket}"

    @property
    def folder(self) -> Path:
        """
        OPA's folder, once it was started.
        """
        assert self._home is not None, "not started"
        return self._home.folder

    @property
    def pid(self) -> int | None:
        """
        OPA's process id, while there is one.
        """
        return self._process.pid if self._process else None

    @property
    def restarts(self) -> int:
        """
        How often OPA died and was started again.
        """
        return self._count.value

    def start(self) -> None:
        """
        Start OPA, and return when it is ready. Once in a supervisor's life.

        Raises:
            SettingsError: OPA does not take its files; the message is OPA's own.
            MissingPart: OPA is not ready in time.
        """
        self._home = Home.made()
        atexit.register(self.stop)
        try:
            for name, file in self._job.files.items():
                shutil.copyfile(file, self._home.folder / name)
            self._thread.start()
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """
        End OPA, and remove its folder. May be called at any time, and more than once.
        """
        if self._home is None or os.getpid() != self._owner:
            return
        with self._lock:
            self._stopping.set()
            process = self._process
        if process:
            self._end(process)
        if self._thread.ident:
            self._thread.join()
        self._home.remove()
        self._home = None
        atexit.unregister(self.stop)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        self._thread.join(self._stop_within_s)
        if self._thread.is_alive():
            # The whole group: where the tether had to stay, OPA is its child.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._start_within_s
        opa = Opa(Endpoint(self.url, connections=1))
        try:
            while not opa.check_health(self._job.ready):
                if self._died:
                    words = "\n".join(self._words)
                    files = ", ".join(self._job.files)
                    raise SettingsError(f"OPA does not start with {files}:\n{words}")
                if time.monotonic() > deadline:
                    took = f"{self._start_within_s:g} seconds"
                    raise MissingPart(f"OPA ({self._opa}) was not ready within {took}.")
                time.sleep(_LOOK_EVERY_S)
        finally:
            opa.close_connection()

    def _supervise(self) -> None:
        shortest, longest = self._wait_s
        wait = shortest
        while not self._stopping.is_set():
            started = time.monotonic()
            self._run()
            if self._stopping.is_set():
                return
            if time.monotonic() - started > longest:
                wait = shortest
            self._died = True
            self._count.add()
            _log.error("OPA has died, and is started again in %g s", wait)
            self._stopping.wait(wait)
            wait = min(2 * wait, longest)

    def _run(self) -> None:
        """
        Start OPA, and return when it has ended.
        """
        with self._lock:
            if self._stopping.is_set():
                return
            try:
                self._process = process = self._started()
            except OSError as wrong:
                _log.error("OPA cannot be started: %s", wrong)
                return
        assert process.stdout is not None
        with process.stdout as said:
            # Ends with OPA. Waiting for the process alone would not do: gunicorn waits for it too.
            for line in said:
                self._words.append(line.decode("utf-8", "replace").rstrip())
                if self._job.heard:
                    _log.warning("OPA says: %s", self._words[-1])
        process.wait()
        self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        assert self._home is not None
        tied = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        return forks.Popen(
            tied + self._command(),
            cwd=self._home.folder,
            env=dict(self._job.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A buffered reader has a lock, and a child forked meanwhile would wait for it for ever.
            bufsize=0,
            # A group of its own: Ctrl-C is for the sidecar, which has requests to finish.
            process_group=0,
        )

    def _command(self) -> list[str]:
        assert self._home is not None
        return [
            str(self._opa.absolute()),
            *("run", "--server", "--skip-version-check", "--log-level", "error"),
            *("--addr", f"unix://{self._home.socket}", "--unix-socket-perm", "660"),
            *self._job.arguments,
        ]
