"""
sidecar.bundle.opa: found on the PATH, in the cache, or built. The programs are stand-ins that only
say their version; that Go builds the real one is tried by setting up without OPA.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.bundle.opa import AT_LEAST, PINNED, opa_binary, version
from sidecar.errors import MissingPart

ROOT = Path(__file__).parents[3]


class Machine:
    """
    A machine of which only the PATH and the cache matter.
    """

    def __init__(self, root: Path) -> None:
        self.bin = root / "bin"
        self.cache = root / "cache" / "sidecar" / f"opa-{PINNED}"
        self.log = root / "log"
        self.bin.mkdir()

    def has(self, file: Path, text: str) -> Path:
        """
        Put a program somewhere.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        file.chmod(0o755)
        return file

    def has_go(self, text: str) -> None:
        """
        Put a Go on the PATH that notes how it was called.
        """
        call = f'echo "$@ cgo=$CGO_ENABLED flags=$GOFLAGS" >> {self.log}'
        self.has(self.bin / "go", f"PATH=/usr/bin:/bin\n{call}\n{text}")

    @property
    def calls(self) -> list[str]:
        """
        How Go was called.
        """
        return self.log.read_text("utf-8").splitlines() if self.log.exists() else []


GOOD = f"echo 'Version: {PINNED}'"
BUILDS = f"""printf '#!/bin/sh\\n%s\\n' "{GOOD}" > "$GOBIN/opa"; chmod +x "$GOBIN/opa" """


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """
    A machine with neither OPA nor Go.
    """
    found = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(found.bin))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    return found


@pytest.mark.parametrize("said", [PINNED, "1.22.3", "1.23.0-dev", "1.100.0", "2.0.0"])
def test_one_on_the_path_is_taken(said: str, machine: Machine):
    """
    If it is new enough.
    """
    opa = machine.has(machine.bin / "opa", f"echo 'Version: {said}'")
    machine.has_go(BUILDS)

    assert opa_binary() == opa
    assert machine.calls == []


@pytest.mark.parametrize(
    "bad",
    [
        "echo 'Version: 1.22.1'",
        "echo 'Version: 1.9.9'",
        "echo 'Version: 0.99.0'",
        "echo 'something else'",
        "printf '\\377'",
        f"{GOOD}; exit 1",
    ],
)
def test_one_that_will_not_do_is_passed_over(
    bad: str, machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """
    Too old, or no OPA: the next one on the PATH is taken.
    """
    machine.has(machine.bin / "opa", bad)
    opa = machine.has(tmp_path / "more" / "opa", GOOD)
    monkeypatch.setenv("PATH", f"{machine.bin}:{tmp_path / 'more'}")

    assert opa_binary() == opa


def test_one_in_the_cache_is_taken(machine: Machine):
    """
    Where there is none on the PATH.
    """
    opa = machine.has(machine.cache / "opa", GOOD)
    machine.has_go(BUILDS)

    assert opa_binary() == opa
    assert machine.calls == []


def test_the_cache_is_below_the_home_directory(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """
    Where the environment names no other place, or one that is no absolute path.
    """
    opa = machine.has(machine.cache / "opa", GOOD)
    home = machine.cache.parents[1].rename(machine.bin.parent / ".cache")
    monkeypatch.setenv("HOME", str(machine.bin.parent))

    for elsewhere in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", elsewhere)
        assert opa_binary() == home / opa.relative_to(machine.bin.parent / "cache")


def test_one_is_built(machine: Machine, caplog: pytest.LogCaptureFixture):
    """
    With Go, without cgo, whatever else the environment says to Go; once.
    """
    machine.has_go(BUILDS)

    assert opa_binary() == opa_binary() == machine.cache / "opa"
    assert machine.calls == [f"install github.com/open-policy-agent/opa@v{PINNED} cgo=0 flags="]
    assert sorted(file.name for file in machine.cache.iterdir()) == ["lock", "opa"]
    assert "Building OPA" in caplog.text


def test_a_broken_one_in_the_cache_is_built_anew(machine: Machine):
    """
    What does not run is replaced.
    """
    machine.has(machine.cache / "opa", "exit 1")
    machine.has_go(BUILDS)

    assert version(opa_binary()) == AT_LEAST


def test_two_at_once_build_one(machine: Machine):
    """
    Who comes second waits, and takes the first one's.
    """
    machine.has_go(f"sleep 0.3\n{BUILDS}")
    command = [sys.executable, "-c", "from sidecar.bundle.opa import *; print(opa_binary())"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    answers = {process.communicate()[0].strip() for process in processes}

    assert answers == {str(machine.cache / "opa")}
    assert len(machine.calls) == 1


SENTENCE = (
    f"OPA {PINNED} or newer is needed: it is not on the PATH, and {{}}. Install OPA and put it on "
    "the PATH as opa, or install Go, and start again."
)


def test_without_go_it_is_said_what_to_do(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """
    An old OPA does not help, and nothing is left of what was tried.
    """
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(machine.bin))
    machine.has(machine.bin / "opa", "echo 'Version: 1.0.0'")

    with pytest.raises(MissingPart) as missing:
        opa_binary()

    assert missing.value.message == SENTENCE.format("there is no Go, and pip could not get one")
    assert [file.name for file in machine.cache.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("go", "why"),
    [
        ("echo one >&2; echo no network >&2; exit 1", "Go could not build one (no network)"),
        ("exit 1", "Go could not build one (it did not say why)"),
        ("exit 0", "the one that Go built does not run"),
    ],
)
def test_a_build_that_fails_leaves_nothing(go: str, why: str, machine: Machine):
    """
    The sentence has the last that Go said.
    """
    machine.has_go(go)

    with pytest.raises(MissingPart) as missing:
        opa_binary()

    assert missing.value.message == SENTENCE.format(why)
    assert [file.name for file in machine.cache.iterdir()] == ["lock"]


def test_a_build_that_never_ends_is_given_up(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """
    There is an end to waiting.
    """
    machine.has_go("exec sleep 60")
    monkeypatch.setattr("sidecar.bundle.opa._BUILT_WITHIN_S", 0.2)

    with pytest.raises(MissingPart) as missing:
        opa_binary()

    assert missing.value.message == SENTENCE.format("Go does not get done building one")


def test_a_cache_that_cannot_be_written_to(machine: Machine):
    """
    It is named.
    """
    machine.has_go(BUILDS)
    machine.cache.parents[1].write_text("a file", "utf-8")

    with pytest.raises(MissingPart) as missing:
        opa_binary()

    assert missing.value.message == SENTENCE.format(f"{machine.cache} cannot be written to")


def test_no_home_directory(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """
    There is nowhere to build one.
    """

    def nowhere() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)

    with pytest.raises(MissingPart) as missing:
        opa_binary()

    assert missing.value.message == SENTENCE.format("there is no home directory to build one in")


def test_a_relative_path_on_the_path(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """
    It still leads there from another folder.
    """
    machine.has(machine.bin / "opa", GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "bin")
    found = opa_binary()
    monkeypatch.chdir("/")

    assert version(found) == AT_LEAST
