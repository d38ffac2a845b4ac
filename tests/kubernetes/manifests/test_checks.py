"""
What others say about the manifests: Kubernetes' own schemas, and kube-score.
"""

from pathlib import Path

import pytest
import yaml

from tests.kubernetes.build import BIN, HOME
from tests.kubernetes.rendering import MANIFESTS, Document, dev_overlay, kustomized, run, templated

OPERATORS = ("monitoring.coreos.com/v1", "cert-manager.io/v1")
RENDERED = ["dev", "prod", "webhook", "chart"]


@pytest.fixture(scope="module", params=RENDERED)
def documents(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Document]:
    """
    All that is rendered, each in turn.
    """
    if request.param == "dev":
        return kustomized(dev_overlay(tmp_path_factory.mktemp("dev")))
    if request.param == "chart":
        return templated("--values", Path(__file__).with_name("values.yaml"))
    place = "webhook" if request.param == "webhook" else "overlays/prod"
    return kustomized(MANIFESTS / place)


def test_kubernetes_schemas_fit(documents: list[Document], tmp_path: Path):
    """
    Strictly: no attribute that there is not. What operators define is left to a real API server.
    """
    known = [document for document in documents if document["apiVersion"] not in OPERATORS]
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all(known), "utf-8")

    said = run(HOME / "venv" / "bin" / "kubernetes-validate", "--strict", "-k", "1.37", file)

    assert said.count("passed") == len(known)


def test_kube_score_finds_nothing_critical(documents: list[Document]):
    """
    But for two things that are so on purpose, and said so where they stand: no limit of CPU, and
    images that are not asked for again. The pods that the chart's policy is for are made by others.
    """
    documents = [
        document for document in documents if document["metadata"].get("namespace") != "team"
    ]
    said = run(
        BIN / "kube-score",
        *("score", "--output-format=ci", "--ignore-container-cpu-limit"),
        *("--ignore-test=container-image-pull-policy", "-"),
        given=yaml.safe_dump_all(documents),
    )

    assert "[OK]" in said
    assert "[CRITICAL]" not in said


def test_images_have_a_version(documents: list[Document]):
    """
    Nothing runs whatever `latest` happens to be.
    """
    pods = [each["spec"]["template"]["spec"] for each in documents if each["kind"] == "Deployment"]
    images = [
        container["image"]
        for pod in pods
        for container in (*pod["containers"], *pod.get("initContainers", ()))
    ]

    assert images
    for image in images:
        _, colon, tag = image.rpartition("/")[2].partition(":")
        assert colon and tag[0].isdigit(), image
