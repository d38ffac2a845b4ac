"""
sidecar.records.losses: what was lately not kept is known to all processes, for a minute.
"""

import os
from collections.abc import Iterator

import pytest

from sidecar.records.losses import Losses
from sidecar.records.recorder import output_lock

LOST = "Records were lost within the last minute."
REFUSED = "Decisions were refused within the last minute: their records could not be kept."


@pytest.fixture
def shared() -> Iterator[int]:
    file = output_lock()
    yield file
    os.close(file)


def test_what_is_kept_is_no_loss(shared: int):
    """
    Nothing is said of records that were written or sent.
    """
    losses = Losses(shared)
    losses.note("written")
    losses.note("shipped")

    assert losses.lately() == ()


def test_a_loss_is_said_for_a_minute(shared: int):
    """
    And no longer; each kind for itself.
    """
    now = 5_000_000_000
    losses = Losses(shared, lambda: now)
    losses.note("dropped")
    now += 30_000_000_000
    losses.note("refused")

    assert losses.lately() == (LOST, REFUSED)
    now += 31_000_000_000
    assert losses.lately() == (REFUSED,)
    now += 30_000_000_000
    assert losses.lately() == ()


def test_another_process_knows_of_it(shared: int):
    """
    Whichever process is asked says what any of them has lost.
    """
    losses = Losses(shared)
    child = os.fork()
    if child == 0:
        Losses(shared).note("refused")
        os._exit(0)
    os.waitpid(child, 0)

    assert losses.lately() == (REFUSED,)
