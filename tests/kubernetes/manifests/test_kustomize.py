"""
What the kustomizations make.
"""

from pathlib import Path

import pytest
import yaml

from sidecar.webhook.injection import Injection
from tests.kubernetes.rendering import (
    MANIFESTS,
    OURS,
    POD,
    Document,
    dev_overlay,
    kustomized,
    of_kind,
    template,
)
from tests.unit.webhook.test_injection import patched

KINDS = ["Deployment", "StatefulSet", "DaemonSet", "Job"]


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The dev overlay, with a bundle.
    """
    return dev_overlay(tmp_path_factory.mktemp("dev"))


def _workload(kind: str, **labels: str) -> Document:
    spec = {"containers": [{"name": "app", "image": "app:1"}], "initContainers": [{"name": "own"}]}
    if kind == "Job":
        spec["restartPolicy"] = "Never"  # type: ignore[assignment]
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": "app", "labels": labels},
        "spec": {"template": {"metadata": {"labels": {"app": "app"}}, "spec": spec}},
    }


def _with_component(dev: Path, workload: Document) -> list[Document]:
    """
    Render a workload with nothing but the component.
    """
    folder = dev.parents[1] / "case"
    folder.mkdir(exist_ok=True)
    (folder / "workload.yaml").write_text(yaml.safe_dump(workload), "utf-8")
    kustomization = {"resources": ["workload.yaml"], "components": ["../component"]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), "utf-8")
    return kustomized(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_the_component_patches_every_kind_of_workload(dev: Path, kind: str):
    """
    Ours come first, restart always, and the workload's own containers stay as they are.
    """
    spec = template(_with_component(dev, _workload(kind)), kind)["spec"]

    assert [*OURS, "own"] == [each["name"] for each in spec["initContainers"]]
    assert all(each["restartPolicy"] == "Always" for each in spec["initContainers"][:2])
    assert spec["containers"] == [{"name": "app", "image": "app:1"}]


def test_a_workload_may_stay_without(dev: Path):
    """
    One with the label `privacy-sidecar-injection: disabled` is left as it is.
    """
    workload = _workload("Deployment", **{"privacy-sidecar-injection": "disabled"})

    assert [workload] == _with_component(dev, workload)


@pytest.mark.parametrize("kind", KINDS)
def test_the_webhook_makes_the_same_pod(dev: Path, kind: str):
    """
    What the component makes of a template, and the webhook's patch of a pod of it, are one.
    """
    workload = _workload(kind)
    pod = workload["spec"]["template"]

    patched(pod, Injection.from_file(POD).patch(pod))

    assert pod == template(_with_component(dev, _workload(kind)), kind)


def test_a_selector_is_never_changed(dev: Path):
    """
    A Deployment that exists can be given the sidecar: what it selects by must not change.
    """
    before = of_kind(kustomized(MANIFESTS / "base"), "Deployment")
    after = of_kind(kustomized(dev), "Deployment")

    assert before["spec"]["selector"] == after["spec"]["selector"]
    assert after["spec"]["template"]["metadata"]["labels"] == {
        "app": "billing",
        "privacy-sidecar": "present",
    }


@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_pods_mount_the_settings_that_are_rendered(dev: Path, overlay: str):
    """
    The ConfigMap's name has a digest of its content, so that a change of it makes new pods.
    """
    documents = kustomized(dev.parent / overlay)
    settings = of_kind(documents, "ConfigMap")
    volumes = {each["name"]: each for each in template(documents, "Deployment")["spec"]["volumes"]}

    assert settings["metadata"]["name"] == volumes["privacy-config"]["configMap"]["name"]
    assert {"opa.yaml", "sidecar.yaml"} <= settings["data"].keys()
    assert len(settings["metadata"]["name"]) > len("privacy-sidecar-")


def test_in_production_nothing_unsigned_decides():
    """
    Bundles come from a registry, each must be signed by a key that is named, and is kept.
    """
    settings = of_kind(kustomized(MANIFESTS / "overlays" / "prod"), "ConfigMap")
    opa = yaml.safe_load(settings["data"]["opa.yaml"])

    assert opa["services"]["registry"]["type"] == "oci"
    for bundle in opa["bundles"].values():
        assert bundle["signing"]["keyid"] in opa["keys"]
        assert bundle["persist"] is True


def test_metrics_get_the_names_that_alerts_go_by():
    """
    The operator would name jobs after the PodMonitor: they are named as in deploy/prometheus/.
    """
    scrape = yaml.safe_load((MANIFESTS.parent / "prometheus" / "scrape.yaml").read_text("utf-8"))
    documents = kustomized(MANIFESTS / "overlays" / "prod")
    endpoints = of_kind(documents, "PodMonitor")["spec"]["podMetricsEndpoints"]
    containers = template(documents, "Deployment")["spec"]["initContainers"]
    ports = {port["name"] for each in containers for port in each["ports"]}

    jobs = {each["relabelings"][0]["replacement"]: each["port"] for each in endpoints}
    assert jobs.keys() == {each["job_name"] for each in scrape["scrape_configs"]}
    assert ports == set(jobs.values())


def test_opa_is_given_files_and_no_folder():
    """
    A mounted ConfigMap holds hidden links: OPA would read a folder of them as data, and fail.
    """
    opa, _ = yaml.safe_load(POD.read_text("utf-8"))["spec"]["template"]["spec"]["initContainers"]

    assert not any(each.startswith(("--bundle", "-b")) for each in opa["args"])
    assert all(each.startswith("--") for each in opa["args"][1:])
