"""
What a process does with memory that it has let go of.
"""

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
_TOP_PAD: Final = -2
_MMAP_THRESHOLD: Final = -3

_KEPT: Final = 8 * 1024 * 1024
_AHEAD: Final = 256 * 1024


def keep_some() -> None:
    """
    Keep up to eight megabytes that are free, for the next request: a batch's answer and its records
    take some hundred kilobytes, which glibc would give back to the system and take anew each time,
    page by page. Where the C library is another one, nothing is changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    for parameter, value in {
        _TRIM_THRESHOLD: _KEPT,
        _MMAP_THRESHOLD: _KEPT,
        _TOP_PAD: _AHEAD,
    }.items():
        mallopt(parameter, value)
