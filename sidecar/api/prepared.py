"""
An answer from memory, made once and told again and again: with another name each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import msgspec
from prometheus_client import Counter

from sidecar.api import answer
from sidecar.api.request import encode
from sidecar.engine.decision import Decision
from sidecar.engine.engine import Recalled
from sidecar.names import new_id
from sidecar.observability.metrics import Metrics
from sidecar.records.record import Answered, result_of

# What Python keeps beside the texts, and then some.
_BESIDE: Final = 600


@dataclass(frozen=True, slots=True)
class Prepared:
    """
    What the answer to a question is made of.

    Attributes:
        asked_as: What of an evaluation an answer and its counting depend on, beside the decision.

        max_age_s: For how many seconds it says that it may be used again.

        parts: The answer, as it is written, without the decision's name: that stands between them.

        counters: What counts it.

        masked: What becomes of the decision in a record; None where that depends on what was asked.
    """

    asked_as: bytes
    max_age_s: int
    parts: tuple[bytes, ...]
    counters: tuple[Counter, ...]
    masked: msgspec.Raw | None

    @classmethod
    def of(cls, asked: Mapping[str, Any], recalled: Recalled, max_age_s: int) -> Self | None:
        """
        Look up what was made of a decision for an evaluation like this one; None where there is
        nothing.
        """
        made = recalled.kept.made
        if not isinstance(made, cls) or made.max_age_s != max_age_s:
            return None
        return made if made.asked_as == _asked_as(asked) else None

    @classmethod
    def make(
        cls,
        asked: Mapping[str, Any],
        recalled: Recalled,
        decision: Decision,
        max_age_s: int,
        metrics: Metrics,
    ) -> None:
        """
        Make it, and keep it with the decision for the next time.

        Args:
            asked: The evaluation.

            recalled: What was decided on it before.

            decision: The same, read.

            max_age_s: For how many seconds the answer may be used again.

            metrics: What counts it.
        """
        # In no answer but the one that is given it.
        name = new_id()
        whole = encode(answer.complete(decision, asked, recalled.info, name, max_age_s))
        made = cls(
            _asked_as(asked),
            max_age_s,
            tuple(whole.split(name.encode())),
            metrics.counters(asked, decision, recalled.info),
            result_of(decision, recalled.info),
        )
        texts = (made.asked_as, whole, made.masked or b"")
        recalled.make(made, sum(map(len, texts)) + _BESIDE)

    def told(self, decision_id: str) -> bytes:
        """
        Write the answer.
        """
        return decision_id.encode().join(self.parts)

    def answered(self, asked: Mapping[str, Any], recalled: Recalled, decision_id: str) -> Answered:
        """
        Say what was answered, for a record.
        """
        if self.masked is None:
            return Answered(asked, recalled.decision(), recalled.info, decision_id)
        decision = Decision(
            recalled.allowed, None, recalled.info.revision, recalled.date, remembered=True
        )
        return Answered(asked, decision, recalled.info, decision_id, self.masked)


def _asked_as(asked: Mapping[str, Any]) -> bytes:
    context = asked.get("context", {})
    # As bytes: how much they take is known, whatever was sent.
    return encode((asked["action"]["name"], context.get("answer"), context.get("purpose")))
