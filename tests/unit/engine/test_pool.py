"""
sidecar.engine.pool: which connection is taken, and what becomes of it.
"""

import gc

import pytest
from urllib3 import Timeout
from urllib3.exceptions import ClosedPoolError, EmptyPoolError

from sidecar.engine.connection import Connection
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.pool import Pool
from tests.fakes import OddServer, http_answer

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _asked(connection: Connection) -> Connection:
    connection.ask(REQUEST, Timeout(connect=5, read=5))
    return connection


def test_the_last_one_used_is_taken_first():
    """
    No more connections stay in use than are needed.
    """
    with OddServer(lambda _: http_answer("{}")) as server:
        pool = Pool(Endpoint(server.url))
        first, second = _asked(pool.take()), _asked(pool.take())
        pool.put(second)
        pool.put(first)

        assert pool.take() is first
        assert pool.take() is second
        for connection in (first, second):
            pool.put(connection)
        pool.close()


def test_a_pool_that_is_forgotten_leaves_nothing_open():
    """
    Its connections are closed with it.
    """
    with OddServer(lambda _: http_answer("{}")) as server:
        pool = Pool(Endpoint(server.url))
        connection = _asked(pool.take())
        pool.put(connection)
        assert not connection.is_closed

        del pool
        gc.collect()
        assert connection.is_closed


def test_there_are_no_more_than_so_many():
    """
    Those that were put back count again, also where they are closed.
    """
    pool = Pool(Endpoint("http://127.0.0.1:1", connections=2, wait_s=0.01))
    for _ in range(3):
        taken = [pool.take(), pool.take()]
        with pytest.raises(EmptyPoolError):
            pool.take()
        for connection in taken:
            pool.put(connection)


def test_one_that_the_other_side_closed_opens_anew():
    """
    That OPA ended in between is seen before anything is asked.
    """
    with OddServer(lambda _: http_answer("{}")) as server:
        pool = Pool(Endpoint(server.url))
        pool.put(_asked(pool.take()))

    assert pool.take().is_closed


def test_a_closed_pool_closes_what_comes_back():
    """
    Nothing is taken from it any more, and what was in use is closed when that is over.
    """
    with OddServer(lambda _: http_answer("{}")) as server:
        pool = Pool(Endpoint(server.url, connections=2))
        in_use, kept = _asked(pool.take()), _asked(pool.take())
        pool.put(kept)
        pool.close()

        assert kept.is_closed and not in_use.is_closed
        with pytest.raises(ClosedPoolError):
            pool.take()
        pool.put(in_use)
        assert in_use.is_closed
