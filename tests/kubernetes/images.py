"""
The images, built by the Dockerfiles of the tree.

Where a base image cannot be pulled, one of the same name stands in for it: Python of Debian's, and
the OPA that the sidecar finds. The Dockerfiles know nothing of that.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sidecar.bundle.opa import opa_binary
from tests.e2e.serve import ROOT
from tests.kubernetes.rendering import run

PYTHON: Final = "docker.io/library/python:3.11.14-slim-bookworm"
OPA: Final = "docker.io/openpolicyagent/opa:1.22.2-static"
SIDECAR: Final = "docker.io/library/privacy-sidecar:0.1.0"
BILLING: Final = "docker.io/library/billing:0.1.0"

# Builds run as the machine does: its way to packages is theirs.
_BUILD: Final = (
    *("--isolation=chroot", "--network=host", "--pull=never", "--ulimit=nofile=1024:1024"),
    *(
        f"--volume={place}:{place}:ro"
        for place in ("/etc/pip.conf", "/etc/ssl/certs")
        if Path(place).exists()
    ),
)
_DEBIAN: Final = ("python3", "python3-venv", "python3-pip", "ca-certificates")


def built() -> tuple[str, ...]:
    """
    Build the images that pods run, and say which they are.
    """
    _have(PYTHON, _python)
    _have(OPA, _opa)
    options = " ".join(_BUILD)
    run(
        "make",
        "-C",
        ROOT,
        "image",
        "CONTAINER=buildah",
        f"IMAGE={SIDECAR}",
        f"IMAGE_ARGS={options}",
    )
    dockerfile = ROOT / "examples" / "billing" / "Dockerfile"
    run(
        *("buildah", "build", f"--tag={BILLING}", f"--file={dockerfile}", *_BUILD),
        *(f"--build-arg=SIDECAR={SIDECAR}", ROOT),
    )
    return OPA, SIDECAR, BILLING


def _have(name: str, stand_in: Callable[[], None]) -> None:
    there = subprocess.run(["podman", "image", "exists", name], check=False).returncode == 0
    pull = ("podman", "pull", "--quiet", "--retry=0", name)
    if there or subprocess.run(pull, capture_output=True, check=False).returncode == 0:
        return
    stand_in()


def _python() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        packages = ",".join(_DEBIAN)
        run("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", root)
        for link in ("python", "python3"):
            (root / "usr" / "local" / "bin" / link).symlink_to("/usr/bin/python3")
        for waste in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc"):
            shutil.rmtree(root / waste, ignore_errors=True)
        archive = root.with_suffix(".tar")
        try:
            run("tar", "--directory", root, "--create", "--file", archive, ".")
            run("podman", "import", "--quiet", archive, PYTHON)
        finally:
            archive.unlink(missing_ok=True)


def _opa() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(opa_binary(), folder / "opa")
        (folder / "Dockerfile").write_text(
            'FROM scratch\nCOPY opa /opa\nUSER 1000:1000\nENV PATH=/\nENTRYPOINT ["/opa"]\n'
            'CMD ["run"]\n',
            "ascii",
        )
        run("buildah", "build", "--isolation=chroot", f"--tag={OPA}", folder)
