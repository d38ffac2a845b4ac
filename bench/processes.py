"""
What processes take: of the cores, and of the memory.
"""

import os
import re
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)


def processor_s(*pids: int) -> float:
    """
    Say how many seconds of a core processes have used, and those that they have started.
    """
    return sum(_own_s(pid) + processor_s(*_children(pid)) for pid in pids)


def resident(pid: int | str = "self") -> int:
    """
    Say how many bytes of a process are resident.
    """
    found = _RESIDENT.search(Path(f"/proc/{pid}/status").read_text("utf-8"))
    return int(found[1]) * 1024 if found else 0


def _own_s(pid: int) -> float:
    # The name in parentheses may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _children(pid: int) -> list[int]:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text("utf-8").split()]
