"""
Decisions, as far as they are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.engine.decision import objects


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    A decision, as far as it is compared.

    Attributes:
        allowed: The verdict.

        permitted: The categories that are permitted; None where that is not told.

        reason: Why.

        clauses: The ids of the clauses that are cited.
    """

    allowed: bool
    permitted: tuple[str, ...] | None
    reason: str
    clauses: tuple[str, ...]

    @classmethod
    def of(cls, allowed: bool, context: Mapping[str, Any] | None) -> "Verdict":
        """
        Read a decision's context.
        """
        said = dict(context or {})
        permitted = said.get("permitted")
        return cls(
            allowed,
            tuple(map(str, permitted)) if isinstance(permitted, list) else None,
            str(said.get("reason", "")),
            tuple(str(clause.get("id")) for clause in objects(said.get("clauses"))),
        )

    def said(self) -> dict[str, Any]:
        """
        Write it as JSON has it.
        """
        return {
            "decision": self.allowed,
            "permitted": None if self.permitted is None else list(self.permitted),
            "reason": self.reason,
            "clauses": list(self.clauses),
        }
