"""
Who is measured: the sidecar in its ways, and what it is compared with. Each is started on the core
that servers have.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.bundle import REQUESTS, Built, evaluations
from bench.cores import LOAD, on_core
from bench.load import get
from bench.tools import CERBOS
from sidecar.engine.engine import utc_today
from tests.e2e.serve import ROOT, free_port, running
from tests.running import eventually

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
BATCH = 100
READY_WITHIN_S = 60
# As the sidecar runs its own.
GO = {"GOGC": "400", "GOMEMLIMIT": "512MiB"}
RULES = Path(__file__).with_name("cerbos")
# Stands in each request where its own number goes: whom it is about, which no rule looks at.
NUMBERED = "acme-%d"


@dataclass(frozen=True, slots=True)
class Target:
    """
    What is asked.

    Attributes:
        address: `http://host:port`.

        path: Where to post.

        bodies: What to post, in turn; each holds a place for the number of the request.

        pids: The processes that answer; those that they have started count too.

        decisions: How many decisions an answer holds.
    """

    address: str
    path: str
    bodies: Sequence[str]
    pids: tuple[int, ...]
    decisions: int = 1


@dataclass(frozen=True, slots=True)
class Variant:
    """
    One way to have decisions made.

    Attributes:
        key: Its short name.

        name: What it is called in tables.

        start: Runs it, for a bundle.

        rates: At how many requests a second its latency is measured, too.
    """

    key: str
    name: str
    start: Callable[[Built], Any]
    rates: tuple[int, ...] = ()


def variants() -> list[Variant]:
    """
    List them.
    """
    return [
        Variant("warm", "sidecar, warm", _sidecar(), (500, 2000)),
        Variant("unrecorded", "sidecar, warm, no records", _sidecar("records: {sink: none}")),
        Variant("durable", "sidecar, warm, records durable", _sidecar(durable=True), (500,)),
        Variant("cold", "sidecar, cold", _sidecar("memory: {entries: 1}"), (500,)),
        Variant("batch", f"sidecar, warm, {BATCH} in a batch", _sidecar(batch=True)),
        Variant(
            "durable_batch",
            f"sidecar, warm, {BATCH} in a batch, records durable",
            _sidecar(durable=True, batch=True),
        ),
        Variant("opa", "OPA asked directly", _opa, (500,)),
        Variant("client", "Flask with opa-python-client", _client),
        Variant("cerbos", "Cerbos", _cerbos, (500, 2000)),
        Variant("flask", "bare Flask", _plain("flask")),
        Variant("wsgi", "bare WSGI", _plain("wsgi"), (500, 2000)),
    ]


def asked() -> list[dict[str, Any]]:
    """
    Read the requests, each with a place for a number in what it is about.
    """
    read = []
    for request in evaluations(REQUESTS).values():
        request.pop("environment", None)
        read.append(request | {"resource": request["resource"] | {"id": NUMBERED}})
    return read


def _sidecar(config: str = "", *, durable: bool = False, batch: bool = False) -> Callable[..., Any]:
    @contextmanager
    def start(bundle: Built) -> Iterator[Target]:
        with ExitStack() as held:
            told = config
            if durable:
                folder = held.enter_context(_folder())
                told = f"records: {{sink: file, mode: durable, folder: {folder}, at_bound: drop}}"
            read = held.enter_context(_read())
            sidecar = held.enter_context(running(told, None, read, SIDECAR_BUNDLE=str(bundle.path)))
            address = f"http://{sidecar.address}"
            pids = (sidecar.process.pid,)
            if batch:
                yield Target(address, EVALUATIONS, [_batch()], pids, BATCH)
            else:
                yield Target(address, EVALUATION, [json.dumps(each) for each in asked()], pids)

    return start


@contextmanager
def _read() -> Iterator[IO[bytes]]:
    """
    Have somebody read what is printed, from a pipe and on the other core, as what runs containers
    does.
    """
    with on_core(LOAD):
        reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert reader.stdin is not None
    with reader, reader.stdin:
        yield reader.stdin


@contextmanager
def _folder() -> Iterator[str]:
    # On a disk: what is kept in memory would be durable in name alone.
    dist = ROOT / "bundles/dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=dist) as folder:
        yield folder


def _batch() -> str:
    some = asked()
    return json.dumps({"evaluations": [some[index % len(some)] for index in range(BATCH)]})


@contextmanager
def _opa(bundle: Built) -> Iterator[Target]:
    with _opa_on_a_port(bundle) as (port, pid):
        environment = {"environment": {"date": utc_today()}}
        bodies = [json.dumps({"input": each | environment}) for each in asked()]
        path = f"/v1/data/{'/'.join(bundle.decision)}?strict-builtin-errors=true"
        yield Target(f"http://127.0.0.1:{port}", path, bodies, (pid,))


@contextmanager
def _client(bundle: Built) -> Iterator[Target]:
    with (
        _opa_on_a_port(bundle) as (opa, opa_pid),
        _bench_server("client", str(opa)) as (address, pid),
    ):
        environment = {"environment": {"date": utc_today()}}
        bodies = [json.dumps(each | environment) for each in asked()]
        yield Target(address, EVALUATION, bodies, (opa_pid, pid))


def _plain(kind: str) -> Callable[[Built], Any]:
    @contextmanager
    def start(bundle: Built) -> Iterator[Target]:
        with _bench_server(kind) as (address, pid):
            yield Target(address, EVALUATION, [json.dumps(each) for each in asked()], (pid,))

    return start


@contextmanager
def _cerbos(bundle: Built) -> Iterator[Target]:
    http, grpc = free_port(), free_port()
    command = [
        *(str(CERBOS), "server", "--log-level=error", "--debug-listen-addr="),
        f"--set=storage.disk.directory={RULES}",
        f"--set=server.httpListenAddr=127.0.0.1:{http}",
        f"--set=server.grpcListenAddr=127.0.0.1:{grpc}",
        "--set=telemetry.disabled=true",
    ]
    with _process(command, http, "/_cerbos/health") as pid:
        bodies = [json.dumps(_for_cerbos(each)) for each in asked()]
        yield Target(f"http://127.0.0.1:{http}", EVALUATION, bodies, (pid,))


def _for_cerbos(request: Mapping[str, Any]) -> dict[str, Any]:
    """
    Say the same in Cerbos' terms: it has attributes and roles, and no context.
    """
    context = request.get("context", {})
    facts = context.get("facts", {})
    properties = {
        "categories": request["resource"]["properties"]["categories"],
        "purpose": context.get("purpose"),
        "ground": facts.get("processing_ground"),
        "consent": facts.get("consent"),
    }
    return {
        "subject": {**request["subject"], "properties": {"roles": [request["subject"]["type"]]}},
        "action": request["action"],
        "resource": {**request["resource"], "type": "information", "properties": properties},
    }


@contextmanager
def _opa_on_a_port(bundle: Built) -> Iterator[tuple[int, int]]:
    port = free_port()
    command = [
        *(str(bundle.opa), "run", "--server", "--log-level=error", "--skip-version-check"),
        *("--addr", f"127.0.0.1:{port}", "--bundle", str(bundle.path)),
    ]
    with _process(command, port, "/health?bundles", **GO) as pid:
        yield port, pid


@contextmanager
def _bench_server(kind: str, *more: str) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", "bench.plain", kind, str(port), *more]
    with _process(command, port, "/healthz") as pid:
        yield f"http://127.0.0.1:{port}", pid


@contextmanager
def _process(command: Sequence[str], port: int, ready: str, **environment: str) -> Iterator[int]:
    """
    Run a server, wait until it answers, and end it.

    Raises:
        RuntimeError: It ended, or did not answer in time.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not eventually(lambda: _answers(port, ready), READY_WITHIN_S):
            raise RuntimeError(f"{command[0]} did not get ready")
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int, path: str) -> bool:
    try:
        get(f"http://127.0.0.1:{port}", path)
    except OSError:
        return False
    except RuntimeError:
        # Whoever has no such page is there all the same.
        return not path.startswith("/health?")
    return True
