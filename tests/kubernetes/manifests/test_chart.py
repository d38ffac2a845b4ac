"""
The chart: the same facts as the kustomizations, in another wrapping.
"""

import json
from pathlib import Path

import pytest
import yaml

from sidecar.webhook.injection import Injection
from tests.e2e.serve import ROOT
from tests.kubernetes.build import BIN
from tests.kubernetes.rendering import (
    CHART,
    MANIFESTS,
    POD,
    Document,
    is_of_dashboards,
    kustomized,
    of_kind,
    run,
    templated,
)

VALUES = Path(__file__).with_name("values.yaml")


@pytest.fixture(scope="module")
def chart() -> list[Document]:
    """
    The chart, rendered with everything on, where the kustomization puts it.
    """
    return templated("--values", VALUES, namespace="privacy-sidecar-system")


def _named(documents: list[Document], kind: str, name: str) -> Document:
    (found,) = (
        each for each in documents if each["kind"] == kind and each["metadata"]["name"] == name
    )
    return found


def test_the_dashboards_are_the_same(chart: list[Document]):
    """
    All that are generated, by the chart and by the kustomization.
    """
    generated = {
        file.name: json.loads(file.read_text("utf-8"))
        for file in (ROOT / "deploy/grafana/dashboards").glob("*.json")
    }
    for documents in (chart, kustomized(MANIFESTS / "overlays" / "prod")):
        found = [document["data"] for document in documents if is_of_dashboards(document)]
        there = {name: json.loads(text) for data in found for name, text in data.items()}
        assert there == generated


def test_it_passes_lint():
    """
    Strictly: a warning fails.
    """
    run(BIN / "helm", "lint", "--strict", CHART, "--values", VALUES)


def test_pods_get_the_same(chart: list[Document]):
    """
    What the webhook adds is the one file's content, as long as nothing else is set.
    """
    given = _named(chart, "ConfigMap", "privacy-sidecar-pod")["data"]["pod.yaml"]

    assert yaml.safe_load(POD.read_text("utf-8")) == yaml.safe_load(given)


@pytest.mark.parametrize(
    "kind",
    [
        "Deployment",
        "Service",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "MutatingWebhookConfiguration",
    ],
)
def test_the_webhook_is_the_same(chart: list[Document], kind: str):
    """
    But for the certificate that the chart makes, and the digest in a ConfigMap's name.
    """
    theirs = of_kind(kustomized(MANIFESTS / "webhook"), kind)
    ours = _named(chart, kind, theirs["metadata"]["name"])
    if kind == "MutatingWebhookConfiguration":
        assert ours["webhooks"][0]["clientConfig"].pop("caBundle")
    if kind == "Deployment":
        for document in (theirs, ours):
            settings = document["spec"]["template"]["spec"]["volumes"][1]["configMap"]

            assert settings.pop("name").startswith("privacy-sidecar-pod")

    assert theirs == ours


def test_rules_are_the_same(chart: list[Document]):
    """
    Those of deploy/prometheus/, as the kustomization has them.
    """
    theirs = of_kind(kustomized(MANIFESTS / "overlays" / "prod"), "PrometheusRule")

    assert theirs["spec"] == of_kind(chart, "PrometheusRule")["spec"]


def test_a_namespace_gets_its_settings(chart: list[Document]):
    """
    Its own OPA's, and the sidecar's: what is set beside what always is.
    """
    settings = _named(chart, "ConfigMap", "privacy-sidecar")

    assert settings["metadata"]["namespace"] == "team"
    opa = yaml.safe_load(settings["data"]["opa.yaml"])
    assert opa["bundles"] == {"decision": {"resource": "file:///etc/privacy/decision.tar.gz"}}
    assert yaml.safe_load(settings["data"]["sidecar.yaml"]) == {
        "listen_beyond_loopback": True,
        "log": {"level": "info"},
    }


def test_images_and_resources_can_be_others(tmp_path: Path):
    """
    By the containers' names; the webhook runs the same image as it gives to pods.
    """
    values = {
        "images": {"privacy-sidecar": "registry.example/s:2"},
        "resources": {"privacy-opa": {"limits": {"memory": "1Gi"}}},
    }
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values), "utf-8")
    documents = templated("--values", tmp_path / "values.yaml")
    (tmp_path / "pod.yaml").write_text(
        _named(documents, "ConfigMap", "privacy-sidecar-pod")["data"]["pod.yaml"], "utf-8"
    )

    opa, sidecar = Injection.from_file(tmp_path / "pod.yaml").containers
    assert (
        sidecar["image"],
        opa["resources"],
    ) == ("registry.example/s:2", {"limits": {"memory": "1Gi"}})
    webhook = of_kind(documents, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert webhook["image"] == "registry.example/s:2"


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("imagez.x=1", "imagez"),
        ("images.other=x:1", "other"),
        ("webhook.replicas=0", "replicas"),
        ("webhook.certificate.secret=mine", "caBundle"),
        ("namespaces[0].name=team", "opa"),
        ("namespaces[0].name=Team", "name"),
        ("monitoring.enabled=perhaps", "monitoring"),
    ],
)
def test_wrong_values_are_refused(setting: str, named: str):
    """
    By the schema, with the place.
    """
    said = run(BIN / "helm", "template", "x", CHART, "--set", setting, exit_code=1)

    assert named in said
