"""
The story of bundles that arrive, told against any place that they are fetched from.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path

from tests.credentials import Keys
from tests.delivery.load import Asked, steady
from tests.delivery.workshop import WALK, Workshop, packed
from tests.e2e.serve import Sidecar, running
from tests.running import eventually

RATE = 200.0
SWIM = {**WALK, "action": {"name": "swim"}}
BARBECUE = {**WALK, "action": {"name": "barbecue"}}


def arrival(
    folder: Path,
    opa: Path,
    put: Callable[[bytes], None],
    fetching: str,
    environment: Mapping[str, str],
) -> list[str]:
    """
    Ship, offer what is not signed, change, rotate the key, ship by the new one, and roll back, all
    under load; check each answer.

    Args:
        folder: A folder of its own.

        opa: OPA's binary.

        put: Puts a bundle where it is fetched.

        fetching: OPA's configuration for that.

        environment: What else the sidecar finds in its environment.

    Returns:
        The revisions that were active, in order.
    """
    keys = Keys(folder)
    for name in ("old", "new"):
        keys.make(name)
    workshop = Workshop(folder, opa, keys)

    def shipped(number: int, key: str, *, walks: bool) -> str:
        put(packed(workshop.signed(workshop.park(number, walks=walks), key)))
        return f"{number}-park-{'walk' if walks else 'stay'}"

    (folder / "opa.yaml").write_text(fetching, "utf-8")
    config = (
        f"signing: {{keys: ['{folder}/old.pub', '{folder}/new.pub']}}\n"
        f"bundles: {{config: '{folder}/opa.yaml'}}\n"
        "server: {workers: 2}\n"
    )
    first = shipped(1, "old", walks=True)
    # When each revision was put there, and when it was seen to be the only one that answers.
    active: list[tuple[str, float, float]] = [(first, 0.0, 0.0)]
    with (
        running(config, **environment) as sidecar,
        steady(sidecar, [WALK, SWIM, BARBECUE], RATE) as load,
    ):
        assert eventually(lambda: load.answered_by(first)), sidecar.stderr
        # With two keys, too, what is signed by none of them is nobody's.
        put(packed(workshop.park(9, walks=False)))
        assert eventually(lambda: _failing(sidecar) == "signature"), sidecar.stderr
        for number, key, walks in ((2, "old", False), (3, "new", True), (2, "old", False)):
            began = time.monotonic()
            revision = shipped(number, key, walks=walks)
            assert eventually(partial(load.answered_by, revision), 60), sidecar.stderr
            active.append((revision, began, time.monotonic()))
    _check(load.asked, active, sidecar)
    return [revision for revision, _, _ in active]


def _failing(sidecar: Sidecar) -> str | None:
    failing: str | None = sidecar.get("/readyz").json["failing"]
    return failing


def _check(asked: list[Asked], active: list[tuple[str, float, float]], sidecar: Sidecar) -> None:
    refused = [each for each in asked if each.status != 200]
    assert not refused, (refused[:3], sidecar.stderr)
    for index, (revision, _, settled) in enumerate(active):
        began = active[index + 1][1] if index + 1 < len(active) else float("inf")
        within = [each for each in asked if settled <= each.began and each.ended < began]
        assert {each.revision for each in within} <= {revision}
    # While one takes the other's place, one of the two answers, and never the old one again once
    # the new one has answered for a second.
    for (before, _, _), (after, began, settled) in pairwise(active):
        between = [each for each in asked if began <= each.began < settled]
        assert {each.revision for each in between} <= {before, after}
        first = min(each.ended for each in between if each.revision == after)
        assert all(each.revision == after for each in between if each.began > first + 1)
    for each in asked:
        wanted = each.revision is not None and each.revision.endswith("walk")
        if each.body["context"].get("reason") == "permitted":
            assert each.body["decision"] is wanted, each
