"""
What an evaluation is answered with, recorded as, and counted by.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter

from sidecar.api import answer
from sidecar.api.lifetime import Lifetime
from sidecar.api.prepared import Prepared
from sidecar.api.request import encode
from sidecar.engine.decision import Decision
from sidecar.engine.engine import Engine, Recalled
from sidecar.observability.metrics import Metrics
from sidecar.records.record import Answered


@dataclass(frozen=True, slots=True)
class Told:
    """
    An evaluation that has its answer.

    Attributes:
        answer: The answer, written.

        answered: What a record is made of.

        counters: What counts it.
    """

    answer: bytes
    answered: Answered
    counters: Iterable[Counter]


def tell(
    asked: Mapping[str, Any],
    outcome: Recalled | Decision,
    decision_id: str,
    engine: Engine,
    lifetime: Lifetime,
    metrics: Metrics,
) -> Told:
    """
    Make the answer to an evaluation; what was made for one like it before is used again.

    Args:
        asked: The evaluation.

        outcome: What was decided on it, now or before.

        decision_id: The decision's name.

        engine: Knows the bundle that decided.

        lifetime: Knows how long the answer may be used again.

        metrics: Knows what counts it.
    """
    if isinstance(outcome, Recalled):
        max_age_s = lifetime.seconds(outcome.info, outcome.date)
        prepared = Prepared.of(asked, outcome, max_age_s)
        if prepared:
            answered = prepared.answered(asked, outcome, decision_id)
            return Told(prepared.told(decision_id), answered, prepared.counters)
        recalled, outcome = outcome, outcome.decision()
        Prepared.make(asked, recalled, outcome, max_age_s, metrics)
    info = engine.bundle(outcome.revision)
    max_age_s = lifetime.seconds(info, outcome.date)
    whole = answer.complete(outcome, asked, info, decision_id, max_age_s)
    answered = Answered(asked, outcome, info, decision_id)
    return Told(encode(whole), answered, metrics.counters(asked, outcome, info))
