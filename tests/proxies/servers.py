"""
The proxies, run with the configurations in deploy/proxies/.
"""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from tests.e2e.serve import ROOT, Answer, free_port
from tests.running import eventually, stop

NAMES = ("nginx", "traefik", "caddy", "envoy")
CONFIGURATIONS = ROOT / "deploy" / "proxies"
READY_WITHIN_S = 20.0
STOPPED_WITHIN_S = 10
ANSWERED_WITHIN_S = 10

_ARGUMENTS = {
    "nginx": ("-e", "stderr", "-p", ".", "-c", "nginx.conf"),
    "traefik": ("--configFile=traefik.yaml",),
    "caddy": ("run", "--config", "Caddyfile"),
    "envoy": ("--disable-hot-restart", "--concurrency", "1", "-c", "envoy.yaml"),
}


@dataclass(frozen=True, slots=True)
class Proxy:
    """
    A proxy that runs.

    Attributes:
        name: Which one.

        port: Where it listens, on the loopback.

        log: Where its log goes.
    """

    name: str
    port: int
    log: Path

    @property
    def said(self) -> str:
        """
        What it has logged.
        """
        return self.log.read_text("utf-8", "replace")

    def connected(self) -> socket.socket:
        """
        Make a connection, to be closed by the caller.
        """
        return socket.create_connection(("127.0.0.1", self.port), ANSWERED_WITHIN_S)

    def send(self, request: bytes) -> Answer | None:
        """
        Send bytes as they are, on a connection of their own, and read one answer; None where the
        proxy gives none.
        """
        with self.connected() as connection:
            connection.sendall(request)
            return answer(connection, request.partition(b" ")[0].decode("latin-1"))

    def send_to_the_end(self, requests: bytes) -> None:
        """
        Send bytes as they are, of which the last request ends the connection, and wait until the
        proxy does.
        """
        with self.connected() as connection:
            connection.sendall(requests)
            with suppress(ConnectionError):
                while connection.recv(65536):
                    pass

    def ask(self, method: str, target: str, *headers: str, body: bytes = b"") -> Answer:
        """
        Send a request.

        Args:
            method: The method.

            target: The request target, as it is to stand there.

            headers: Further lines of the head.

            body: What comes after the head.
        """
        lines = (f"{method} {target} HTTP/1.1", "Host: served.example", *headers, "", "")
        found = self.send("\r\n".join(lines).encode("latin-1") + body)
        assert found is not None, self.said
        return found


def answer(connection: socket.socket, method: str = "GET") -> Answer | None:
    """
    Read an answer; None where the connection ends without one, or what comes is none of HTTP/1.
    """
    response = HTTPResponse(connection, method=method)
    try:
        response.begin()
    except (ConnectionError, HTTPException):
        response.close()
        return None
    with response:
        headers = {name.lower(): value for name, value in response.getheaders()}
        content = b"" if response.status == 101 else response.read()
        return Answer(response.status, headers, content)


@contextmanager
def proxy_running(name: str, folder: Path, pdp_port: int, upstream_port: int) -> Iterator[Proxy]:
    """
    Run a proxy until the caller is done with it.

    Args:
        name: Which one.

        folder: Where its configuration, its log and whatever it leaves may go.

        pdp_port: Where it asks for decisions.

        upstream_port: What it protects.

    Raises:
        RuntimeError: It is not installed, ended, or was not ready in time.
    """
    port = free_port()
    values = {
        **{f"{who}_HOST": "127.0.0.1" for who in ("LISTEN", "PDP", "UPSTREAM")},
        "LISTEN_PORT": str(port),
        "PDP_PORT": str(pdp_port),
        "UPSTREAM_PORT": str(upstream_port),
    }
    shutil.copytree(CONFIGURATIONS / name, folder, dirs_exist_ok=True)
    if name == "nginx":
        shutil.copy(Path(__file__).with_name("nginx.conf"), folder)
    for file in folder.iterdir():
        file.write_text(_filled(file.read_text("utf-8"), values), "utf-8")
    proxy = Proxy(name, port, folder / "log")
    # There Caddy keeps what is not for others.
    env = os.environ | values | {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with proxy.log.open("wb") as log:
        process = subprocess.Popen(
            [_binary(name), *_ARGUMENTS[name]],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )
        try:
            eventually(lambda: process.poll() is not None or _answers(proxy), READY_WITHIN_S)
            if process.poll() is not None or not _answers(proxy):
                raise RuntimeError(f"{name} ended, or was not ready in time:\n{proxy.said}")
            yield proxy
        finally:
            assert stop(process, STOPPED_WITHIN_S), "it did not end in time"


def _filled(text: str, values: dict[str, str]) -> str:
    """
    Do what `envsubst` does when it is told the names.
    """
    return re.sub(r"\$\{([A-Z_]+)\}", lambda match: values[match[1]], text)


def _binary(name: str) -> str:
    # As the Makefile says; make has told it already.
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    installed = Path(os.environ.get("PROXIES") or f"{cache}/sidecar/proxies", "bin")
    path = os.pathsep.join((str(installed), os.environ.get("PATH", ""), "/usr/sbin"))
    found = shutil.which(name, path=path)
    if found is None:
        raise RuntimeError(f"{name} is not installed; mend it with: make tools-proxies")
    return found


def _answers(proxy: Proxy) -> bool:
    """
    Say whether it has read all of its configuration: before that, Traefik knows of no path.
    """
    try:
        found = proxy.ask("GET", "/")
    except (OSError, HTTPException):
        return False
    return found.status != 404
