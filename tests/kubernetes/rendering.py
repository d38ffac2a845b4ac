"""
Manifests as kustomize and helm render them.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from sidecar.bundle.build import build
from sidecar.bundle.opa import opa_binary
from tests.e2e.serve import ROOT
from tests.kubernetes.build import BIN

MANIFESTS: Final = ROOT / "deploy" / "kubernetes"
CHART: Final = ROOT / "deploy" / "helm" / "privacy-sidecar"
POD: Final = MANIFESTS / "component" / "pod" / "pod.yaml"
OURS: Final = ["privacy-opa", "privacy-sidecar"]

Document = dict[str, Any]


def kustomized(folder: Path) -> list[Document]:
    """
    Render a kustomization.
    """
    return _documents(run(BIN / "kustomize", "build", folder))


def templated(*arguments: str | Path, namespace: str = "system") -> list[Document]:
    """
    Render the chart.
    """
    command = (BIN / "helm", "template", "release", CHART, f"--namespace={namespace}")
    return _documents(run(*command, *arguments))


def run(*command: str | Path, given: str | None = None, exit_code: int = 0) -> str:
    """
    Run a command, and return what it printed: where it is to fail, what it complained about.
    """
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert ended.returncode == exit_code, f"{command}:\n{ended.stdout}\n{ended.stderr}"
    return ended.stderr if exit_code else ended.stdout


def of_kind(documents: list[Document], kind: str) -> Document:
    """
    Find the one document of a kind. Dashboards, which are ConfigMaps too, do not count.
    """
    (found,) = (
        document
        for document in documents
        if document["kind"] == kind and not is_of_dashboards(document)
    )
    return found


def is_of_dashboards(document: Document) -> bool:
    """
    Whether Grafana finds dashboards in a document, by its label.
    """
    return bool(document["metadata"].get("labels", {}).get("grafana_dashboard") == "1")


def template(documents: list[Document], kind: str) -> Document:
    """
    Find the pod template of the one workload of a kind.
    """
    found: Document = of_kind(documents, kind)["spec"]["template"]
    return found


def dev_overlay(folder: Path) -> Path:
    """
    Copy the kustomizations, and put the bundle there that the dev overlay takes.

    Returns:
        The overlay.
    """
    deploy = MANIFESTS.parent
    for file in (*_files(MANIFESTS), *_files(deploy / "grafana")):
        target = folder / file.relative_to(deploy)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    overlay = folder / MANIFESTS.name / "overlays" / "dev"
    build(ROOT / "policies", overlay / "decision.tar.gz", opa=opa_binary())
    return overlay


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.suffix in {".yaml", ".json"})


def _documents(text: str) -> list[Document]:
    return [document for document in yaml.safe_load_all(text) if document]
