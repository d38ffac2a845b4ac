"""
The image by itself, as for a first look.
"""

import json
import subprocess
import uuid
from collections.abc import Iterator

import pytest
import requests

from tests.e2e.serve import free_port
from tests.kubernetes.images import SIDECAR
from tests.kubernetes.rendering import run
from tests.running import eventually

INSIDE = ("podman", "--cgroup-manager=cgroupfs", "--runtime=runc")
EVALUATION = {
    "subject": {"type": "csw", "id": "billing-service"},
    "action": {"name": "use"},
    "resource": {"type": "information", "id": "acme", "properties": {"categories": []}},
}


@pytest.fixture
def container(built_images: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """
    A container of the image that has as little as it can: its name, and where it listens.
    """
    assert SIDECAR in built_images
    name, address = f"test-{uuid.uuid4()}", f"127.0.0.1:{free_port()}"
    run(
        *(*INSIDE, "run", "--detach", f"--name={name}", "--network=host"),
        *("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"),
        *("--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp:rw,noexec,size=64m"),
        *("--cap-drop=all", "--security-opt=no-new-privileges"),
        *(f"--env=SIDECAR_LISTEN={address}", SIDECAR),
    )
    try:
        yield name, address
    finally:
        run(*INSIDE, "rm", "--force", "--time=5", name)


def test_it_answers_with_nothing_that_it_does_not_need(container: tuple[str, str]):
    """
    As a user that is not root, with a read-only root, without a capability and without a shell.
    """
    name, address = container

    assert eventually(lambda: _status(f"http://{address}/readyz") == 200, 30), _logs(name)
    answer = requests.post(f"http://{address}/access/v1/evaluation", json=EVALUATION, timeout=10)
    assert answer.status_code == 200
    assert answer.json()["decision"] is False
    seen = json.loads(run(*INSIDE, "inspect", name))[0]
    assert seen["HostConfig"]["ReadonlyRootfs"] is True
    assert set(_each(name, "capeff")) == {"none"}
    assert seen["Config"]["User"] == "65532:65532"
    assert set(_each(name, "comm")) == {"python3", "opa"}


def test_it_ends_when_it_is_told_to(container: tuple[str, str]):
    """
    SIGTERM is enough: exit code 0, long before anybody loses patience.
    """
    name, address = container
    assert eventually(lambda: _status(f"http://{address}/readyz") == 200, 30), _logs(name)

    run(*INSIDE, "kill", "--signal=TERM", name)

    assert run(*INSIDE, "wait", name).strip() == "0"


def test_it_says_what_it_is(built_images: tuple[str, ...]):
    """
    By the labels of OCI's, and by the packages' own metadata, which a bill of materials is made of.
    """
    image = json.loads(run("podman", "image", "inspect", SIDECAR))[0]
    labels = {name.rpartition(".")[2] for name in image["Labels"] if "opencontainers" in name}

    assert {"title", "description", "version", "revision"} <= labels
    assert image["Config"]["Entrypoint"] == ["python3", "-m", "sidecar"]
    code = (
        "import importlib.metadata as m; print(sorted(d.name for d in m.distributions("
        "path=['/opt/sidecar'])))"
    )
    said = run(
        *(*INSIDE, "run", "--rm", "--network=none", "--entrypoint=python3"),
        *("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", SIDECAR, "-c", code),
    )
    assert {"sidecar", "flask", "gunicorn"} <= {name.lower() for name in eval(said)}


def _status(url: str) -> int | None:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.ConnectionError:
        return None


def _logs(name: str) -> str:
    said = subprocess.run([*INSIDE, "logs", name], capture_output=True, text=True, check=False)
    return said.stdout + said.stderr


def _each(name: str, what: str) -> list[str]:
    """
    Say something of each process, without the headline.
    """
    return run(*INSIDE, "top", name, what).splitlines()[1:]
