"""
An OPA that runs elsewhere and fetches its bundles itself: what the sidecar can say and do then.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sidecar.engine.endpoint import Endpoint
from tests.credentials import Keys
from tests.delivery.bundle_server import BundleServer, bundle_server
from tests.delivery.workshop import WALK, Workshop, packed
from tests.e2e.serve import Sidecar, alive
from tests.running import eventually, opa_running


@contextmanager
def _scene(
    folder: Path, opa: Path, bundles: str, *, status: bool = True
) -> Iterator[tuple[Sidecar, BundleServer, Workshop]]:
    """
    A sidecar beside an OPA that fetches, by the revision 1.
    """
    workshop = Workshop(folder, opa, Keys(folder))
    with ExitStack() as held:
        server = held.enter_context(bundle_server(folder / "served"))
        server.put("policy.tar.gz", packed(workshop.park(1)))
        config = server.fetching | ({"status": {"prometheus": True}} if status else {})
        (folder / "opa.json").write_text(json.dumps(config), "utf-8")
        endpoint = Endpoint(f"unix://{folder}/o.sock")
        held.enter_context(
            opa_running(opa, endpoint, "--config-file", folder / "opa.json", log=folder / "opa.log")
        )
        sidecar = held.enter_context(alive(bundles, SIDECAR_OPA_URL=endpoint.url))
        yield sidecar, server, workshop


def _state(sidecar: Sidecar) -> str:
    state: str = sidecar.get("/readyz").json["state"]
    return state


def test_what_opa_says_of_its_bundles_is_told(tmp_path: Path, opa_binary: Path):
    """
    Age, last success and failures come from OPA's status, also of a bundle that it does not take.
    """
    with _scene(tmp_path, opa_binary, "bundles: {max_staleness_s: 600}\n") as (sidecar, server, _):
        assert eventually(lambda: _state(sidecar) == "ready"), sidecar.get("/readyz").json
        assert 0 <= sidecar.counts("privacy_bundle_age_seconds")[()] < 60
        assert sidecar.counts("privacy_bundle_last_success_timestamp_seconds")[()] > 1e9
        server.put("policy.tar.gz", b"no tarball")

        assert eventually(lambda: _state(sidecar) == "degraded")
        assert sidecar.get("/readyz").json["failing"] == "archive"
        assert sidecar.counts("privacy_bundle_activation_failures_total")[("archive",)] >= 1
        assert sidecar.decide(WALK).json["decision"] is True


def test_a_bundle_that_breaks_its_promises_does_not_decide(tmp_path: Path, opa_binary: Path):
    """
    OPA has made it active, and there is no other: no decision is made until a better one is.
    """
    with _scene(tmp_path, opa_binary, "bundles: {min_revision: 1}\n") as (
        sidecar,
        server,
        workshop,
    ):
        assert eventually(lambda: _state(sidecar) == "ready")
        assert sidecar.decide(WALK).json["decision"] is True
        broken = workshop.park(2)
        broken["park/decision/decision.rego"] = broken["park/decision/decision.rego"].replace(
            b'"swims_well", "age"', b'"swims_well"'
        )
        server.put("policy.tar.gz", packed(broken))

        assert eventually(lambda: sidecar.decide(WALK).code == "bundle_refused")
        assert sidecar.get("/readyz").status == 503
        assert eventually(lambda: sidecar.get("/readyz").json["failing"] == "golden")
        server.put("policy.tar.gz", packed(workshop.park(3)))
        assert eventually(lambda: sidecar.decide(WALK).status == 200)
        assert eventually(lambda: _state(sidecar) == "ready")


def test_a_bundle_that_is_too_old_does_not_decide(tmp_path: Path, opa_binary: Path):
    """
    Whatever OPA thinks of it.
    """
    with _scene(tmp_path, opa_binary, "bundles: {min_revision: 2}\n") as (
        sidecar,
        server,
        workshop,
    ):
        assert sidecar.decide(WALK).code == "bundle_refused"
        assert eventually(lambda: sidecar.get("/readyz").json["failing"] == "old")
        server.put("policy.tar.gz", packed(workshop.park(2)))

        assert eventually(lambda: sidecar.decide(WALK).status == 200)


def test_an_opa_that_says_nothing(tmp_path: Path, opa_binary: Path):
    """
    Without `status` in its configuration no age is known; where one must be, that is as good as
    stale.
    """
    stale = "bundles: {max_staleness_s: 600, when_stale: refuse}\n"
    with _scene(tmp_path, opa_binary, stale, status=False) as (sidecar, _, _):
        assert eventually(lambda: sidecar.get("/readyz").json["state"] == "not ready")
        assert sidecar.get("/readyz").json["age_s"] is None
        assert sidecar.decide(WALK).code == "bundle_stale"
        assert sidecar.counts("privacy_bundle_age_seconds") == {}


def test_when_it_was_confirmed_outlives_the_sidecar(tmp_path: Path, opa_binary: Path):
    """
    With a folder that is kept, a restart does not forget when OPA's bundles were confirmed.
    """
    (tmp_path / "kept").mkdir()
    kept = f"bundles: {{persistence: '{tmp_path}/kept'}}\n"
    with _scene(tmp_path, opa_binary, kept) as (sidecar, server, _):
        assert eventually(lambda: sidecar.get("/readyz").json["age_s"] is not None)
        server.go()
        at = sidecar.counts("privacy_bundle_last_success_timestamp_seconds")[()]
        written = json.loads((tmp_path / "kept" / "confirmed.json").read_text("utf-8"))

    assert abs(written["policy"] - at) < 3
