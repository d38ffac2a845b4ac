"""
sidecar.bundle.analysis: what a decision reads, and whether anything but its input counts.
"""

import json
from pathlib import Path

import pytest

from sidecar.bundle.analysis import nondeterministic, reads
from sidecar.bundle.manifest import EVERYTHING
from sidecar.bundle.opa_run import OpaRun
from sidecar.errors import SettingsError

# Each is how a rule may come at a value of its input, and what it reads then.
WAYS = {
    "decision if input.subject.type == 1": ["subject.type"],
    "decision if not input.a.b": ["a.b"],
    "decision if { a := input.a; a.b.c }": ["a.b.c"],
    "decision if { some i; input.list[i].x == 1 }": ["list"],
    "decision if input.list[0].x": ["list"],
    'decision if input["a.b"].c': EVERYTHING,
    'decision if input.a["b c"].d': ["a"],
    "decision if input.a[input.b]": ["a", "b"],
    "decision if input[input.b]": EVERYTHING,
    "decision if { some x in input.a.b; x }": ["a.b"],
    "decision if count({x | x := input.a[_].b}) > 0": ["a"],
    "decision if every x in input.a { x > 1 }": ["a"],
    "decision if f(input.a)\n\nf(x) if x.y.z": ["a"],
    "decision if walk(input.a, [_, 1])": ["a"],
    "decision if walk(input, [_, 1])": EVERYTHING,
    'decision if object.get(input.a, ["b"], false)': ["a"],
    "decision := x if x := input": EVERYTHING,
    "decision if { input.a.b; input.a }": ["a"],
    "decision if { input.ab.c; input.a }": ["a", "ab.c"],
    "decision if other\n\nother if input.a with input.b as input.c": ["a", "b", "c"],
    "decision if other with input as {}\n\nother if input.a": EVERYTHING,
    "decision if data.a.rules[input.a]\n\nrules.x if input.b\n\nrules.y if input.c": [
        *("a", "b", "c"),
    ],
    "decision if data.a.table[input.a]": ["a"],
    "default decision := false\n\ndecision if false": [],
    "decision if input.a\n\nunrelated if input.b": ["a"],
}
CLOCKS = {
    "decision if time.now_ns() > input.a": ("time.now_ns",),
    'decision if http.send({"url": input.a, "method": "get"})': ("http.send",),
    "decision if { rand.intn(input.a, 2) > 0; opa.runtime().env }": ("opa.runtime", "rand.intn"),
    "decision if input.a\n\nunrelated if f(1)\n\nf(_) := uuid.rfc4122(`x`)": ("uuid.rfc4122",),
    "decision if net.lookup_ip_addr(input.a)": ("net.lookup_ip_addr",),
    "decision if { time := input.a; time.now_ns }": (),
    'decision if io.jwt.verify_hs256(input.a, "k")': (),
    "decision if time.parse_rfc3339_ns(input.a) > 1": (),
}


def _run(folder: Path, opa: Path, text: str) -> OpaRun:
    copy = folder / "copy"
    copy.mkdir()
    (copy / "rule.rego").write_text(f"package a\n\n{text}\n", "utf-8")
    (copy / "data.json").write_text('{"a": {"table": {"x": true}}}', "utf-8")
    (copy / ".manifest").write_text(json.dumps({"roots": ["a"]}), "utf-8")
    return OpaRun(opa, copy, folder)


@pytest.mark.parametrize(("text", "paths"), WAYS.items())
def test_what_a_decision_reads(tmp_path: Path, opa_binary: Path, text: str, paths: list[str]):
    """
    However a rule comes at a value, its path is found, or one above it.
    """
    assert reads(_run(tmp_path, opa_binary, text), ("a", "decision")) == tuple(paths)


@pytest.mark.parametrize(("text", "names"), CLOCKS.items())
def test_what_makes_a_bundle_not_deterministic(
    tmp_path: Path, opa_binary: Path, text: str, names: tuple[str, ...]
):
    """
    Clocks, chance and the network are named wherever in the bundle they are; a name that only looks
    like one is none.
    """
    assert nondeterministic(_run(tmp_path, opa_binary, text)) == names


def test_what_opa_does_not_take_is_not_deterministic(tmp_path: Path, opa_binary: Path):
    """
    A bundle with another mistake is not taken for one that is deterministic.
    """
    with pytest.raises(SettingsError, match="unknown_function"):
        nondeterministic(_run(tmp_path, opa_binary, "decision if unknown_function(1)"))
