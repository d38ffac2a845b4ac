"""
sidecar.engine.supervisor: OPA is there, again and again, and never without the sidecar.
"""

import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar import errors
from sidecar.bundle.build import BuiltBundle
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.supervisor import Job, Supervisor
from tests.running import evaluation, eventually
from tests.unit.engine import supervising

ROOT = Path(__file__).parents[3]
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.fixture
def supervisor(opa_binary: Path, built: Callable[[str], BuiltBundle]) -> Iterator[Supervisor]:
    """
    A started supervisor, with the bundle `faulty`.
    """
    with Supervisor(opa_binary, _deciding(built("faulty").path), wait_s=(0.02, 0.2)) as running:
        yield running


@pytest.fixture
def engine(supervisor: Supervisor) -> Iterator[Engine]:
    """
    An engine that asks the supervisor's OPA.
    """
    opa = Opa(Endpoint(supervisor.url))
    yield Engine(opa)
    opa.close_connection()


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _folder(url: str) -> Path:
    return Path(url.removeprefix("unix://")).parent


def test_opa_is_ready_when_it_is_started(supervisor: Supervisor, engine: Engine):
    """
    The first question is answered, from a bundle of a fixed name.
    """
    assert engine.status().state == "ready"
    assert engine.decide(evaluation("permit")).allowed
    assert engine.bundle().name == "decision"
    assert supervisor.restarts == 0


def test_nobody_else_can_ask(supervisor: Supervisor):
    """
    The socket is in a folder of our own.
    """
    path = Path(supervisor.url.removeprefix("unix://"))

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_opa_gets_no_more_of_the_environment_than_it_needs(
    opa_binary: Path, built: Callable[[str], BuiltBundle], monkeypatch: pytest.MonkeyPatch
):
    """
    Neither proxies nor anything else of ours; what an operator sets for Go, counts.
    """
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("SIDECAR_SECRET", "secret")
    monkeypatch.setenv("GOMEMLIMIT", "300MiB")
    monkeypatch.delenv("GOMAXPROCS", raising=False)
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    with Supervisor(opa_binary, _deciding(built("faulty").path)) as supervisor:
        environment = Path(f"/proc/{supervisor.pid}/environ").read_bytes().split(b"\0")

    assert set(environment) - {b"", b"LC_CTYPE=C.UTF-8"} == {b"GOGC=400", b"GOMEMLIMIT=300MiB"}


def test_opa_is_ended_with_the_supervisor(opa_binary: Path, built: Callable[[str], BuiltBundle]):
    """
    Neither the process nor its folder is left; stopping again does nothing.
    """
    with Supervisor(opa_binary, _deciding(built("faulty").path)) as supervisor:
        pid, folder = supervisor.pid, _folder(supervisor.url)
        assert pid and _lives(pid) and folder.is_dir()
    supervisor.stop()

    assert not _lives(pid)
    assert not folder.exists()
    assert supervisor.pid is None


def test_what_was_never_started_can_be_stopped(opa_binary: Path, tmp_path: Path):
    """
    There is nothing to end.
    """
    Supervisor(opa_binary, _deciding(tmp_path / "nothing")).stop()


def test_opa_is_restarted_when_it_dies(
    supervisor: Supervisor, engine: Engine, caplog: pytest.LogCaptureFixture
):
    """
    Again and again; each time is counted and logged, and decisions are made again.
    """
    for times in (1, 2, 3):
        before = supervisor.pid
        assert before
        os.kill(before, signal.SIGKILL)

        assert eventually(lambda times=times: supervisor.restarts == times)  # type: ignore[misc]
        assert eventually(lambda: engine.status().ready)
        assert engine.decide(evaluation("permit")).allowed
        assert supervisor.pid != before

    died = [record for record in caplog.records if "has died" in record.getMessage()]
    assert len(died) == 3
    assert {record.levelno for record in died} == {logging.ERROR}


def test_while_opa_is_away_nothing_is_decided(
    opa_binary: Path, built: Callable[[str], BuiltBundle]
):
    """
    Each question is an error of its own, none waits for the restart.
    """
    with Supervisor(opa_binary, _deciding(built("faulty").path), wait_s=(60, 60)) as supervisor:
        opa = Opa(Endpoint(supervisor.url))
        engine = Engine(opa)
        assert engine.decide(evaluation("permit")).allowed
        assert supervisor.pid
        os.kill(supervisor.pid, signal.SIGKILL)
        assert eventually(lambda: supervisor.restarts)

        with pytest.raises(errors.EngineUnreachable):
            engine.decide(evaluation("permit"))
        opa.close_connection()


def test_an_opa_that_hangs_is_killed(opa_binary: Path, built: Callable[[str], BuiltBundle]):
    """
    Where it does not end in time when it is asked to.
    """
    with Supervisor(opa_binary, _deciding(built("faulty").path), stop_within_s=0.1) as supervisor:
        pid = supervisor.pid
        assert pid
        opa = Opa(Endpoint(supervisor.url, read_timeout_s=0.1))
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(errors.EngineTimeout):
            Engine(opa).decide(evaluation("permit"))
        opa.close_connection()

    assert not _lives(pid)


