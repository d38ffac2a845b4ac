"""
sidecar.engine.tether: a program that ends with who started it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.engine import tether
from tests.running import eventually

SLACK = Path("/proc/self/timerslack_ns")

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def _in_child(work: Callable[[], int]) -> int:
    """
    Do something in a child, because it changes the process, and return its exit code.
    """
    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        finally:
            # Whatever happens, the child must not go on as a second test run.
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _program(tmp_path: Path, text: str) -> str:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    program.chmod(0o700)
    return str(program)


def test_it_becomes_the_program(tmp_path: Path):
    """
    The exit code is the program's own.
    """
    program = _program(tmp_path, 'exit "$1"')
    parent = str(os.getpid())

    assert _in_child(lambda: tether.main([parent, program, "7"])) == 7


@pytest.mark.skipif(not SLACK.exists(), reason="the kernel tells nothing of timers")
def test_its_timers_may_be_late(tmp_path: Path):
    """
    By a millisecond, which the program inherits, and those that it starts.
    """
    told = tmp_path / "told"
    program, parent = _program(tmp_path, f"cat {SLACK} > {told}"), str(os.getpid())

    assert _in_child(lambda: tether.main([parent, program])) == 0
    assert told.read_text("utf-8") == "1000000\n"


def test_without_a_parent_nothing_is_started(tmp_path: Path):
    """
    Who died while the program was being started does not leave it behind.
    """
    program = _program(tmp_path, f"touch {tmp_path / 'started'}")

    assert _in_child(lambda: tether.main(["1", program])) == 1
    assert not (tmp_path / "started").exists()


def test_a_program_that_cannot_be_run_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """
    On stderr, which is all that the supervisor hears.
    """
    nothing, parent = str(tmp_path / "nothing"), str(os.getpid())

    assert _in_child(lambda: tether.main([parent, nothing])) == 127
    assert capfd.readouterr().err == f"{nothing}: No such file or directory\n"


def _unbound(*arguments: str) -> int:
    tether._bind = lambda: False
    return tether.main(arguments)


def test_where_the_kernel_does_not_help_it_watches(tmp_path: Path):
    """
    It stays, and ends with the program's exit code.
    """
    program, parent = _program(tmp_path, 'exit "$1"'), str(os.getpid())

    assert _in_child(lambda: _unbound(parent, program, "7")) == 7


def test_the_watch_passes_on_that_it_should_end(tmp_path: Path):
    """
    The program gets to end in its own way.
    """
    ready = tmp_path / "ready"
    program = _program(tmp_path, f"trap 'exit 7' TERM\ntouch {ready}\nwhile :; do sleep 0.01; done")
    parent, child = str(os.getpid()), os.fork()
    if child == 0:
        try:
            os._exit(_unbound(parent, program))
        finally:
            os._exit(99)
    assert eventually(ready.exists)
    os.kill(child, signal.SIGTERM)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


WATCHED = """
import os, sys
from sidecar.engine import tether
tether._bind = lambda: False
parent = os.getpid()
if os.fork() == 0:
    os._exit(tether.main([str(parent), *sys.argv[1:]]))
sys.stdin.read()
"""


def test_the_watch_ends_the_program_with_its_parent(tmp_path: Path):
    """
    A parent that is killed leaves neither the program nor the watch.
    """
    written = tmp_path / "pid"
    program = _program(
        tmp_path, f"echo $$ > {written}.new\nmv {written}.new {written}\nexec sleep 60"
    )
    with subprocess.Popen(
        [sys.executable, "-c", WATCHED, program],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
    ) as parent:
        assert eventually(written.exists)
        pid = int(written.read_text("utf-8"))
        parent.kill()

    assert eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_a_system_without_such_a_call(monkeypatch: pytest.MonkeyPatch):
    """
    Not every one has it.
    """

    def without(name: None) -> object:
        return object()

    monkeypatch.setattr("ctypes.CDLL", without)

    assert tether._bind() is False
