"""
A service with the component, from the registry of signed bundles to its answers, and what becomes
of these when something goes wrong. Never is there a permission that should not be; what failed is
counted by why.
"""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import yaml

from sidecar.bundle.build import build
from sidecar.bundle.opa import opa_binary
from sidecar.bundle.shipping import shop
from sidecar.bundle.signing import sign
from tests.credentials import Keys
from tests.delivery.stores.registry import registry_running
from tests.e2e.serve import ROOT, free_port
from tests.kubernetes.cluster import GATEWAY, Cluster
from tests.kubernetes.load import asking, ready, so_much_more
from tests.kubernetes.rendering import dev_overlay, kustomized
from tests.running import eventually

SPACE: Final = "billing"
WHERE: Final = f"--namespace={SPACE}"
OPA, SIDECAR, APP = "privacy-opa", "privacy-sidecar", "billing"
WITHIN_S: Final = 120.0
BUNDLE: Final = "policies/csw-privacy:stable"
POLL_S: Final = 1

EVALUATION: Final = {
    "subject": {"type": "csw", "id": "billing-service"},
    "action": {"name": "disclose"},
    "resource": {
        "type": "information",
        "id": "acme",
        "properties": {"categories": ["company_name"]},
    },
    "context": {
        "purpose": "deliver_products",
        "recipient": {"type": "third_party_service_provider", "id": "carrier-7"},
        "facts": {
            "processing_ground": "contract",
            "third_party_bound": True,
            "categories_needed": ["company_name"],
        },
    },
}
ASKS: Final = f"""\
import json, urllib.request
asked = urllib.request.Request(
    "http://127.0.0.1:8180/access/v1/evaluation",
    data={json.dumps(EVALUATION)!r}.encode(),
    headers={{"Content-Type": "application/json"}},
)
print(urllib.request.urlopen(asked, timeout=5).read().decode())
"""


@dataclass
class Team:
    """
    A team with a service, and a registry for its bundles.

    Attributes:
        cluster: Where the service runs.

        port: Where the registry listens, for pods too.

        folder: Where bundles are made, and what the registry keeps.

        running: Holds the registry while it runs.
    """

    cluster: Cluster
    port: int
    folder: Path
    running: ExitStack

    def open_registry(self) -> None:
        """
        Run the registry, with what it kept.
        """
        kept = self.folder / "registry"
        kept.mkdir(exist_ok=True)
        self.running.enter_context(registry_running(kept, self.port, host="0.0.0.0"))

    @contextmanager
    def registry_away(self) -> Iterator[None]:
        """
        Be without the registry for a while.
        """
        self.running.close()
        try:
            yield
        finally:
            self.open_registry()

    def publish(self, number: int, *, key: str | None = "release") -> str:
        """
        Publish the shipped policies as another revision.

        Args:
            number: What makes it another one.

            key: Who signs it; None for nobody.

        Returns:
            The revision.
        """
        source = self.folder / "source"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(ROOT / "policies", source)
        manifest = json.loads((source / ".manifest").read_text("utf-8"))
        manifest["revision"] = revision = f"{number}-test"
        (source / ".manifest").write_text(json.dumps(manifest), "utf-8")
        bundle = self.folder / "bundle.tar.gz"
        build(source, bundle, opa=opa_binary())
        if key:
            private = self.folder / f"{key}.key"
            sign(bundle, bundle, key=private, key_id="release", opa=opa_binary())
        shop(f"oci+http://127.0.0.1:{self.port}/{BUNDLE}").put(bundle)
        return revision

    def pods(self) -> list[Any]:
        """
        The pods that are not on their way out.
        """
        found = self.cluster.got("pods", WHERE, "--selector=app=billing")["items"]
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]

    def state(self, pod: Any) -> dict[str, Any]:
        """
        Ask a pod's sidecar how it is.
        """
        try:
            answer = requests.get(f"http://{pod['status']['podIP']}:8180/readyz", timeout=5)
        except (KeyError, requests.RequestException):
            return {}
        told: dict[str, Any] = answer.json()
        return told

    def all_ready(self) -> bool:
        """
        Whether both pods of the last rollout are ready.
        """
        deployment = self.cluster.got("deployment/billing", WHERE)
        status = deployment["status"]
        seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
        counts = ("replicas", "readyReplicas", "updatedReplicas")
        return seen and [status.get(count) for count in counts] == [2, 2, 2]

    def on(self, revision: str) -> bool:
        """
        Whether all pods decide by a revision.
        """
        return all(self.state(pod).get("revision") == revision for pod in self.pods())


