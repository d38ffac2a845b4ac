"""
The client's package, loaded without its asynchronous half. That one is not used here, and brings
an HTTP client and a server of its own: a fifth of all the memory that a process would take.
"""

import sys
from types import ModuleType
from typing import Final

_HALF: Final = "opa_client.opa_async"

# Where somebody else has it loaded already, nothing would be saved.
if _stands_in := _HALF not in sys.modules:
    sys.modules[_HALF] = ModuleType(_HALF)
    sys.modules[_HALF].AsyncOpaClient = None  # type: ignore[attr-defined]
try:
    from opa_client import OpaClient, errors
finally:
    if _stands_in:
        # Whoever wants the half itself still finds it.
        del sys.modules[_HALF]

__all__ = ["OpaClient", "errors"]
