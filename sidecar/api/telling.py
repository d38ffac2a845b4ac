"""
What evaluations are answered with, recorded as, and counted by: made once for all that are alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from prometheus_client import Counter

from sidecar.api import answer
from sidecar.api.alike import Alike, Shared
from sidecar.api.lifetime import Lifetime
from sidecar.api.request import encode
from sidecar.engine.bundle_info import BundleInfo
from sidecar.engine.decision import Decision
from sidecar.engine.engine import Engine, Recalled
from sidecar.errors import SidecarError
from sidecar.names import new_id
from sidecar.observability.metrics import Metrics
from sidecar.records.masked import Masked, Masking
from sidecar.records.masking import nameless

# What Python keeps beside the texts, and then some.
_BESIDE: Final = 1000

_ALIKE: Final = 256


class Told(NamedTuple):
    """
    An evaluation that has its answer, but for the decision's name.

    Attributes:
        parts: The answer, as it is written: the decision's name stands between them.

        counters: What counts it.

        masked: What a record says of it; None where none are kept.
    """

    parts: tuple[bytes, ...]
    counters: tuple[Counter, ...]
    masked: Masked | None

    def answer(self, decision_id: bytes) -> bytes:
        """
        Write the answer, with the decision's name.
        """
        return decision_id.join(self.parts)


@dataclass(frozen=True, slots=True)
class _Made:
    """
    What was made of a decision that is remembered.

    Attributes:
        like: The evaluation that it was made for, without its names, and its date.

        asked_as: What of it the answer depends on, beside the decision.

        max_age_s: For how many seconds the answer says that it may be used again.

        told: What was made.

        result: What a record says of the decision; None where that depends on what was asked.
    """

    like: bytes
    asked_as: bytes
    max_age_s: int
    told: Told
    result: bytes | None

    @property
    def size(self) -> int:
        """
        How many bytes it takes.
        """
        masked = self.told.masked
        recorded = (masked.input, masked.result, masked.left_out) if masked else ()
        texts = (self.like, self.asked_as, *self.told.parts, *recorded, self.result or b"")
        return sum(map(len, texts)) + _BESIDE


class Telling:
    """
    Makes answers; what was made for one like it before is used again.

    Args:
        engine: Knows the bundles that decide.

        lifetime: Knows how long an answer may be used again.

        metrics: Knows what counts it.

        masking: Says what of it may be written down; None where no records are kept.
    """

    def __init__(
        self, engine: Engine, lifetime: Lifetime, metrics: Metrics, masking: Masking | None
    ) -> None:
        self._engine = engine
        self._lifetime = lifetime
        self._metrics = metrics
        self._masking = masking
        self._alike = Alike(_ALIKE)
        # In no answer but the ones that are made here, where a decision's name is put in its place.
        self._name = new_id()

    def tell(self, asked: Mapping[str, Any], outcome: Recalled | Decision) -> Told:
        """
        Make the answer to an evaluation.

        Args:
            asked: The evaluation.

            outcome: What was decided on it, now or before.
        """
        if isinstance(outcome, Recalled):
            return self._again(asked, outcome)
        info = self._engine.bundle(outcome.revision)
        max_age_s = self._lifetime.seconds(info, outcome.date)
        text = encode(outcome.context)
        shared = self._shared(asked, outcome, text, lambda: outcome, info, max_age_s)
        masked = (
            self._masking.masked(asked, outcome, info, shared.result) if self._masking else None
        )
        return Told(shared.parts, shared.counters, masked)

    def failed(self, error: SidecarError) -> Told:
        """
        Make the answer to an evaluation on which no decision could be made.
        """
        return Told((encode(answer.failed(error)),), (self._metrics.failures(error.code),), None)

    def _again(self, asked: Mapping[str, Any], recalled: Recalled) -> Told:
        max_age_s = self._lifetime.seconds(recalled.info, recalled.date)
        like = encode((nameless(asked), recalled.date))
        made = recalled.kept.made
        if not isinstance(made, _Made) or made.max_age_s != max_age_s:
            made = None
        elif made.like == like:
            if self._masking is None or self._masking.nameless:
                return made.told
            return self._masked(made, asked, recalled).told
        elif made.asked_as == _asked_as(asked):
            made = replace(self._masked(made, asked, recalled), like=like)
        else:
            made = None
        if made is None:
            made = self._made(asked, recalled, like, max_age_s)
        recalled.make(made, made.size)
        return made.told

    def _made(
        self, asked: Mapping[str, Any], recalled: Recalled, like: bytes, max_age_s: int
    ) -> _Made:
        bare = _bare(recalled)
        text, info = recalled.kept.context, recalled.info
        shared = self._shared(asked, bare, text, recalled.decision, info, max_age_s)
        told = Told(shared.parts, shared.counters, None)
        made = _Made(like, _asked_as(asked), max_age_s, told, shared.result)
        return self._masked(made, asked, recalled)

    def _masked(self, made: _Made, asked: Mapping[str, Any], recalled: Recalled) -> _Made:
        """
        Take what was made, masked for an evaluation that is not quite the same.
        """
        if self._masking is None:
            return made
        decision = recalled.decision() if made.result is None else _bare(recalled)
        masked = self._masking.masked(asked, decision, recalled.info, made.result)
        return replace(made, told=made.told._replace(masked=masked))

    def _shared(
        self,
        asked: Mapping[str, Any],
        bare: Decision,
        text: bytes,
        whole: Callable[[], Decision],
        info: BundleInfo,
        max_age_s: int,
    ) -> Shared:
        """
        Make what does not depend on more of an evaluation than its action, purpose and kind of
        answer, or take what was made of the same decision on another one.

        Args:
            asked: The evaluation.

            bare: The decision, of which the context does not matter.

            text: Its context, as it is written.

            whole: Reads the decision.

            info: The bundle that decided.

            max_age_s: For how many seconds the answer may be used again.
        """
        key = (text, bare.allowed, bare.remembered, bare.revision, max_age_s, _asked_as(asked))
        shared = self._alike.find(info, key)
        if shared is None:
            decision = whole()
            written = encode(answer.complete(decision, asked, info, self._name, max_age_s))
            shared = Shared(
                tuple(written.split(self._name.encode())),
                self._metrics.counters(asked, decision, info),
                self._masking.result(decision, info) if self._masking else None,
            )
            self._alike.keep(info, key, shared)
        return shared


def _bare(recalled: Recalled) -> Decision:
    return Decision(recalled.allowed, None, recalled.info.revision, recalled.date, remembered=True)


def _asked_as(asked: Mapping[str, Any]) -> bytes:
    context = asked.get("context", {})
    # As bytes: how much they take is known, whatever was sent.
    return encode((asked["action"]["name"], context.get("answer"), context.get("purpose")))
