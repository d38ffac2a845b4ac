"""
All metrics, in one table. Label values come from the bundle's vocabulary; others count as `other`.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from sidecar.delivery.failure import CODES
from sidecar.engine.bundle_info import NO_AGREEMENT, BundleInfo
from sidecar.engine.decision import Decision, objects
from sidecar.engine.engine import Engine
from sidecar.errors import EngineError
from sidecar.observability.exemplars import Exemplars
from sidecar.traceparent import TraceParent

OTHER: Final = "other"

_BUCKETS: Final = (
    *(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005),
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)
_DURATION: Final = "privacy_decision_duration_seconds"
_OUTCOMES: Final = frozenset({"permitted", "partial", "denied"})
_EFFECTS: Final = frozenset({"permits", "prohibits", "limits", "obliges", "defines"})
_FROM: Final = {True: "hit", False: "miss", None: "off"}


class Metrics:
    """
    The metrics of contract, section 6, that a decision leaves behind.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decisions = Counter(
            "privacy_decisions",
            "Evaluations decided.",
            ["outcome", "reason", "action", "purpose"],
            registry=self.registry,
        )
        self._clauses = Counter(
            "privacy_clause_decisions",
            "Evaluations that cited a clause, by its effect.",
            ["clause", "effect"],
            registry=self.registry,
        )
        self._obligations = Counter(
            "privacy_obligations",
            "Obligations handed back.",
            ["obligation"],
            registry=self.registry,
        )
        self._missing = Counter(
            "privacy_missing_facts",
            "Evaluations that a fact was missing for, by the fact.",
            ["fact"],
            registry=self.registry,
        )
        self._duration = Histogram(
            _DURATION,
            "How long a request took, by stage.",
            ["stage"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._errors = Counter(
            "privacy_decision_errors",
            "Requests and evaluations that no decision was made on, by the error's code.",
            ["code"],
            registry=self.registry,
        )
        self._remembered = Counter(
            "privacy_decision_cache",
            "Decisions by where they came from: hit, from memory; miss, from OPA; off, from OPA "
            "where none is remembered.",
            ["result"],
            registry=self.registry,
        )
        self._routes = Counter(
            "privacy_route_table_reads",
            "Changes of the route table, by what became of them.",
            ["result"],
            registry=self.registry,
        )
        self._records = Counter(
            "privacy_decision_records",
            "Records of decisions, by what became of them.",
            ["result"],
            registry=self.registry,
        )
        self._stages = {
            stage: self._duration.labels(stage) for stage in ("parse", "opa", "answer", "total")
        }
        self._exemplars = Exemplars(_BUCKETS)
        # There from the beginning: the first that is counted would show no increase.
        for routes in ("taken", "refused"):
            self._routes.labels(routes)
        for records in ("written", "dropped", "refused"):
            self._records.labels(records)

    def decided(self, asked: Mapping[str, Any], decision: Decision, info: BundleInfo) -> None:
        """
        Count a decision.
        """
        count(self.counters(asked, decision, info))

    def counters(
        self, asked: Mapping[str, Any], decision: Decision, info: BundleInfo
    ) -> tuple[Counter, ...]:
        """
        Find what counts a decision, so that the same one need not be looked at again.
        """
        agreement = info.agreement or NO_AGREEMENT
        context = decision.context or {}
        terms = agreement.terms
        return (
            self._decisions.labels(
                _outcome(decision, context),
                _among(context.get("reason"), terms.get("reason", ())),
                _among(asked["action"]["name"], terms.get("action", ())),
                _purpose(asked.get("context", {}).get("purpose"), terms.get("purpose", ())),
            ),
            self._remembered.labels(_FROM[decision.remembered]),
            *(
                self._clauses.labels(
                    _among(clause.get("id"), agreement.clauses),
                    _among(clause.get("effect"), _EFFECTS),
                )
                for clause in objects(context.get("clauses"))
            ),
            *(
                self._obligations.labels(_among(obligation.get("id"), terms.get("obligation", ())))
                for obligation in objects(context.get("obligations"))
            ),
            *(
                self._missing.labels(fact)
                for fact in _different(context.get("missing_facts"), terms.get("fact", ()))
            ),
        )

    def failed(self, code: str) -> None:
        """
        Count an error.
        """
        self.failures(code).inc()

    def failures(self, code: str) -> Counter:
        """
        Find what counts an error. Codes are the classes' own, so there are only so many.
        """
        return self._errors.labels(code)

    def routes_read(self, *, taken: bool) -> None:
        """
        Count a change of the route table.
        """
        self._routes.labels("taken" if taken else "refused").inc()

    def recorded(self, result: str, number: int) -> None:
        """
        Count records: written, shipped, dropped or refused.
        """
        self._records.labels(result).inc(number)

    def took(self, stages: Mapping[str, float], traceparent: str | None = None) -> None:
        """
        Note how long a request's stages took, in seconds.

        Args:
            stages: How long each took.

            traceparent: Where the request stands in a trace. One that is kept is an example of how
                long requests take.
        """
        for stage, seconds in stages.items():
            self._stages[stage].observe(seconds)
        parent = TraceParent.read(traceparent)
        if parent and parent.sampled and "total" in stages:
            self._exemplars.keep(stages["total"], parent.trace_id)

    def collector(self, engine: Engine, restarts: int | None) -> Collector:
        """
        Return what collects everything, of all workers.
        """
        counted: Collector = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            counted = _OfAllWorkers(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
        return _Whole(counted, self._exemplars, _Now(engine, restarts))

    def exposition(self, engine: Engine, restarts: int | None) -> bytes:
        """
        Write everything down in Prometheus' text format, of all workers.
        """
        return generate_latest(self.collector(engine, restarts))


class _Whole(Collector):
    """
    What was counted, with its examples, and what is so now.
    """

    def __init__(self, counted: Collector, exemplars: Exemplars, now: Collector) -> None:
        self._counted = counted
        self._exemplars = exemplars
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """
        Collect both.
        """
        for metric in chain(self._counted.collect(), self._now.collect()):
            if metric.name == _DURATION:
                metric.samples = [*map(self._with_example(), metric.samples)]
            yield metric

    def _with_example(self) -> Callable[[Sample], Sample]:
        latest = self._exemplars.latest()

        def with_example(sample: Sample) -> Sample:
            if sample.labels.get("stage") != "total" or "le" not in sample.labels:
                return sample
            return sample._replace(exemplar=latest.get(float(sample.labels["le"])))

        return with_example


def count(counters: Iterable[Counter], number: int = 1) -> None:
    """
    Count a decision, or as many of the same.
    """
    for counter in counters:
        counter.inc(number)


class _OfAllWorkers(Collector):
    """
    What the workers have counted, those that are gone too.

    Args:
        folder: Where they keep it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """
        Add it up.
        """
        files = map(str, self._folder.glob("*.db"))
        # A worker that is just starting has made its file, and not yet filled it.
        whole = [file for file in files if os.path.getsize(file)]
        yield from MultiProcessCollector.merge(whole)  # type: ignore[no-untyped-call]


class _Now(Collector):
    """
    What is so at the moment of asking: one series each, whatever was before.
    """

    def __init__(self, engine: Engine, restarts: int | None) -> None:
        self._engine = engine
        self._restarts = restarts

    def collect(self) -> Iterator[Metric]:
        """
        Ask the engine.
        """
        status = self._engine.status()
        yield GaugeMetricFamily(
            "privacy_ready", "Whether decisions can be made.", value=float(status.ready)
        )
        yield from _delivered(self._engine, status.age_s)
        if self._restarts is not None:
            yield CounterMetricFamily(
                "privacy_engine_restarts",
                "How often the sidecar's own OPA died and was started again.",
                value=self._restarts,
            )
        try:
            info = self._engine.bundle()
        except EngineError:
            return
        bundle = GaugeMetricFamily(
            "privacy_bundle_info",
            "The active bundle.",
            labels=["agreement", "version", "revision"],
        )
        agreement = info.agreement or NO_AGREEMENT
        bundle.add_metric([agreement.id, agreement.version, info.revision], 1)
        yield bundle
        yield from _registers(self._engine)


def _delivered(engine: Engine, age_s: float | None) -> Iterator[Metric]:
    """
    Say how things stand with the bundles.
    """
    state = engine.delivered()
    if state is None:
        return
    failures = CounterMetricFamily(
        "privacy_bundle_activation_failures",
        "How often a bundle did not become active, by what was wrong.",
        labels=["code"],
    )
    for code in CODES:
        failures.add_metric([code], state.failures.get(code, 0))
    yield failures
    at = state.confirmed_at()
    if at is None or age_s is None:
        return
    yield GaugeMetricFamily(
        "privacy_bundle_age_seconds",
        "How long ago the active bundles were seen to be the newest; 0 for what is set.",
        value=age_s,
    )
    yield GaugeMetricFamily(
        "privacy_bundle_last_success_timestamp_seconds",
        "When the active bundles were seen to be the newest, or activated where they are set.",
        value=at,
    )


def _registers(engine: Engine) -> Iterator[Metric]:
    """
    Say how soon registers' entries end: five series for each kind that the bundle knows.
    """
    entries = GaugeMetricFamily(
        "privacy_register_entries",
        "Entries of the active registers, by how soon they end.",
        labels=["kind", "ends"],
    )
    try:
        counts = engine.register_ends()
    except EngineError:
        return
    for labels, number in counts.items():
        entries.add_metric(labels, number)
    yield entries


def _outcome(decision: Decision, context: Mapping[str, Any]) -> str:
    plain = "permitted" if decision.allowed else "denied"
    outcome = context.get("outcome", plain)
    return outcome if isinstance(outcome, str) and outcome in _OUTCOMES else plain


def _purpose(purpose: Any, terms: Any) -> str:
    if isinstance(purpose, list) and len(purpose) == 1:
        purpose = purpose[0]
    return _among(purpose, terms)


def _different(values: Any, terms: Any) -> set[str]:
    """
    Find the labels of a list's values, each once.
    """
    return {_among(value, terms) for value in values} if isinstance(values, list) else set()


def _among(value: Any, terms: Any) -> str:
    return value if isinstance(value, str) and value in terms else OTHER