@pytest.fixture(scope="module")
def team(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """
    The prod overlay, with a registry and a key of the test's, and no bundle yet.
    """
    folder = tmp_path_factory.mktemp("team")
    keys = Keys(folder)
    _, public = keys.make("release")
    keys.make("stranger")
    port = free_port()
    overlay = dev_overlay(folder / "kubernetes").parent / "prod"
    _set_up(overlay, f"{GATEWAY}:{port}", public.read_text("ascii"))
    with ExitStack() as running:
        made = Team(cluster, port, folder, running)
        made.open_registry()
        cluster.apply(*kustomized(overlay))
        try:
            yield made
        finally:
            cluster.kubectl("delete", f"namespace/{SPACE}")


def _set_up(overlay: Path, registry: str, public: str) -> None:
    """
    Put in what an operator has to put in, and what the test needs to be quick.
    """
    file = overlay / "opa.yaml"
    opa = yaml.safe_load(file.read_text("utf-8"))
    opa["services"]["registry"] = {"url": f"http://{registry}", "type": "oci"}
    opa["keys"]["release"]["key"] = public
    decision = opa["bundles"]["decision"]
    decision["resource"] = f"{registry}/{BUNDLE}"
    decision["polling"] = {"min_delay_seconds": POLL_S, "max_delay_seconds": POLL_S}
    file.write_text(yaml.safe_dump(opa), "utf-8")
    kustomization = yaml.safe_load((overlay / "kustomization.yaml").read_text("utf-8"))
    # The images of the tree, by the names that they have in it.
    del kustomization["images"]
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), "utf-8")


@pytest.fixture
def steady(team: Team) -> Team:
    """
    The team, with a good bundle, once all is well.
    """
    revision = team.publish(1)
    assert eventually(team.all_ready, WITHIN_S), _why(team)
    assert eventually(lambda: team.on(revision), WITHIN_S), _why(team)
    return team


def _why(team: Team) -> str:
    events = team.cluster.kubectl("get", "events", WHERE, "--sort-by=.lastTimestamp")
    return f"{events}\n{[team.state(pod) for pod in team.pods()]}"


def _container(pod: Any, name: str) -> Any:
    status = pod["status"]
    every = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return next((each for each in every if each["name"] == name), {})


def test_the_service_starts_only_with_a_bundle(team: Team):
    """
    While there is none, both sidecars run, no decision is made, and the service's container waits.
    """

    def waiting() -> bool:
        return len(team.pods()) == 2 and all(
            "running" in _container(pod, SIDECAR).get("state", {})
            and team.state(pod).get("state") == "not ready"
            for pod in team.pods()
        )

    assert eventually(waiting, WITHIN_S), _why(team)
    for pod in team.pods():
        assert _container(pod, OPA)["started"] is True
        assert _container(pod, SIDECAR)["started"] is False
        assert "waiting" in _container(pod, APP)["state"]

    revision = team.publish(1)

    assert eventually(team.all_ready, WITHIN_S), _why(team)
    assert team.on(revision)


def test_the_services_container_gets_decisions(steady: Team):
    """
    Over the loopback of its pod; the socket of OPA it does not see.
    """
    inside = ("exec", "deployment/billing", f"--container={APP}", WHERE, "--", "python3", "-c")

    answer = json.loads(steady.cluster.kubectl(*inside, ASKS))
    looked = steady.cluster.kubectl(*inside, "import os; print(os.path.exists('/run/privacy'))")

    assert answer["decision"] is True
    assert answer["context"]["policy"]["revision"] == "1-test"
    assert looked == "False\n"


