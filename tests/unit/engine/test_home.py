"""
sidecar.engine.home
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.engine.home import Home
from sidecar.errors import SettingsError


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """
    The place for temporary files.
    """
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_a_home_is_removed(base: Path):
    """
    With all that is in it.
    """
    home = Home.made()
    (home.folder / "decision").write_bytes(b"bundle")
    home.remove()

    assert list(base.iterdir()) == []


def test_homes_in_use_are_left_alone(base: Path):
    """
    Two sidecars on a machine do not take each other's.
    """
    one, other = Home.made(), Home.made()

    assert one.folder.is_dir() and other.folder.is_dir()
    one.remove()
    other.remove()


def test_only_what_was_left_is_swept(base: Path):
    """
    Neither a folder of somebody else's that has no lock, nor a file or a link of that name.
    """
    left = base / "sidecar-opa-left"
    left.mkdir()
    (left / "lock").touch()
    others = [base / "sidecar-opa-other", base / "sidecar-opa-file", base / "sidecar-opa-link"]
    others[0].mkdir()
    others[1].touch()
    others[2].symlink_to(base / "nowhere")
    home = Home.made()

    assert not left.exists()
    assert all(other.is_symlink() or other.exists() for other in others)
    home.remove()


def test_what_belongs_to_others_is_left_alone(base: Path, monkeypatch: pytest.MonkeyPatch):
    """
    The folder for temporary files is everybody's.
    """
    left = base / "sidecar-opa-left"
    left.mkdir()
    (left / "lock").touch()
    monkeypatch.setattr("os.getuid", lambda: left.stat().st_uid + 1)
    home = Home.made()

    assert left.exists()
    home.remove()


def test_a_place_that_is_too_deep_is_said(base: Path, monkeypatch: pytest.MonkeyPatch):
    """
    A socket's path is short; the sentence says what to set.
    """
    deep = base / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))

    with pytest.raises(SettingsError, match="TMPDIR must be a shorter path"):
        Home.made()
    assert list(deep.iterdir()) == []
