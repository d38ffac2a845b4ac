"""
Where a request stands in a trace, as its caller says (W3C Trace Context, section 3.2).
"""

import re
from dataclasses import dataclass
from typing import Final

_FORM: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class TraceParent:
    """
    The trace, and the caller's span in it.

    Attributes:
        trace_id: The trace's name: 32 hexadecimal digits, not all of them 0.

        span_id: The span's name: 16 such digits.

        sampled: Whether the caller keeps the trace.
    """

    trace_id: str
    span_id: str
    sampled: bool

    @classmethod
    def read(cls, header: str | None) -> "TraceParent | None":
        """
        Read the header `traceparent`; None where it says nothing that the standard knows.
        """
        found = _FORM.fullmatch(header or "")
        if not found or not int(found[1], 16) or not int(found[2], 16):
            return None
        return cls(found[1], found[2], bool(int(found[3], 16) & 1))
