"""
The bundle server, the sidecar and OPA are killed, in every order: what bundles/README.md says comes
of it, and never a permission that no active bundle gave.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import pytest

from tests.credentials import Keys
from tests.delivery.bundle_server import BundleServer, bundle_server
from tests.delivery.workshop import WALK, Workshop, packed
from tests.e2e.serve import Sidecar, alive, running
from tests.running import eventually

ORDERS = list(permutations(("server", "sidecar", "opa")))


@dataclass(slots=True)
class Scene:
    """
    A sidecar, its server, and who kills them.

    Attributes:
        server: Where it fetches from.

        workshop: Where bundles are made.

        config: What stands in SIDECAR_CONFIG.

        persisted: Whether it keeps what was active.

        sidecar: The one that runs.

        decides: Whether it must be able to decide.
    """

    server: BundleServer
    workshop: Workshop
    config: str
    persisted: bool
    held: ExitStack
    sidecar: Sidecar = field(init=False)
    up: bool = True
    decides: bool = True

    def offer(self, number: int, *, walks: bool) -> None:
        """
        Offer a revision.
        """
        files = self.workshop.signed(self.workshop.park(number, walks=walks), "ours")
        self.server.put("policy.tar.gz", packed(files))

    def start(self, *, ready: bool = True) -> None:
        """
        Start a sidecar.
        """
        begin = running if ready else alive
        self.sidecar = self.held.enter_context(begin(self.config))

    def kill(self, what: str) -> None:
        """
        Kill one of the three. A sidecar is started again, as whoever runs it does.
        """
        match what:
            case "server":
                self.server.go()
                self.up = False
            case "opa":
                # The one that decides, and the one that fetches.
                for child, kind in self.sidecar.children().items():
                    if kind == "opa":
                        os.kill(child, signal.SIGKILL)
            case "sidecar":
                self.sidecar.process.kill()
                self.sidecar.process.wait()
                self.decides = self.up or self.persisted
                self.start(ready=self.decides)

    def answers(self) -> tuple[int, object, object]:
        """
        Ask whether one may walk: (status, decision, revision or error).
        """
        answer = self.sidecar.decide(WALK)
        if answer.status != 200:
            return answer.status, None, answer.code
        return 200, answer.json["decision"], answer.json["context"]["policy"]["revision"]


@contextmanager
def _scene(folder: Path, opa: Path, *, persisted: bool, more: str = "") -> Iterator[Scene]:
    keys = Keys(folder)
    keys.make("ours")
    (folder / "kept").mkdir()
    with ExitStack() as held:
        server = held.enter_context(bundle_server(folder / "served"))
        (folder / "opa.yaml").write_text(
            f"services: {{shop: {{url: '{server.url}'}}}}\n"
            "bundles: {policy: {service: shop, resource: policy.tar.gz, "
            "polling: {min_delay_seconds: 1, max_delay_seconds: 1}}}\n",
            "utf-8",
        )
        kept = f", persistence: '{folder}/kept'" if persisted else ""
        config = (
            f"signing: {{keys: ['{folder}/ours.pub']}}\n"
            f"bundles: {{config: '{folder}/opa.yaml'{kept}{more}}}\n"
        )
        scene = Scene(server, Workshop(folder, opa, keys), config, persisted, held)
        yield scene


@pytest.mark.parametrize("persisted", [True, False], ids=["persisted", "not-persisted"])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_what_is_killed(tmp_path: Path, opa_binary: Path, order: tuple[str, ...], persisted: bool):
    """
    With a bundle at hand it decides by that one; without, it refuses to decide, and says so. What
    was offered meanwhile decides once the server is back.
    """
    with _scene(tmp_path, opa_binary, persisted=persisted) as scene:
        scene.offer(1, walks=True)
        scene.start()
        assert scene.answers() == (200, True, "1-park-walk")
        for what in order:
            scene.kill(what)
            if scene.decides:
                assert eventually(lambda: scene.answers() == (200, True, "1-park-walk")), (
                    scene.answers(),
                    scene.sidecar.stderr,
                )
            else:
                # Between a kill and a new start there is not even somebody to say so.
                assert eventually(lambda: scene.answers() == (503, None, "bundle_not_active"))
                ready = scene.sidecar.get("/readyz")
                assert (ready.status, ready.json["state"]) == (503, "not ready")
        scene.offer(2, walks=False)
        scene.server.come()

        assert eventually(lambda: scene.answers() == (200, False, "2-park-stay"), 30), (
            scene.sidecar.stderr
        )
        assert eventually(lambda: scene.sidecar.get("/readyz").json["state"] == "ready")


def test_the_age_counts_from_when_it_was_confirmed(tmp_path: Path, opa_binary: Path):
    """
    A restart with the server away makes a kept bundle no younger; stale, it refuses to decide where
    that is set, and decides again once the server confirms it.
    """
    more = ", max_staleness_s: 4, when_stale: refuse"
    with _scene(tmp_path, opa_binary, persisted=True, more=more) as scene:
        scene.offer(1, walks=True)
        scene.start()
        assert scene.answers() == (200, True, "1-park-walk")
        scene.server.go()
        confirmed = scene.sidecar.counts("privacy_bundle_last_success_timestamp_seconds")[()]
        assert eventually(lambda: scene.answers() == (503, None, "bundle_stale"))
        scene.sidecar.process.kill()
        scene.sidecar.process.wait()
        scene.start(ready=False)

        ready = scene.sidecar.get("/readyz")
        assert (ready.status, ready.json["state"]) == (503, "not ready")
        assert "has not been confirmed for too long" in ready.json["reason"]
        assert ready.json["age_s"] > 4
        after = scene.sidecar.counts("privacy_bundle_last_success_timestamp_seconds")[()]
        assert abs(after - confirmed) < 2
        assert scene.answers() == (503, None, "bundle_stale")
        assert scene.sidecar.counts("privacy_ready")[()] == 0
        scene.server.come()
        assert eventually(lambda: scene.answers() == (200, True, "1-park-walk"))


def test_stale_and_said(tmp_path: Path, opa_binary: Path):
    """
    Where stale bundles serve, they do, and /readyz says that they are stale, and why.
    """
    with _scene(tmp_path, opa_binary, persisted=False, more=", max_staleness_s: 2") as scene:
        scene.offer(1, walks=True)
        scene.start()
        scene.server.go()

        def told() -> bool:
            ready = scene.sidecar.get("/readyz")
            assert ready.status == 200
            reason = ready.json["reason"]
            return "longer than it may be" in reason and "cannot be fetched" in reason

        assert eventually(told)
        assert scene.sidecar.get("/readyz").json["state"] == "degraded"
        assert scene.answers() == (200, True, "1-park-walk")


def test_a_kept_bundle_that_is_too_old_by_now_does_not_decide(tmp_path: Path, opa_binary: Path):
    """
    A security stop: a minimum that was raised above what is kept fails closed, whatever stale ones
    may do.
    """
    with _scene(tmp_path, opa_binary, persisted=True) as scene:
        scene.offer(1, walks=True)
        scene.start()
        assert scene.answers() == (200, True, "1-park-walk")
        scene.server.go()
        scene.sidecar.process.terminate()
        assert scene.sidecar.process.wait(30) == 0
        scene.config = scene.config.rstrip("}\n") + ", min_revision: 2}\n"
        scene.start(ready=False)

        assert scene.answers() == (503, None, "bundle_not_active")
        ready = scene.sidecar.get("/readyz")
        assert (ready.status, ready.json["failing"]) == (503, "old")
        assert "older than it may be" in ready.json["reason"]
        scene.offer(2, walks=True)
        scene.server.come()
        assert eventually(lambda: scene.answers() == (200, True, "2-park-walk"))


def test_a_key_that_was_taken_out_takes_its_bundles_with_it(tmp_path: Path, opa_binary: Path):
    """
    A kept bundle counts by the keys of today.
    """
    with _scene(tmp_path, opa_binary, persisted=True) as scene:
        scene.offer(1, walks=True)
        scene.start()
        scene.server.go()
        scene.sidecar.process.terminate()
        assert scene.sidecar.process.wait(30) == 0
        scene.workshop.keys.make("others")
        scene.config = scene.config.replace("ours.pub", "others.pub")
        scene.start(ready=False)

        assert scene.answers() == (503, None, "bundle_not_active")
        # The download that fails comes second, and is as true.
        assert "is not signed by any of" in scene.sidecar.stderr
