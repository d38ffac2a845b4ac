"""
Which series an expression asks for, and which there are.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sidecar.delivery.guard import Guard
from sidecar.delivery.settings import Bundles
from sidecar.delivery.state import State, StateFile
from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.observability.metrics import Metrics
from tests.fakes import OddServer, ScriptedOpa

_STRING = re.compile(r'"[^"]*"')
_BY = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\b\s*(?:\([^)]*\))?")
_LABELS = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\boffset \w+")
_NAME = re.compile(r"\b[a-z][\w:]*\b(?!\s*\()")
_WORDS: Final = {"and", "or", "unless"}


def names(expression: str) -> set[str]:
    """
    Find the metrics that an expression reads.
    """
    for taken_out in (_STRING, _BY, _LABELS):
        expression = taken_out.sub(" ", expression)
    return set(_NAME.findall(expression)) - _WORDS


def own_series() -> set[str]:
    """
    Find the names of all series that a sidecar may have.
    """
    with OddServer(ScriptedOpa()) as server, TemporaryDirectory() as folder:
        StateFile(Path(folder)).write(State({"decision": "r1"}, fixed=True))
        guard = Guard(StateFile(Path(folder)), Bundles(), judges=False)
        client = Opa(Endpoint(server.url))
        shown = Metrics().exposition(Engine(client, guard=guard), 0).decode()
        client.close_connection()
    families = re.findall(r"^# TYPE (\w+) (\w+)$", shown, re.MULTILINE)
    parts = {"histogram": ("_bucket", "_count", "_sum")}
    return {name + part for name, kind in families for part in parts.get(kind, ("",))}