def test_each_decision_leaves_a_record_for_the_clusters_logs(steady: Team):
    """
    A line of JSON in the log of the sidecar's container.
    """
    (address, _) = ready(steady.cluster, SPACE)
    pod = next(p for p in steady.pods() if p["status"]["podIP"] == address.partition(":")[0])
    name = pod["metadata"]["name"]
    assert requests.get(f"http://{address}/companies/zeta/invoice", timeout=5).status_code == 403

    def recorded() -> bool:
        said = steady.cluster.kubectl("logs", name, f"--container={SIDECAR}", WHERE)
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return any(each.get("result", {}).get("decision") is False for each in lines)

    assert eventually(recorded, WITHIN_S)


def test_an_update_arrives_under_load(steady: Team):
    """
    Within the polling's time, and no request fails or is answered otherwise meanwhile.
    """
    with asking(steady.cluster, SPACE) as load:
        so_much_more(load, 50)
        revision = steady.publish(2)
        assert eventually(lambda: steady.on(revision), WITHIN_S), _why(steady)
        so_much_more(load, 50)

    assert not load.wrong
    assert not load.failed


@pytest.mark.parametrize("key", [None, "stranger"], ids=["unsigned", "by a stranger"])
def test_what_nobody_signed_that_counts_is_not_taken(steady: Team, key: str | None):
    """
    The last good bundle goes on deciding; the sidecar says that the newest is not active.
    """
    steady.publish(3, key=key)

    def refused() -> bool:
        return all(steady.state(pod).get("failing") for pod in steady.pods())

    assert eventually(refused, WITHIN_S), _why(steady)
    assert steady.on("1-test")
    with asking(steady.cluster, SPACE) as load:
        so_much_more(load, 20)

    assert not load.wrong
    assert not load.failed


@pytest.mark.parametrize("container", [OPA, SIDECAR])
def test_a_sidecar_that_is_killed_comes_back(steady: Team, container: str):
    """
    Until it is there again the service does nothing that has to be asked first.
    """
    (pod, _) = steady.pods()
    name = pod["metadata"]["name"]
    before = _container(pod, container)["restartCount"]

    def back() -> bool:
        (now,) = (each for each in steady.pods() if each["metadata"]["name"] == name)
        state = _container(now, container)
        return bool(state["restartCount"] == before + 1 and state["ready"] and steady.all_ready())

    with asking(steady.cluster, SPACE) as load:
        so_much_more(load, 50)
        os.kill(steady.cluster.process(SPACE, name, container), signal.SIGKILL)
        assert eventually(back, WITHIN_S), _why(steady)
        so_much_more(load, 50)

    print(f"{container} killed: {load.right} right, failed {dict(load.failed)}")
    assert not load.wrong
    # The service says so itself, and a connection breaks nowhere.
    assert load.failed.keys() <= {"503"}


def test_opa_that_hangs_makes_nobody_kill_the_sidecar(steady: Team):
    """
    Its probe asks for no decision: the sidecar goes on, says that it is not ready, and is back as
    soon as OPA is.
    """
    (pod, _) = steady.pods()
    name = pod["metadata"]["name"]
    restarts = _container(pod, SIDECAR)["restartCount"]
    opa = steady.cluster.process(SPACE, name, OPA)

    def now() -> Any:
        return next(each for each in steady.pods() if each["metadata"]["name"] == name)

    with asking(steady.cluster, SPACE) as load:
        so_much_more(load, 20)
        os.kill(opa, signal.SIGSTOP)
        try:
            assert eventually(lambda: not _container(now(), SIDECAR)["ready"], WITHIN_S)
        finally:
            os.kill(opa, signal.SIGCONT)
        assert eventually(steady.all_ready, WITHIN_S), _why(steady)
        so_much_more(load, 20)

    print(f"OPA hung: {load.right} right, failed {dict(load.failed)}")
    assert not load.wrong
    assert load.failed.keys() <= {"503"}
    assert _container(now(), SIDECAR)["restartCount"] == restarts