def test_a_broken_bundle_stops_the_start(opa_binary: Path, tmp_path: Path):
    """
    The sentence has OPA's own words, and nothing is left.
    """
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no bundle")
    supervisor = Supervisor(opa_binary, _deciding(broken))

    with pytest.raises(errors.SettingsError, match="does not start with decision") as refused:
        supervisor.start()

    assert "bundle read failed" in refused.value.message
    assert supervisor.pid is None


def test_a_binary_that_is_none_stops_the_start(tmp_path: Path, built: Callable[[str], BuiltBundle]):
    """
    What cannot be run is named.
    """
    supervisor = Supervisor(tmp_path / "nothing", _deciding(built("faulty").path))

    with pytest.raises(errors.SettingsError, match="nothing: No such file"):
        supervisor.start()


def test_a_bundle_that_is_gone_stops_the_start(opa_binary: Path, tmp_path: Path):
    """
    Before anything was started.
    """
    supervisor = Supervisor(opa_binary, _deciding(tmp_path / "gone"))

    with pytest.raises(FileNotFoundError):
        supervisor.start()
    assert supervisor.pid is None


def test_a_python_that_is_gone(
    opa_binary: Path,
    built: Callable[[str], BuiltBundle],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    """
    Where the process cannot even be made, that is said, and it is tried again.
    """
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    supervisor = Supervisor(opa_binary, _deciding(built("faulty").path))

    with pytest.raises(errors.SettingsError):
        supervisor.start()
    assert "OPA cannot be started" in caplog.text


def test_an_opa_that_is_never_ready_stops_the_start(tmp_path: Path):
    """
    There is an end to waiting.
    """
    sleeper = tmp_path / "opa"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n", "utf-8")
    sleeper.chmod(0o700)
    supervisor = Supervisor(sleeper, _deciding(sleeper), start_within_s=0.3)

    with pytest.raises(errors.MissingPart, match=r"was not ready within 0\.3 seconds"):
        supervisor.start()
    assert supervisor.pid is None


def _deciding(bundle: Path) -> Job:
    return Job.deciding({"decision": bundle})


@contextmanager
def _other(
    opa: Path, bundle: BuiltBundle, *options: str
) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """
    Run a supervisor in another process: (the process, OPA's process id, OPA's address).
    """
    module = supervising.__name__
    command = [sys.executable, "-m", module, str(opa), str(bundle.path), *options]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdin is not None and process.stdout is not None
            pid, url = process.stdout.readline().split()
            yield process, int(pid), url
            process.stdin.close()
            process.wait(20)
        finally:
            process.kill()


def test_a_killed_sidecar_leaves_no_opa(opa_binary: Path, built: Callable[[str], BuiltBundle]):
    """
    Even SIGKILL does not; the folder that is left is removed by the next start.
    """
    with _other(opa_binary, built("faulty")) as (process, opa, url):
        assert _lives(opa)
        process.kill()

        assert eventually(lambda: not _lives(opa))
    assert _folder(url).exists()

    with Supervisor(opa_binary, _deciding(built("faulty").path)):
        assert not _folder(url).exists()


def test_a_sidecar_that_ends_leaves_no_opa(opa_binary: Path, built: Callable[[str], BuiltBundle]):
    """
    Also where nobody thought of stopping it.
    """
    with _other(opa_binary, built("faulty"), "--leave") as (process, opa, url):
        assert process.wait(20) == 0

        assert not _lives(opa)
        assert not _folder(url).exists()


def test_ctrl_c_is_not_for_opa(opa_binary: Path, built: Callable[[str], BuiltBundle]):
    """
    The terminal interrupts a whole group; OPA has one of its own, and goes on until it is ended.
    """
    with _other(opa_binary, built("faulty")) as (process, opa, _):
        assert os.getpgid(opa) != os.getpgid(process.pid)
        assert os.getpgid(opa) == opa


def test_a_worker_does_not_end_the_masters_opa(
    opa_binary: Path, built: Callable[[str], BuiltBundle]
):
    """
    A child that stops it, and ends, changes nothing.
    """
    with _other(opa_binary, built("faulty"), "--fork") as (process, opa, url):
        assert process.stdin is not None
        client = Opa(Endpoint(url))
        assert isinstance(Engine(client).decide(evaluation("permit")), Decision)
        assert eventually(lambda: _is_reaped_or_zombie(process.pid))
        assert _lives(opa)
        assert Engine(client).decide(evaluation("permit")).allowed
        client.close_connection()
        process.stdin.close()

        assert process.wait(20) == 0
        assert not _lives(opa)


def _is_reaped_or_zombie(parent: int) -> bool:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text("utf-8").split()
    return not any(_lives(int(child)) for child in children)


@FORKS
def test_a_worker_reads_what_the_master_counts(supervisor: Supervisor):
    """
    Restarts are counted where forked children see them.
    """
    told, tell = os.pipe()
    go_on, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(go_on, 1)
        os.write(tell, str(supervisor.restarts).encode())
        os._exit(0)
    assert supervisor.pid
    os.kill(supervisor.pid, signal.SIGKILL)
    assert eventually(lambda: supervisor.restarts == 1)
    os.write(go, b"1")

    assert os.read(told, 10) == b"1"
    os.waitpid(child, 0)
    for end in (told, tell, go_on, go):
        os.close(end)
