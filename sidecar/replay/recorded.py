"""
Decisions as they were recorded.
"""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    A decision as it was recorded. It is kept as it was written, which takes less room than what it
    says.

    Attributes:
        decision_id: The decision's name.

        input: The evaluation, as far as the record has it, in JSON.

        result: What was decided, in JSON.
    """

    decision_id: str
    input: str
    result: str

    @property
    def asked(self) -> dict[str, Any]:
        """
        The evaluation, without how much was to be answered: that decides nothing.
        """
        asked: dict[str, Any] = json.loads(self.input)
        context = asked.get("context")
        if isinstance(context, dict):
            context.pop("answer", None)
        return asked

    @property
    def decided(self) -> tuple[bool, dict[str, Any]]:
        """
        The verdict, and what was said beside it; empty where nothing was.
        """
        result = json.loads(self.result)
        context = result.get("context")
        return bool(result["decision"]), context if isinstance(context, dict) else {}
