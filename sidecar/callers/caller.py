"""
Who asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Caller:
    """
    A caller whose credential was verified.

    Attributes:
        name: The name that its token has in the file, the token's `sub`, or the certificate's name.

        claims: What its token claims; nothing where it has none.
    """

    name: str
    claims: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