def test_the_registry_may_be_away(steady: Team):
    """
    Decisions go on, also where OPA has to start again meanwhile: it has kept its bundle.
    """
    (pod, _) = steady.pods()
    name = pod["metadata"]["name"]
    before = _container(pod, OPA)["restartCount"]
    address = f"{pod['status']['podIP']}:8081"

    with steady.registry_away():
        assert eventually(lambda: steady.state(pod).get("failing"), WITHIN_S), _why(steady)
        os.kill(steady.cluster.process(SPACE, name, OPA), signal.SIGKILL)

        def back() -> bool:
            (now,) = (each for each in steady.pods() if each["metadata"]["name"] == name)
            return bool(_container(now, OPA)["restartCount"] == before + 1 and steady.all_ready())

        assert eventually(back, WITHIN_S), _why(steady)
        answer = requests.get(f"http://{address}/companies/acme/invoice", timeout=5)
        assert answer.status_code == 200
        assert steady.on("1-test")


def test_a_pod_may_be_deleted_under_load(steady: Team):
    """
    No request fails: the pod that ends has finished what it took on, with its sidecars beside it.
    """
    (pod, _) = steady.pods()
    name = pod["metadata"]["name"]

    with asking(steady.cluster, SPACE) as load:
        so_much_more(load, 50)
        steady.cluster.kubectl("delete", f"pod/{name}", WHERE)
        assert eventually(steady.all_ready, WITHIN_S), _why(steady)
        so_much_more(load, 50)

    assert not load.wrong
    assert not load.failed


def test_a_rolling_update_and_its_rollback_fail_nobody(steady: Team):
    """
    A change of the sidecar's settings makes new pods, one after the other, each ready first.
    """
    added = {"name": "TZ", "value": "UTC"}
    change = {"op": "add", "path": f"{_at(steady, SIDECAR)}/env/-", "value": added}
    patch = ("--type=json", f"--patch={json.dumps([change])}")

    with asking(steady.cluster, SPACE) as load:
        so_much_more(load, 50)
        steady.cluster.kubectl("patch", "deployment/billing", WHERE, *patch)
        assert eventually(steady.all_ready, WITHIN_S), _why(steady)
        steady.cluster.kubectl("rollout", "undo", "deployment/billing", WHERE)
        assert eventually(steady.all_ready, WITHIN_S), _why(steady)
        so_much_more(load, 50)

    print(f"rolled forward and back: {load.right} right")
    assert not load.wrong
    assert not load.failed


def _at(team: Team, container: str) -> str:
    """
    Say where one of the sidecars stands in the Deployment, as a JSON pointer.
    """
    deployment = team.cluster.got("deployment/billing", WHERE)
    names = [each["name"] for each in deployment["spec"]["template"]["spec"]["initContainers"]]
    return f"/spec/template/spec/initContainers/{names.index(container)}"


def test_a_limit_of_memory_that_is_too_low_stops_the_rollout(steady: Team):
    """
    The new pod's OPA is killed at its limit, so that this pod never gets ready, and the ones before
    go on answering.
    """
    small = {"requests": {"memory": "16Mi"}, "limits": {"memory": "16Mi"}}
    change = {"op": "replace", "path": f"{_at(steady, OPA)}/resources", "value": small}
    patch = ("--type=json", f"--patch={json.dumps([change])}")

    def killed() -> bool:
        states = [_container(pod, OPA) for pod in steady.pods()]
        ends = [
            each[when]["terminated"]["reason"]
            for each in states
            for when in ("state", "lastState")
            if "terminated" in each.get(when, {})
        ]
        return "OOMKilled" in ends

    with asking(steady.cluster, SPACE) as load:
        so_much_more(load, 20)
        steady.cluster.kubectl("patch", "deployment/billing", WHERE, *patch)
        try:
            assert eventually(killed, WITHIN_S), _why(steady)
            so_much_more(load, 20)
            assert len(ready(steady.cluster, SPACE)) == 2
        finally:
            steady.cluster.kubectl("rollout", "undo", "deployment/billing", WHERE)
        assert eventually(steady.all_ready, WITHIN_S), _why(steady)

    assert not load.wrong
    assert not load.failed
