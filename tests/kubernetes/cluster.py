"""
A real Kubernetes, for as long as a test needs one: etcd and an API server, and, where pods are to
run, a controller manager, a scheduler, containerd and a kubelet. Everything stands in one folder,
and each process is ended by its id.
"""

import json
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.credentials import Authority, pem
from tests.e2e.serve import free_port
from tests.kubernetes.build import BIN
from tests.running import eventually, stop

GATEWAY: Final = "10.244.0.1"
"""
This machine, as pods see it.
"""

_PAUSE: Final = "registry.k8s.io/pause:3.10"
_READY_WITHIN_S: Final = 120.0
_STOPPED_WITHIN_S: Final = 30


@dataclass(frozen=True, slots=True)
class Cluster:
    """
    A cluster that runs.

    Attributes:
        folder: Where all of it stands: logs too.

        kubeconfig: How it is asked, as one who may do anything.
    """

    folder: Path
    kubeconfig: Path

    def kubectl(
        self, *arguments: str, given: str | None = None, within_s: float = 180, fails: bool = False
    ) -> str:
        """
        Ask with kubectl.

        Args:
            arguments: What follows the command.

            given: What it reads from stdin.

            within_s: How long it may take.

            fails: Whether it is to fail: then what it complained about is returned.

        Returns:
            What it printed.
        """
        command = [str(BIN / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments]
        ended = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=within_s, check=False
        )
        assert (ended.returncode != 0) is fails, f"{' '.join(arguments)}:\n{ended.stderr}"
        return ended.stderr if fails else ended.stdout

    def got(self, *what: str) -> Any:
        """
        Get an object, or a list of them.
        """
        return json.loads(self.kubectl("get", *what, "--output=json"))

    def asked(self, path: str) -> Any:
        """
        Ask the API server itself, which is quicker.
        """
        config = yaml.safe_load(self.kubeconfig.read_text("utf-8"))
        server = config["clusters"][0]["cluster"]
        answer = requests.get(
            f"{server['server']}{path}",
            headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
            verify=server["certificate-authority"],
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def process(self, namespace: str, pod: str, container: str) -> int:
        """
        Find a container's first process, as this machine knows it.
        """
        status = self.got(f"pod/{pod}", f"--namespace={namespace}")["status"]
        states = [*status["containerStatuses"], *status.get("initContainerStatuses", ())]
        (found,) = (each["containerID"] for each in states if each["name"] == container)
        said = _run(
            "ctr",
            f"--address={self.folder / 'containerd.sock'}",
            "--namespace=k8s.io",
            "tasks",
            "ls",
        )
        (line,) = (line for line in said.splitlines() if line.startswith(found.rpartition("/")[2]))
        return int(line.split()[1])

    def apply(self, *documents: Any) -> str:
        """
        Apply objects.
        """
        return self.kubectl("apply", "--filename=-", given=yaml.safe_dump_all(documents))

    def log(self, name: str) -> str:
        """
        Read what a process of the cluster logged, its end.
        """
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")[-4000:]


@contextmanager
def control_plane() -> Iterator[Cluster]:
    """
    Run etcd and an API server: enough to say what would be accepted.
    """
    # Short enough for a socket's path.
    with tempfile.TemporaryDirectory(prefix="k8s-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        cluster = _configured(folder)
        with ExitStack() as held:
            etcd = f"http://127.0.0.1:{free_port()}"
            held.enter_context(_process(cluster, "etcd", *_etcd(folder, etcd)))
            held.enter_context(_process(cluster, "kube-apiserver", *_api_server(cluster, etcd)))
            assert eventually(lambda: _answers(cluster), _READY_WITHIN_S), cluster.log(
                "kube-apiserver"
            )
            yield cluster


@contextmanager
def one_node(images: Sequence[str]) -> Iterator[Cluster]:
    """
    Run a cluster of one node that is ready.

    Args:
        images: What podman has, and pods may need: the name there, which is the name here too.
    """
    with control_plane() as cluster, ExitStack() as held:
        folder = cluster.folder
        held.callback(_unmount, folder)
        socket = held.enter_context(_containerd(cluster))
        for image in (_pause_image(), *images):
            _imported(folder, socket, image)
        common = (f"--kubeconfig={cluster.kubeconfig}", "--leader-elect=false")
        key = folder / "service-accounts.key"
        held.enter_context(
            _process(
                cluster,
                "kube-controller-manager",
                *(*common, f"--secure-port={free_port()}", "--bind-address=127.0.0.1"),
                f"--service-account-private-key-file={key}",
                f"--root-ca-file={folder / 'certificates' / 'apiserver.crt'}",
            )
        )
        held.enter_context(
            _process(
                cluster,
                "kube-scheduler",
                *(*common, f"--secure-port={free_port()}", "--bind-address=127.0.0.1"),
            )
        )
        held.enter_context(_process(cluster, "kubelet", *_kubelet(cluster, socket)))
        assert eventually(lambda: _node_is_ready(cluster), _READY_WITHIN_S), cluster.log("kubelet")
        try:
            yield cluster
        finally:
            _emptied(cluster)


def _configured(folder: Path) -> Cluster:
    """
    Write who may ask, and how.
    """
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n', "ascii")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "service-accounts.key").write_bytes(pem(key))
    authority = Authority()
    (folder / "authority.pem").write_bytes(authority.cert)
    authority.issue("api-server").written(folder, "api-server")
    certificates = folder / "certificates"
    certificates.mkdir()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "here",
                "cluster": {
                    "server": f"https://127.0.0.1:{free_port()}",
                    "certificate-authority": str(certificates / "apiserver.crt"),
                },
            }
        ],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
        "current-context": "here",
    }
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config), "utf-8")
    return Cluster(folder, kubeconfig)


