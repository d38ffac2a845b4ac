"""
Evaluations as the policy is given them.
"""

from collections.abc import Mapping
from typing import Any

from sidecar.engine.memory import paths_of
from sidecar.registers.selected import Selected

Evaluation = Mapping[str, Any]


class Dated:
    """
    An evaluation with its date.

    Args:
        evaluation: What the policy is given.
    """

    __slots__ = ("_reads", "_selected", "_values", "evaluation")

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self._reads: tuple[str, ...] | None = None
        self._selected: Selected | None = None
        self._values: bytes | None = None

    @property
    def by_entries(self) -> bool:
        """
        Whether the values that were written last have entries in the place of ids.
        """
        return self._selected is not None

    @property
    def date(self) -> str:
        """
        The date; empty where somebody else's evaluation has none.
        """
        environment = self.evaluation.get("environment")
        return str(environment.get("date", "")) if isinstance(environment, dict) else ""

    def values(self, reads: tuple[str, ...], selected: Selected | None) -> bytes | None:
        """
        Write what a bundle reads of it, once for each bundle and its registers; None where it
        cannot be written.
        """
        if self._reads is not reads or self._selected is not selected:
            self._reads, self._selected = reads, selected
            self._values = paths_of(reads).values(self.evaluation, selected)
        return self._values
