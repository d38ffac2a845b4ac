"""
Have what tests of Kubernetes run, built from Go modules whose versions and digests stand in go/:
`make tools-manifests` and `make tools-kubernetes`.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from sidecar.bundle.go import GoMissing, go_binary

_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
HOME: Final = Path(os.environ.get("KUBERNETES") or _CACHE / "sidecar" / "kubernetes")
"""
Where all of it stands, outside the tree.
"""

BIN: Final = HOME / "bin"
CRDS: Final = HOME / "crds"
MODULES: Final = Path(__file__).with_name("go")

_KUBERNETES: Final = "k8s.io/kubernetes/cmd"
_PACKAGES: Final = {
    "kustomize": ("kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
    "kube-score": ("kube-score", "github.com/zegl/kube-score/cmd/kube-score"),
    "helm": ("helm", "helm.sh/helm/v4/cmd/helm"),
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "pause": ("pause", "."),
    "kube-apiserver": ("kubernetes", f"{_KUBERNETES}/kube-apiserver"),
    "kube-controller-manager": ("kubernetes", f"{_KUBERNETES}/kube-controller-manager"),
    "kube-scheduler": ("kubernetes", f"{_KUBERNETES}/kube-scheduler"),
    "kubelet": ("kubernetes", f"{_KUBERNETES}/kubelet"),
    "kubectl": ("kubernetes", f"{_KUBERNETES}/kubectl"),
}
_OPERATOR: Final = "github.com/prometheus-operator/prometheus-operator"
_RESOURCES: Final = ("podmonitors", "prometheusrules")
_RELEASE: Final = "v1.37.2"


def build(go: Path, command: str) -> None:
    """
    Build a command, unless it is there from the same module.

    Args:
        go: The Go command.

        command: Which.
    """
    module, package = _PACKAGES[command]
    folder, target = MODULES / module, BIN / command
    stamp = _digest(folder)
    built = BIN / f".{command}"
    if target.exists() and built.exists() and built.read_text("ascii") == stamp:
        return
    print(f"building {command}", flush=True)
    version = f"-X k8s.io/component-base/version.gitVersion={_RELEASE}"
    flags = f"-s -w {version if module == 'kubernetes' else ''}"
    _run(go, folder, "build", "-ldflags", flags, "-o", str(target), package)
    built.write_text(stamp, "ascii")


def custom_resources(go: Path) -> None:
    """
    Take the definitions of the Prometheus operator's resources out of its module.
    """
    said = _run(go, MODULES / "prometheus-operator", "mod", "download", "-json", _OPERATOR)
    found: dict[str, Any] = json.loads(said)
    CRDS.mkdir(exist_ok=True)
    for name in _RESOURCES:
        file = f"monitoring.coreos.com_{name}.yaml"
        shutil.copy(Path(found["Dir"], "example", "prometheus-operator-crd", file), CRDS / file)
        (CRDS / file).chmod(0o644)


def main(commands: list[str]) -> int:
    """
    Build the commands that are named, or all.

    Returns:
        3 where there is no Go and none is to be had, or nothing could be built.
    """
    BIN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            go = go_binary(Path(folder))
            for command in commands or _PACKAGES:
                build(go, command)
            if not commands:
                custom_resources(go)
        except (GoMissing, subprocess.CalledProcessError) as wrong:
            print(f"tools for Kubernetes are not to be had: {wrong}", file=sys.stderr)
            return 3
    return 0


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _run(go: Path, folder: Path, *arguments: str) -> str:
    # Static: some of it runs where there is no C library.
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    return subprocess.run(
        [str(go), *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