@contextmanager
def _process(cluster: Cluster, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    own = BIN / name
    command = str(own) if own.exists() else name
    with (cluster.folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
        )
        try:
            yield process
        finally:
            stop(process, _STOPPED_WITHIN_S)


def _etcd(folder: Path, url: str) -> tuple[str, ...]:
    peers = f"http://127.0.0.1:{free_port()}"
    return (
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        # Nothing has to outlive the test.
        "--unsafe-no-fsync",
        "--log-level=error",
    )


def _api_server(cluster: Cluster, etcd: str) -> tuple[str, ...]:
    folder = cluster.folder
    server = yaml.safe_load(cluster.kubeconfig.read_text("utf-8"))["clusters"][0]["cluster"]
    port = server["server"].rpartition(":")[2]
    key = folder / "service-accounts.key"
    return (
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.96.0.0/16",
        # Webhooks are asked at their pods: nothing here makes a service's address one that answers.
        "--enable-aggregator-routing=true",
        "--allow-privileged=true",
        f"--kubelet-client-certificate={folder / 'api-server.pem'}",
        f"--kubelet-client-key={folder / 'api-server.key'}",
        "--kubelet-preferred-address-types=InternalIP",
    )


@contextmanager
def _containerd(cluster: Cluster) -> Iterator[Path]:
    folder = cluster.folder
    network = folder / "network"
    network.mkdir()
    (network / "10-bridge.conflist").write_text(json.dumps(_NETWORK), "utf-8")
    socket = folder / "containerd.sock"
    config = folder / "containerd.toml"
    config.write_text(
        _CONTAINERD.format(folder=folder, socket=socket, network=network, pause=_PAUSE), "utf-8"
    )
    with _process(cluster, "containerd", f"--config={config}"):
        assert eventually(socket.exists, _READY_WITHIN_S), cluster.log("containerd")
        yield socket


_NETWORK: Final = {
    "cniVersion": "0.4.0",
    "name": "test",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "k8s-test0",
            "isGateway": True,
            "ipMasq": False,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.244.0.0/24", "gateway": GATEWAY}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
    ],
}

_CONTAINERD: Final = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{network}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
"""


def _kubelet(cluster: Cluster, socket: Path) -> tuple[str, ...]:
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{socket}",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        # Whoever shows a certificate of ours is the API server.
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(cluster.folder / "authority.pem")},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "port": free_port(),
        "healthzPort": 0,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        # Not with delays that grow to minutes: tests wait for restarts.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "5s"},
        "podLogsDir": str(cluster.folder / "pods"),
    }
    written = cluster.folder / "kubelet.yaml"
    written.write_text(yaml.safe_dump(config), "utf-8")
    return (
        f"--config={written}",
        f"--kubeconfig={cluster.kubeconfig}",
        f"--root-dir={cluster.folder / 'kubelet'}",
        f"--cert-dir={cluster.folder / 'kubelet-certificates'}",
        "--hostname-override=node",
    )


def _pause_image() -> str:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(BIN / "pause", folder)
        content = 'FROM scratch\nCOPY pause /pause\nUSER 65535:65535\nENTRYPOINT ["/pause"]\n'
        (Path(folder) / "Dockerfile").write_text(content, "ascii")
        _run("buildah", "bud", "--quiet", "--isolation=chroot", f"--tag={_PAUSE}", folder)
    return _PAUSE


def _imported(folder: Path, socket: Path, image: str) -> None:
    archive = folder / "image.tar"
    _run("podman", "save", "--quiet", f"--output={archive}", image)
    _run("ctr", f"--address={socket}", "--namespace=k8s.io", "images", "import", str(archive))
    archive.unlink()


def _run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, f"{' '.join(command)}:\n{ended.stderr}"
    return ended.stdout


def _answers(cluster: Cluster) -> bool:
    with suppress(AssertionError, subprocess.TimeoutExpired):
        return cluster.kubectl("get", "--raw=/readyz", within_s=10) == "ok"
    return False


def _node_is_ready(cluster: Cluster) -> bool:
    nodes = cluster.got("nodes")["items"]
    states = [each for node in nodes for each in node["status"]["conditions"]]
    account = cluster.kubectl("get", "serviceaccount/default", "--ignore-not-found")
    return bool(account) and any(
        state["type"] == "Ready" and state["status"] == "True" for state in states
    )


def _emptied(cluster: Cluster) -> None:
    """
    End all pods while there is still who ends them, so that no process and no mount is left.
    """
    spaces = [each["metadata"]["name"] for each in cluster.got("namespaces")["items"]]
    for space in spaces:
        what = "deployments,statefulsets,daemonsets,jobs,pods"
        asked = ("delete", what, "--all", f"--namespace={space}", "--wait=false")
        cluster.kubectl(*asked, "--grace-period=1")
    eventually(lambda: not cluster.got("pods", "--all-namespaces")["items"], _READY_WITHIN_S)


def _unmount(folder: Path) -> None:
    """
    Take off what a kubelet leaves mounted on purpose, the innermost first.
    """
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        _run("umount", "--lazy", mount)


def _kept_up(images: Sequence[str]) -> None:
    """
    Keep a cluster up to look around in, until told to stop.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with one_node(images) as cluster:
        print(f"export KUBECONFIG={cluster.kubeconfig}", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    _kept_up(sys.argv[1:])
