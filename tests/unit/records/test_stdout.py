"""
sidecar.records.stdout: whole lines, whoever else writes.
"""

import os
import threading
from collections.abc import Iterator

import pytest

from sidecar.records.chain import Chain
from sidecar.records.recorder import output_lock
from sidecar.records.stdout import Stdout, locked
from tests.unit.records.keeping import kept, records

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """
    A pipe, and what is to be closed of it.
    """
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def _read(descriptor: int, size: int) -> bytes:
    content = b""
    while len(content) < size:
        content += os.read(descriptor, 65536)
    return content


@pytest.mark.parametrize("blocking", [True, False])
def test_more_than_a_pipe_holds(pipe: Pipe, blocking: bool):
    """
    It waits for the reader, also where the pipe does not.
    """
    lock = output_lock()
    os.set_blocking(pipe[1], blocking)
    sink = Stdout(Chain("c"), lock, pipe[1])
    given = records(*range(1, 300), size=1000)
    expected, _ = Chain("c").linked(given)
    writer = threading.Thread(target=sink.write, args=(given,))
    writer.start()

    content = _read(pipe[0], len(expected))

    writer.join()
    assert content == expected
    assert kept(content.splitlines()) == [f"d{number}" for number in range(1, 300)]
    os.close(lock)


def test_two_processes_take_turns(pipe: Pipe):
    """
    A fork waits until the lock is let go, or until its holder is dead.
    """
    lock = output_lock()
    with locked(lock):
        child = os.fork()
        if not child:
            # Its own lock: nothing that its parent holds is inherited.
            with locked(lock):
                os.write(pipe[1], b"child")
                os._exit(0)
        os.write(pipe[1], b"parent ")
    os.waitpid(child, 0)

    assert os.read(pipe[0], 100) == b"parent child"
    os.close(lock)


def test_nobody_reads(pipe: Pipe):
    """
    That is an error, and the chain stays where it was.
    """
    reader, writer = os.pipe()
    os.close(reader)
    lock = output_lock()
    sink = Stdout(Chain("c"), lock, writer)
    with pytest.raises(BrokenPipeError):
        sink.write(records(1))
    os.dup2(pipe[1], writer)
    sink.write(records(2))

    assert b'"seq":1,' in os.read(pipe[0], 4096)
    os.close(writer)
    os.close(lock)
