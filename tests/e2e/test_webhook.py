"""
`sidecar webhook` as Kubernetes asks it: over TLS, by a certificate that is checked.
"""

import base64
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.credentials import Authority, replace
from tests.e2e.serve import ROOT
from tests.running import eventually

POD = ROOT / "deploy" / "kubernetes" / "component" / "pod" / "pod.yaml"
COMMAND = (sys.executable, "-m", "sidecar", "webhook")
REVIEW = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "u-1",
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "object": {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "app"}]}},
    },
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """
    A webhook that runs.

    Attributes:
        process: gunicorn's master.

        folder: Where its files are: `pod.yaml`, `stdout`, `stderr`.

        authority: Who signed its certificate.
    """

    process: subprocess.Popen[bytes]
    folder: Path
    authority: Authority

    @property
    def stdout(self) -> str:
        """
        What it has printed.
        """
        return (self.folder / "stdout").read_text("utf-8")

    @property
    def stderr(self) -> str:
        """
        What it has logged.
        """
        return (self.folder / "stderr").read_text("utf-8")

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """
        Ask as somebody who trusts its authority alone.
        """
        port = int(self.stdout.rpartition(":")[2])
        trusted = self.authority.trusted()
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=trusted)
        with closing(connection):
            head = {"Content-Type": "application/json"}
            connection.request(method, path, body and json.dumps(body), head)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def containers(self) -> list[Any]:
        """
        Have a plain pod reviewed, and say which init containers it gets.
        """
        status, answer = self.ask("POST", "/inject", REVIEW)
        assert status == 200

        operations = json.loads(base64.b64decode(answer["response"]["patch"]))
        (added,) = (each for each in operations if each["path"] == "/spec/initContainers")
        containers: list[Any] = added["value"]
        return containers


@contextmanager
def webhook(folder: Path, *arguments: str) -> Iterator[Webhook]:
    """
    Run a webhook that listens.
    """
    authority = Authority()
    cert, key = authority.server().written(folder, "server")
    (folder / "pod.yaml").write_bytes(POD.read_bytes())
    environment = os.environ | {
        "SIDECAR_LISTEN": "127.0.0.1:0",
        "SIDECAR_TLS_CERT": str(cert),
        "SIDECAR_TLS_KEY": str(key),
        "TMPDIR": str(folder),
    }
    command = (*COMMAND, f"--pod={folder / 'pod.yaml'}", *arguments)
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=err, process_group=0
        )
    running = Webhook(process, folder, authority)
    try:
        assert eventually(lambda: process.poll() is not None or running.stdout.endswith("\n"))
        assert process.poll() is None, running.stderr
        yield running
    finally:
        process.terminate()
        process.wait(30)


def test_pods_get_what_the_file_says(tmp_path: Path):
    """
    With the images that were named; and once it is told to, it ends, with exit code 0.
    """
    with webhook(tmp_path, "--image=privacy-sidecar=registry.example/sidecar:2") as running:
        assert running.ask("GET", "/healthz") == (200, {"state": "alive"})
        opa, sidecar = running.containers()

    assert (opa["name"], sidecar["name"]) == ("privacy-opa", "privacy-sidecar")
    assert opa["image"].startswith("docker.io/openpolicyagent/opa:")
    assert sidecar["image"] == "registry.example/sidecar:2"
    assert running.process.returncode == 0


def test_the_file_is_read_again_once_it_has_changed(tmp_path: Path):
    """
    A new content counts for the next pod; one that cannot be used does not, and is logged.
    """
    with webhook(tmp_path) as running:
        assert len(running.containers()) == 2
        replace(tmp_path / "pod.yaml", POD.read_text("utf-8").replace("privacy-opa", "other-opa"))
        assert eventually(lambda: running.containers()[0]["name"] == "other-opa")

        replace(tmp_path / "pod.yaml", "spec: 1")

        assert eventually(lambda: running.containers() and "got before" in running.stderr)
        assert running.containers()[0]["name"] == "other-opa"


@pytest.mark.parametrize(
    ("arguments", "served", "said"),
    [
        (("--pod=pod.yaml",), False, "SIDECAR_TLS_CERT is missing"),
        ((), False, "Missing option '--pod'"),
        (("--pod=pod.yaml", "--image=x"), True, "must be CONTAINER=IMAGE, got 'x'"),
        (("--pod=nowhere.yaml",), True, "nowhere.yaml cannot be read"),
        (("--pod=pod.yaml", "--image=no=x"), True, "has no container 'no'"),
    ],
)
def test_what_it_cannot_do_stops_the_start(
    tmp_path: Path, arguments: tuple[str, ...], served: bool, said: str
):
    """
    Exit code 2, and a sentence that names what is wrong.
    """
    (tmp_path / "pod.yaml").write_bytes(POD.read_bytes())
    given = os.environ | {"SIDECAR_LISTEN": "127.0.0.1:0", "PYTHONPATH": str(ROOT)}
    if served:
        cert, key = Authority().server().written(tmp_path, "server")
        given |= {"SIDECAR_TLS_CERT": str(cert), "SIDECAR_TLS_KEY": str(key)}

    ended = subprocess.run(
        [*COMMAND, *arguments], cwd=tmp_path, env=given, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
