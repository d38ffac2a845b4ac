"""
What happens to the fleet, and what is seen of it: a mixed load, each fault in turn, and its end.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tests.prometheus.fleet import (
    AT_ONCE,
    MANY,
    ONE,
    TOKEN,
    Asking,
    Fleet,
    different,
    fleet,
    requests,
    sale,
    scenarios,
)
from tests.prometheus.servers import Prometheus, alertmanager_running, prometheus_running
from tests.running import eventually

HOURS: Final = 100.0
"""
How much faster time goes by for alerts that look back for hours at most.
"""

DAYS: Final = 720.0
"""
The same for those that look back for days: a day is two minutes.
"""

WHOLE: Final = os.environ.get("STORY") == "whole"
"""
Whether those are waited for too. It takes some minutes more.
"""

WITHIN_S: Final = 150.0
"""
How long an alert may take. Hardly any takes a third of it; a busy machine is no fault.
"""

_BEARER: Final = f"Bearer {TOKEN}"


@dataclass(frozen=True, slots=True)
class Alert:
    """
    An alert, as it is seen here.

    Attributes:
        name: Its name.

        labels: Labels that tell its cause.

        factor: How fast time goes by where it is seen.
    """

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    factor: float = HOURS

    def among(self, alerts: Sequence[dict[str, Any]]) -> bool:
        """
        Say whether it was told.
        """
        sought = {"alertname": self.name, "factor": f"{self.factor:g}", **self.labels}
        return any(sought.items() <= alert["labels"].items() for alert in alerts)


LATENCY: Final = [Alert("PrivacyLatencyBurn", {"window": window}) for window in ("1h", "6h")]
ASKED: Final = [
    Alert("PrivacyCallersRejected", {"code": "unauthenticated"}),
    Alert("PrivacyProhibitedAttempts", {"action": "sell", "purpose": "fulfil_request"}),
    Alert("PrivacyRouteTableRefused", {"result": "refused"}),
]
WAITING: Final = [
    Alert("PrivacyRecordsDropped", {"result": "dropped"}),
    Alert("PrivacyRecordsBackingUp"),
]
FULL: Final = [Alert("PrivacyRecordsRefused", {"result": "refused"})]
RESTARTED: Final = [Alert("PrivacyOpaRestarting", {"job": "sidecar"})]
STOPPED: Final = [Alert("PrivacyNoDecisions"), Alert("PrivacySidecarNotReady", {"job": "sidecar"})]
BURN: Final = [Alert("PrivacyAvailabilityBurn", {"window": window}) for window in ("1h", "6h")]
BUNDLES: Final = [
    Alert("PrivacyBundleNotTaken", {"code": "archive"}),
    Alert("PrivacyBundleStale"),
    Alert("PrivacySeveralRevisions", {"agreement": "csw-privacy"}),
    Alert("PrivacyRegisterEntriesEnd", {"kind": "recipients", "ends": "past"}),
]
LONG_BURN: Final = [
    Alert("PrivacyAvailabilityBurn", {"window": window}, DAYS) for window in ("1d", "3d")
]
SHIFTED: Final = [
    Alert("PrivacyRefusalsShifted", {"reason": "prohibited"}, DAYS),
    Alert("PrivacyClauseShifted", {"effect": "prohibits"}, DAYS),
]
UNUSED: Final = [Alert("PrivacyClauseNeverExercised", {"severity": "info"}, DAYS)]
OF_HOURS: Final = [
    *(*LATENCY, *ASKED, *WAITING, *FULL, *RESTARTED, *STOPPED, *BURN, *BUNDLES),
]
OF_DAYS: Final = [*LONG_BURN, *SHIFTED, *UNUSED]


@dataclass(slots=True)
class Story:
    """
    What was seen.

    Attributes:
        prometheus: Who saw it, in hours.

        began: When.

        full: When there was something of everything to see.

        ended: When it was over.

        told: What Alertmanager told, in order.

        targets: The targets, when nothing had gone wrong yet.

        rules: All rules, at the end.
    """

    prometheus: Prometheus
    began: float
    full: float = 0.0
    ended: float = 0.0
    told: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def lived_through(folder: Path, opa: Path) -> Iterator[Story]:
    """
    Run the fleet, with Prometheus and Alertmanager, and let everything happen to it.

    Prometheus runs on, to be asked; the fleet does not.
    """
    with ExitStack() as watching:
        with ExitStack() as held:
            ours = held.enter_context(fleet(folder, opa))
            manager = watching.enter_context(
                alertmanager_running(folder / "alertmanager", f"{ours.behind.url}/alerts")
            )
            seeing = [
                watching.enter_context(
                    prometheus_running(folder / f"by-{factor:g}", factor, ours.targets, manager)
                )
                for factor in ((HOURS, DAYS) if WHOLE else (HOURS,))
            ]
            story = Story(seeing[0], time.time())
            _Told(ours, story).happen()
            story.ended = time.time()
            story.told = [*ours.behind.alerts]
            story.rules = [rule for each in seeing for rule in each.rules()]
        yield story


class _Told:
    """
    What happens, one thing after the other.
    """

    def __init__(self, ours: Fleet, story: Story) -> None:
        self._ours = ours
        self._story = story
        self._usual = requests()
        many = [self._usual[n % len(self._usual)] for n in range(AT_ONCE)]
        self._batch = {"evaluations": many}

    def happen(self) -> None:
        """
        Live through it.
        """
        self._large_answers()
        load = self._load()
        self._troubles()
        if WHOLE:
            self._unlike_the_day_before(load)
        for each in load:
            each.stop()
        expected = OF_HOURS + (OF_DAYS if WHOLE else [])
        self._until("resolved", expected)

    def _until(self, status: str, alerts: Sequence[Alert], after: int = 0) -> None:
        behind = self._ours.behind
        eventually(lambda: all(each.among(behind.told(status, after)) for each in alerts), WITHIN_S)

    def _large_answers(self) -> None:
        # More than are remembered: whoever asks for all of them again has them decided anew.
        every = iter(different(40 * AT_ONCE))
        batches = [{"evaluations": [*islice(every, AT_ONCE)]} for _ in range(40)]
        slow = Asking(self._ours.help.address, MANY, batches, 0.05)
        self._until("firing", LATENCY)
        slow.stop()
        self._story.targets = self._story.prometheus.targets()

    def _load(self) -> list[Asking]:
        billing, usual = self._ours.billing.address, self._usual
        return [
            Asking(billing, ONE, usual, 0.1, Authorization=_BEARER),
            Asking(billing, MANY, [{"evaluations": usual}], 0.5, Authorization=_BEARER),
            Asking(self._ours.help.address, ONE, usual, 0.05),
        ]

    def _troubles(self) -> None:
        ours, behind = self._ours, self._ours.behind
        billing, helping = ours.billing.address, ours.help.address
        # A rollout stops halfway, and what comes next is broken.
        behind.bundles["privacy"] = ours.bundles[1].read_bytes()
        eventually(lambda: (ours.revision() or "").startswith("2-"))
        behind.bundles["privacy"] = b"no tarball"
        proxied = {"X-Forwarded-Uri": "/customers/acme", "X-Forwarded-Method": "GET"}
        trouble = [
            Asking(billing, ONE, self._usual, 0.25, Authorization="Bearer nobody"),
            Asking(billing, "/forward-auth", None, 0.25, **proxied),
            Asking(helping, ONE, [sale()], 0.5),
        ]
        ours.break_routes()
        behind.away = {"billing", "help"}
        trouble.append(Asking(helping, MANY, [self._batch], 0.5))
        self._until("firing", ASKED + WAITING)
        trouble.pop().stop()
        trouble.append(Asking(billing, MANY, [self._batch], 0.2, Authorization=_BEARER))
        self._until("firing", FULL)
        for _ in range(4):
            ours.kill_opa()
        self._until("firing", RESTARTED)
        before = len(behind.alerts)
        with ours.opas_stopped():
            self._until("firing", STOPPED, before)
        self._until("firing", BURN + BUNDLES + (LONG_BURN if WHOLE else []))
        self._story.full = time.time()
        for each in trouble:
            each.stop()
        ours.mend_routes()
        behind.away = set()
        behind.bundles["privacy"] = ours.bundles[0].read_bytes()
        behind.bundles["registers"] = ours.registers[1].read_bytes()

    def _unlike_the_day_before(self, load: Sequence[Asking]) -> None:
        """
        Which is two minutes ago.
        """
        helping = self._ours.help.address
        for each in load:
            each.stop()
        sales = Asking(helping, ONE, [sale()], 0.02)
        self._until("firing", SHIFTED)
        sales.stop()
        self._until("firing", UNUSED)
        everything = Asking(helping, MANY, [{"evaluations": scenarios()}], 0.5)
        self._until("resolved", UNUSED)
        everything.stop()
