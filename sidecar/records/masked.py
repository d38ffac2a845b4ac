"""
What may be written down of an evaluation that was answered, as JSON: made once for all that are
alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sidecar.engine.bundle_info import NO_AGREEMENT, BundleInfo
from sidecar.engine.decision import Decision
from sidecar.records.masking import Ids, Mask

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Masked:
    """
    What may be written down.

    Attributes:
        bundle: The agreement, with which the labels end, and what decided: members of the record.

        input: The evaluation.

        result: The decision.

        left_out: How many members of the evaluation are not written, by where they stood: an
            object; empty where there are none.
    """

    bundle: bytes
    input: bytes
    result: bytes
    left_out: bytes


class Masking:
    """
    Masks evaluations with their decisions.

    Args:
        ids: What becomes of names.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._bundle: tuple[BundleInfo, str, bytes] | None = None

    @property
    def nameless(self) -> bool:
        """
        Whether nothing that is written depends on names.
        """
        return self._ids.mode == "drop"

    def masked(
        self,
        asked: Mapping[str, Any],
        decision: Decision,
        info: BundleInfo,
        result: bytes | None = None,
    ) -> Masked:
        """
        Mask an evaluation.

        Args:
            asked: The evaluation.

            decision: What was decided on it.

            info: The bundle that decided.

            result: What `result` gave for the same decision; without it the decision is read.
        """
        mask = _mask(info, self._ids)
        evaluation = _encode(mask.evaluation(asked, decision.date))
        if result is None:
            result = _encode(mask.result(decision))
        left_out = _encode(dict(sorted(mask.left_out.items()))) if mask.left_out else b""
        return Masked(self._of(info, decision.revision), evaluation, result, left_out)

    def result(self, decision: Decision, info: BundleInfo) -> bytes | None:
        """
        Write what becomes of a decision for any evaluation; None where that depends on what was
        asked.
        """
        result = _mask(info, Ids()).result_alone(decision)
        return None if result is None else _encode(result)

    def _of(self, info: BundleInfo, revision: str) -> bytes:
        known = self._bundle
        if known is None or known[0] is not info or known[1] != revision:
            agreement = info.agreement or NO_AGREEMENT
            labels = _encode({"agreement": agreement.id, "agreement_version": agreement.version})
            bundle = _encode(
                {
                    "bundles": {info.name: {"revision": revision}},
                    "path": "/".join(info.decision),
                }
            )
            known = self._bundle = info, revision, labels[1:] + b"," + bundle[1:-1]
        return known[2]


def _mask(info: BundleInfo, ids: Ids) -> Mask:
    agreement = info.agreement or NO_AGREEMENT
    return Mask(agreement.terms, agreement.clauses, ids)
