"""
sidecar.observability.workers
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.observability.workers import metrics_of_all_workers

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """
    The place for temporary files; the environment is as before afterwards.
    """
    monkeypatch.setenv(VARIABLE, "before")
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_the_folder_is_there_for_a_while(base: Path):
    """
    The metrics library is told of a private folder, which is removed with all that is in it.
    """
    with metrics_of_all_workers():
        folder = Path(os.environ[VARIABLE])
        (folder / "counter_1.db").touch()

        assert folder.parent == base
        assert folder.name.startswith("sidecar-metrics-")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(base.iterdir()) == []


def test_the_folder_is_removed_whatever_happens(base: Path):
    """
    Also when a start fails.
    """
    with pytest.raises(KeyboardInterrupt), metrics_of_all_workers():
        raise KeyboardInterrupt
    assert list(base.iterdir()) == []


def test_a_worker_that_ends_leaves_the_folder(base: Path, monkeypatch: pytest.MonkeyPatch):
    """
    Only who made it removes it: the others still count there.
    """
    with metrics_of_all_workers():
        monkeypatch.setattr(os, "getpid", lambda: 1)

    assert len(list(base.iterdir())) == 1


def test_what_a_killed_one_left_is_removed(base: Path):
    """
    The next start removes folders that nobody uses any more, and no others.
    """
    left = base / "sidecar-metrics-left"
    left.mkdir()
    (left / "lock").touch()
    with metrics_of_all_workers():
        used = Path(os.environ[VARIABLE])
        with metrics_of_all_workers():
            assert not left.exists()
            assert used.is_dir()
