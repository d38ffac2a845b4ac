"""
The rules of deploy/prometheus/, in a time that goes by faster.

Alerts look back for hours and days. To see each fire for real, every duration in the rules is
divided by the same factor: windows, offsets, how long an alert waits, how often a group is
evaluated, and what an age in seconds is compared with. Nothing else in an expression is changed; so
a rate times a window's seconds counts more than it would in that window, and a least volume is
reached sooner.
"""

import copy
import re
from collections.abc import Mapping
from typing import Any, Final

_DURATION: Final = re.compile(r"(\[|\boffset )(\d+)([smhd])\b")
_AGE: Final = re.compile(r"(_seconds >=? )(\d+)\b")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def scaled(rules: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """
    Divide every duration.

    Args:
        rules: A file of rules, as YAML has it.

        factor: How much faster time goes by.
    """
    made = copy.deepcopy(dict(rules))
    for group in made["groups"]:
        if "interval" in group:
            group["interval"] = _shorter(group["interval"], factor)
        for rule in group["rules"]:
            rule["expr"] = expression(rule["expr"], factor)
            if "for" in rule:
                rule["for"] = _shorter(rule["for"], factor)
    return made


def expression(text: str, factor: float) -> str:
    """
    Divide the durations of an expression.
    """
    text = _AGE.sub(lambda found: f"{found[1]}{float(found[2]) / factor:g}", text)
    return _DURATION.sub(lambda found: f"{found[1]}{_shorter(found[2] + found[3], factor)}", text)


def _shorter(duration: str, factor: float) -> str:
    seconds = int(duration[:-1]) * _SECONDS[duration[-1]]
    return f"{max(1, round(seconds * 1000 / factor))}ms"
