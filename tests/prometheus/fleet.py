"""
Two sidecars as a shop runs them, and who asks them.

*billing* has four workers, an OPA and a bundle of its own, callers with tokens, a route table, and
records that are safe on disk before they are sent. *help* has two workers, fetches its bundle, and
sends its records as they come.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice, permutations
from pathlib import Path
from typing import Any, Final

import yaml

from sidecar.bundle.build import Additions, build
from tests.e2e.serve import ROOT, Sidecar, running
from tests.prometheus.backstage import Backstage, backstage
from tests.running import eventually
from tests.scenarios.scenario import load

TOKEN: Final = "4f6e3c0c9a7f4a6ba0d5c1f7f0b7e8d2"
ONE: Final = "/access/v1/evaluation"
MANY: Final = "/access/v1/evaluations"
AT_ONCE: Final = 500

_ROUTES: Final = """\
routes:
  - match: {method: GET, path: "/customers/{customer}"}
    ask:
      subject: {type: csw, id: sales-service}
      action: use
      resource: {id: {path: customer}, categories: [company_name]}
      purpose: provide_products_services
"""
_BILLING: Final = """\
server: {{workers: 4}}
opa: {{answer_timeout_s: 0.2}}
forward_auth: {{routes: {folder}/routes.yaml, proxy: caddy}}
records: {{sink: http, mode: durable, folder: {folder}/records, url: '{url}/logs/billing',
  upload_every_s: 0.05, segment_bytes: 65536, max_bytes: 1048576}}
