"""
The webhook on a real API server.
"""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cryptography import x509

from tests.credentials import Authority
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.images import BILLING
from tests.kubernetes.node.test_accepted import restricted
from tests.kubernetes.rendering import (
    MANIFESTS,
    OURS,
    Document,
    dev_overlay,
    kustomized,
    of_kind,
)

SYSTEM = "privacy-sidecar-system"
NAME = "privacy-sidecar-webhook"
LABELLED, UNLABELLED = "labelled", "unlabelled"
ASKS = """\
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8180/readyz", timeout=5).status)
"""


@pytest.fixture(scope="module")
def webhook(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """
    The cluster with the webhook, a namespace that is labelled, with settings, and one that is not.
    """
    authority = Authority()
    pair = authority.issue(NAME, x509.DNSName(f"{NAME}.{SYSTEM}.svc"))
    documents = kustomized(MANIFESTS / "webhook")
    configuration = of_kind(documents, "MutatingWebhookConfiguration")
    (asked,) = configuration["webhooks"]
    asked["clientConfig"]["caBundle"] = base64.b64encode(authority.cert).decode()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": NAME, "namespace": SYSTEM},
        "stringData": {"tls.crt": pair.cert.decode(), "tls.key": pair.key.decode()},
    }
    overlay = dev_overlay(tmp_path_factory.mktemp("dev"))
    settings = of_kind(kustomized(overlay), "ConfigMap")
    settings["metadata"] = {"name": "privacy-sidecar", "namespace": LABELLED}
    enabled = {"privacy-sidecar-injection": "enabled"}
    cluster.apply(*documents, secret, restricted(LABELLED, **enabled), restricted(UNLABELLED))
    cluster.apply(settings)
    _wait_for(cluster, "available", f"deployment/{NAME}", SYSTEM)
    try:
        yield cluster
    finally:
        spaces = (f"namespace/{each}" for each in (LABELLED, UNLABELLED, SYSTEM))
        cluster.kubectl("delete", "mutatingwebhookconfiguration/privacy-sidecar", *spaces)


def _wait_for(cluster: Cluster, condition: str, what: str, namespace: str) -> None:
    where = f"--namespace={namespace}"
    cluster.kubectl("wait", f"--for=condition={condition}", what, where, "--timeout=120s")


def _pod(name: str, namespace: str, **labels: str) -> Document:
    container = {
        "name": "app",
        "image": BILLING,
        "command": ["python3", "-c", ASKS],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }


def _admitted(cluster: Cluster, pod: Document) -> Any:
    asked = ("create", "--dry-run=server", "--output=yaml", "--filename=-")
    return yaml.safe_load(cluster.kubectl(*asked, given=yaml.safe_dump(pod)))


def _init_containers(pod: Document) -> list[str]:
    return [each["name"] for each in pod["spec"].get("initContainers", ())]


def test_pods_of_labelled_namespaces_get_it(webhook: Cluster):
    """
    Others do not, nor does a pod that says that it does not want it.
    """
    disabled = {"privacy-sidecar-injection": "disabled"}

    assert _init_containers(_admitted(webhook, _pod("a", LABELLED))) == OURS
    assert _init_containers(_admitted(webhook, _pod("a", LABELLED, **disabled))) == []
    assert _init_containers(_admitted(webhook, _pod("a", UNLABELLED))) == []


def test_a_second_admission_changes_nothing(webhook: Cluster):
    """
    A pod that was admitted, admitted once more under another name, is the same.
    """
    first = _admitted(webhook, _pod("a", LABELLED))
    again = _pod("b", LABELLED)
    again["spec"] = first["spec"]
    again["metadata"]["labels"] = first["metadata"]["labels"]

    second = _admitted(webhook, again)

    assert second["spec"] == first["spec"]
    assert second["metadata"]["labels"] == first["metadata"]["labels"]


def test_a_job_completes(webhook: Cluster):
    """
    Its container finds the sidecar ready, and the sidecars end when it has ended: in their order,
    and without an error.
    """
    template = {key: value for key, value in _pod("", LABELLED).items() if key == "spec"}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "ask", "namespace": LABELLED},
        "spec": {"backoffLimit": 0, "template": template},
    }
    webhook.apply(job)

    _wait_for(webhook, "complete", "job/ask", LABELLED)

    (pod,) = webhook.got("pods", f"--namespace={LABELLED}", "--selector=job-name=ask")["items"]
    assert _init_containers(pod) == OURS
    ends = [each["state"]["terminated"] for each in pod["status"]["initContainerStatuses"]]
    (own,) = [each["state"]["terminated"] for each in pod["status"]["containerStatuses"]]
    assert [end["exitCode"] for end in (*ends, own)] == [0, 0, 0]
    assert own["finishedAt"] <= ends[1]["finishedAt"] <= ends[0]["finishedAt"]
    assert ends[0]["startedAt"] <= ends[1]["startedAt"] <= own["startedAt"]
    said = webhook.kubectl("logs", "job/ask", "--container=app", f"--namespace={LABELLED}")
    assert said == "200\n"


def test_the_webhook_away_stops_nobody(webhook: Cluster):
    """
    Neither pods of other namespaces nor those of labelled ones, which start without the sidecar.
    """
    where = f"--namespace={SYSTEM}"
    webhook.kubectl("scale", f"deployment/{NAME}", "--replicas=0", where)
    webhook.kubectl("wait", "--for=delete", "pods", "--all", where, "--timeout=120s")
    try:
        assert _init_containers(_admitted(webhook, _pod("a", UNLABELLED))) == []
        assert _init_containers(_admitted(webhook, _pod("a", LABELLED))) == []
    finally:
        webhook.kubectl("scale", f"deployment/{NAME}", "--replicas=2", where)
        _wait_for(webhook, "available", f"deployment/{NAME}", SYSTEM)

    assert _init_containers(_admitted(webhook, _pod("a", LABELLED))) == OURS


def test_who_is_not_trusted_is_not_asked(webhook: Cluster):
    """
    Where another authority is named, the API server takes no patch, and the pod starts without.
    """
    name = "mutatingwebhookconfiguration/privacy-sidecar"
    before = webhook.got(name)["webhooks"][0]["clientConfig"]["caBundle"]
    other = base64.b64encode(Authority().cert).decode()
    _trust(webhook, other)
    try:
        assert _init_containers(_admitted(webhook, _pod("a", LABELLED))) == []
    finally:
        _trust(webhook, before)


def _trust(cluster: Cluster, bundle: str) -> None:
    change = (
        f'[{{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "{bundle}"}}]'
    )
    what = ("mutatingwebhookconfiguration/privacy-sidecar", "--type=json", f"--patch={change}")
    cluster.kubectl("patch", *what)
