"""
sidecar.observability.exemplars: the last trace of each bucket, of all workers.
"""

import os
import time
from pathlib import Path

import pytest

from sidecar.observability.exemplars import Exemplars

BOUNDS = (0.1, 1.0)
INFINITE = float("inf")


@pytest.fixture(params=["alone", "of several"])
def exemplars(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Exemplars:
    """
    Those of a process that is alone, and of one of several.
    """
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    if request.param != "alone":
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return Exemplars(BOUNDS)


def _trace(number: int) -> str:
    return f"{number:032x}"


def _latest(exemplars: Exemplars) -> dict[float, tuple[str, float]]:
    return {
        bound: (exemplar.labels["trace_id"], exemplar.value)
        for bound, exemplar in exemplars.latest().items()
    }


def test_each_bucket_has_its_last(exemplars: Exemplars):
    """
    A bound belongs to the bucket below it; what is above all of them has a bucket too.
    """
    before = time.time()
    assert _latest(exemplars) == {}
    for number, value in enumerate([0.05, 0.1, 0.11, 1.5], start=1):
        exemplars.keep(value, _trace(number))

    assert _latest(exemplars) == {
        0.1: (_trace(2), 0.1),
        1.0: (_trace(3), 0.11),
        INFINITE: (_trace(4), 1.5),
    }
    assert all(before <= float(each.timestamp or 0) for each in exemplars.latest().values())


def test_the_last_of_all_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """
    Whichever process is asked tells the last of all, also of those that are gone.
    """
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    own = Exemplars(BOUNDS)
    own.keep(0.5, _trace(1))
    own.keep(5, _trace(1))
    if (child := os.fork()) == 0:
        Exemplars(BOUNDS).keep(0.5, _trace(2))
        os._exit(0)
    os.waitpid(child, 0)
    (tmp_path / "counter_1.db").touch()
    (tmp_path / "exemplars_0").touch()

    expected = {1.0: (_trace(2), 0.5), INFINITE: (_trace(1), 5)}
    assert _latest(own) == _latest(Exemplars(BOUNDS)) == expected


def test_what_is_half_written_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """
    A slot that is read while it is written is as good as none.
    """
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    exemplars = Exemplars(BOUNDS)
    exemplars.keep(0.05, _trace(1))
    exemplars.keep(0.5, _trace(2))
    [file] = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[3] ^= 1
    file.write_bytes(content)

    assert _latest(exemplars) == {1.0: (_trace(2), 0.5)}
