"""
What a real API server makes of the manifests, where pods must be restricted.
"""

from pathlib import Path

import pytest
import yaml

from tests.kubernetes.build import BIN
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.rendering import (
    CHART,
    MANIFESTS,
    Document,
    dev_overlay,
    kustomized,
    run,
    template,
    templated,
)

VALUES = Path(__file__).parents[1] / "manifests" / "values.yaml"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The dev overlay, with a bundle.
    """
    return dev_overlay(tmp_path_factory.mktemp("dev"))


@pytest.fixture(params=["dev", "prod", "webhook", "chart"])
def documents(request: pytest.FixtureRequest, dev: Path, cluster: Cluster) -> list[Document]:
    """
    All that is rendered, each in turn; the namespaces that it is for are there.
    """
    if request.param == "chart":
        documents = templated("--values", VALUES, namespace="privacy-sidecar-system")
        return [*(restricted(name) for name in ("privacy-sidecar-system", "team")), *documents]
    folder = MANIFESTS / "webhook" if request.param == "webhook" else dev.parent / request.param
    return kustomized(folder)


def restricted(name: str, **labels: str) -> Document:
    """
    Make a namespace whose pods must be restricted.
    """
    levels = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
    metadata = {"name": name, "labels": {**levels, **labels}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def test_the_api_server_takes_them(cluster: Cluster, documents: list[Document]):
    """
    By a server-side dry run, also what the Prometheus operator defines: nothing is unknown, and
    nothing would violate the restricted level.
    """
    spaces = [each for each in documents if each["kind"] == "Namespace"]
    cluster.apply(*spaces)

    said = run(
        *(BIN / "kubectl", f"--kubeconfig={cluster.kubeconfig}", "apply", "--server-side"),
        *("--dry-run=server", "--validate=strict", "--filename=-", "--warnings-as-errors"),
        given=yaml.safe_dump_all(documents),
    )

    assert said.count("server dry run") == len(documents)


def test_their_pods_are_restricted(cluster: Cluster, dev: Path):
    """
    A pod of the template is admitted at the level restricted; with one right more it is not.
    """
    documents = kustomized(dev)
    cluster.apply(*(each for each in documents if each["kind"] == "Namespace"))
    pod = template(documents, "Deployment")
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": "tried", "namespace": "billing-dev"}
    asked = ("create", "--dry-run=server", "--filename=-")

    assert "created" in cluster.kubectl(*asked, given=yaml.safe_dump(pod))

    pod["spec"]["initContainers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    said = cluster.kubectl(*asked, given=yaml.safe_dump(pod), fails=True)
    assert "violates PodSecurity" in said
    assert "privacy-opa" in said


def test_helm_would_install_the_chart(cluster: Cluster):
    """
    By its own dry run against the API server.
    """
    cluster.apply(*(restricted(name) for name in ("privacy-sidecar-system", "team")))

    said = run(
        *(BIN / "helm", "install", "release", CHART, f"--kubeconfig={cluster.kubeconfig}"),
        *("--namespace=privacy-sidecar-system", "--dry-run=server", "--values", VALUES),
    )

    assert "STATUS: pending-install" in said
    assert "MutatingWebhookConfiguration" in said
