"""
What the policy decided about one evaluation.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from sidecar.errors import DecisionMalformed, DecisionUndefined

ABSENT: Final = object()
"""
Stands for a result that OPA did not give; None is one that it did give, as null.
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """
    What the policy decided about one evaluation.

    Attributes:
        allowed: The verdict.

        context: What the policy says beside it; None where it says nothing.

        revision: Revision of the bundle that was asked.

        date: The date that the policy was given; it is not what tells decisions apart.

        remembered: Whether it is from memory; None where nothing is remembered. It says nothing of
            the decision itself.
    """

    allowed: bool
    context: dict[str, Any] | None
    revision: str
    date: str = field(default="", compare=False)
    remembered: bool | None = field(default=None, compare=False)

    @classmethod
    def from_result(cls, result: object, revision: str, date: str = "") -> "Decision":
        """
        Read the value of the decision rule (contract, section 3).

        Args:
            result: A boolean, or an object with `decision` and perhaps `context`; ABSENT where the
                rule is undefined.

            revision: Revision of the bundle that was asked.

            date: The date that the policy was given.

        Raises:
            DecisionUndefined: There is no result.
            DecisionMalformed: The result is of any other shape.
        """
        match result:
            case bool():
                return cls(result, None, revision, date)
            case {"decision": bool(allowed), "context": dict(context)}:
                return cls(allowed, context, revision, date)
            case {"decision": bool(allowed), **rest} if "context" not in rest:
                return cls(allowed, None, revision, date)
        raise DecisionUndefined() if result is ABSENT else DecisionMalformed()

    def fresh(self) -> "Decision":
        """
        Say of it that it is kept from now on.
        """
        return Decision(self.allowed, self.context, self.revision, self.date, remembered=False)


def objects(value: Any) -> list[dict[str, Any]]:
    """
    Return the objects of a list that a context holds; of anything else, none.
    """
    return [entry for entry in entries(value) if isinstance(entry, dict)]


def entries(value: Any) -> list[Any]:
    """
    Return a list that a context holds; anything else is an empty one.
    """
    # A context may hold anything under any name: only the verdict beside it has a shape.
    return value if isinstance(value, list) else []