"""
_HELP: Final = """\
server: {{workers: 2}}
opa: {{answer_timeout_s: 0.2}}
bundles: {{config: {folder}/fetch.yaml}}
records: {{sink: http, url: '{url}/logs/help', waiting: 2000}}
"""
_SALE: Final = {
    "subject": {"type": "csw", "id": "sales-service"},
    "action": {"name": "sell"},
    "resource": {
        "type": "information",
        "id": "acme",
        "properties": {"categories": ["company_name"]},
    },
    "context": {
        "purpose": "fulfil_request",
        "recipient": {"type": "third_party", "id": "broker"},
    },
}


def requests() -> list[dict[str, Any]]:
    """
    Read the requests that are asked all the time: permitted, refused, in part, with obligations,
    with facts that are missing.
    """
    files = sorted((ROOT / "bench/requests").glob("*.json"))
    usual = [json.loads(file.read_text("utf-8")) for file in files]
    lacking = {**usual[-1], "context": {**usual[-1]["context"], "facts": {}}}
    return [*usual, lacking]


def different(number: int) -> Iterator[dict[str, Any]]:
    """
    Make requests that a sidecar must decide on: no two are about the same categories.
    """
    file = ROOT / "policies/privacy/vocabulary/data.yaml"
    categories = yaml.safe_load(file.read_text("utf-8"))["categories"]
    like = requests()[0]
    for some in islice(permutations(categories, 4), number):
        properties = {"categories": some}
        yield {**like, "resource": {**like["resource"], "properties": properties}}


def sale() -> dict[str, Any]:
    """
    Make a request that is prohibited.
    """
    return _SALE


def scenarios() -> list[dict[str, Any]]:
    """
    Read the requests of all scenarios: they get to every clause that has a rule.
    """
    return [dict(scenario.request) for scenario in load()]


class Asking:
    """
    Somebody who asks a sidecar again and again, until told to stop.

    Args:
        address: Whom.

        path: What is asked.

        bodies: With what, in turn; None for GET.

        every_s: How long to wait in between.

        headers: With what else. Each request stands in a trace of its own.
    """

    def __init__(
        self,
        address: str,
        path: str,
        bodies: Sequence[object] | None,
        every_s: float,
        **headers: str,
    ) -> None:
        self._address = address
        self._path = path
        self._bodies = None if bodies is None else [json.dumps(body).encode() for body in bodies]
        self._every_s = every_s
        self._headers = {"Content-Type": "application/json", **headers}
        self._random = random.Random(path)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopped.is_set():
            # Whoever asks goes on when an answer does not come: it is asked again.
            with (
                suppress(OSError, http.client.HTTPException),
                closing(http.client.HTTPConnection(self._address, timeout=20)) as connection,
            ):
                while not self._stopped.wait(self._every_s):
                    self._ask(connection, number)
                    number += 1

    def _ask(self, connection: http.client.HTTPConnection, number: int) -> None:
        trace, span = self._random.getrandbits(128), self._random.getrandbits(64)
        headers = {**self._headers, "traceparent": f"00-{trace:032x}-{span:016x}-01"}
        if self._bodies is None:
            connection.request("GET", self._path, headers=headers)
        else:
            body = self._bodies[number % len(self._bodies)]
            connection.request("POST", self._path, body, headers)
        connection.getresponse().read()


@dataclass(frozen=True, slots=True)
class Fleet:
    """
    Both, and all that they need.

    Attributes:
        billing: The one with everything of its own.

        help: The one that fetches its bundle.

        behind: Who hands out bundles, takes records, and is told of alerts.

        folder: Where the files are.

        bundles: The bundle that both begin with, and a newer one.

        registers: Registers with an entry that has ended, and with one that has not.
    """

    billing: Sidecar
    help: Sidecar
    behind: Backstage
    folder: Path
    bundles: tuple[Path, Path]
    registers: tuple[Path, Path]

    @property
    def targets(self) -> dict[str, str]:
        """
        The addresses, by the applications.
        """
        return {"billing": self.billing.address, "help": self.help.address}

    def break_routes(self) -> None:
        """
        Make a mistake in the route table.
        """
        (self.folder / "routes.yaml").write_text("routes: [{match: }]\n", "utf-8")

    def mend_routes(self) -> None:
        """
        Put the route table right.
        """
        (self.folder / "routes.yaml").write_text(_ROUTES, "utf-8")

    def revision(self) -> str | None:
        """
        Say by which revision *help* decides.
        """
        said: str | None = self.help.get("/readyz").json["revision"]
        return said

    def kill_opa(self) -> None:
        """
        End the OPA of *billing*, and wait until there is another.
        """
        before = self._restarts()
        pid = self.billing.opa()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: self._restarts() > before and self.billing.opa())

    @contextmanager
    def opas_stopped(self) -> Iterator[None]:
        """
        Have every OPA stand still for a while.
        """
        pids = [
            pid
            for sidecar in (self.billing, self.help)
            for pid, kind in sidecar.children().items()
            if kind == "opa"
        ]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def _restarts(self) -> float:
        return sum(self.billing.counts("privacy_engine_restarts_total").values())


@contextmanager
def fleet(folder: Path, opa: Path) -> Iterator[Fleet]:
    """
    Run both.
    """
    (folder / "records").mkdir()
    (folder / "tokens").write_text(f"billing {TOKEN}\n", "utf-8")
    (folder / "routes.yaml").write_text(_ROUTES, "utf-8")
    bundles = folder / "first.tar.gz", folder / "second.tar.gz"
    build(ROOT / "policies", bundles[0], opa=opa)
    build(ROOT / "policies", bundles[1], opa=opa, additions=Additions(number=2))
    registers = (
        _registers(folder / "ended", "2021-01-31"),
        _registers(folder / "held", "9999-12-31"),
    )
    with ExitStack() as held:
        behind = held.enter_context(backstage())
        behind.bundles = {
            "privacy": bundles[0].read_bytes(),
            "registers": registers[0].read_bytes(),
        }
        polling = {"min_delay_seconds": 1, "max_delay_seconds": 1}
        fetching = {
            "services": {"shop": {"url": behind.url}},
            "bundles": {
                name: {"service": "shop", "resource": name, "polling": polling}
                for name in behind.bundles
            },
        }
        (folder / "fetch.yaml").write_text(yaml.safe_dump(fetching), "utf-8")
        settings = {"folder": folder, "url": behind.url}
        billing = held.enter_context(
            running(
                _BILLING.format(**settings),
                SIDECAR_TOKENS_FILE=f"{folder}/tokens",
                SIDECAR_BUNDLE=str(bundles[0]),
            )
        )
        helping = held.enter_context(running(_HELP.format(**settings)))
        yield Fleet(billing, helping, behind, folder, bundles, registers)


def _registers(folder: Path, until: str) -> Path:
    """
    Build registers with one entry, of somebody whom nobody asks about.
    """
    folder.mkdir()
    entry = {
        "facts": {"third_party_bound": True},
        "author": "legal",
        "date": "2020-01-01",
        "until": until,
        "reference": "contract 2020-1",
    }
    (folder / "recipients.yaml").write_text(yaml.safe_dump({"carrier-1": entry}), "utf-8")
    target = folder.with_suffix(".tar.gz")
    command = [
        *(sys.executable, "-m", "sidecar", "registers", "build", str(folder)),
        *("--output", str(target)),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return target
