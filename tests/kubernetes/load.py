"""
A load on the billing service: questions whose right answer is known, to every pod that is ready.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import requests

from tests.kubernetes.cluster import Cluster

PERMITTED: Final = ("/companies/acme/invoice", 200)
REFUSED: Final = ("/companies/zeta/invoice", 403)

_ANSWERED_WITHIN_S: Final = 10.0
_ASK_EVERY_S: Final = 0.02


@dataclass
class Load:
    """
    What a load has come to so far. Safe to share between threads.

    Attributes:
        right: How often the right answer came.

        failed: How often none came, by why: the status, or the error's name. The service does
            nothing then.

        wrong: Which wrong answers came: a permission that should not be, or a refusal.
    """

    right: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, address: str, path: str, expected: int) -> None:
        """
        Ask once.
        """
        try:
            # A connection each, as a proxy of Kubernetes spreads them.
            answer = requests.get(f"http://{address}{path}", timeout=_ANSWERED_WITHIN_S)
            status = answer.status_code
        except requests.RequestException as wrong:
            self._count(type(wrong).__name__)
            return
        if status == expected:
            with self._lock:
                self.right += 1
        elif status in (200, 403):
            with self._lock:
                self.wrong.append(f"{path} from {address}: {status}")
        else:
            self._count(str(status))

    def _count(self, why: str) -> None:
        with self._lock:
            self.failed[why] += 1


@contextmanager
def asking(cluster: Cluster, namespace: str, threads: int = 4) -> Iterator[Load]:
    """
    Have a load for a while.
    """
    load, stop = Load(), threading.Event()
    addresses: list[str] = ready(cluster, namespace)

    def look() -> None:
        while not stop.wait(0.1):
            with suppress(requests.RequestException, AssertionError):
                addresses[:] = ready(cluster, namespace)

    def ask(number: int) -> None:
        turns = itertools.cycle((PERMITTED, REFUSED))
        for turn in itertools.count(number):
            if stop.wait(_ASK_EVERY_S):
                return
            if known := tuple(addresses):
                load.ask(known[turn % len(known)], *next(turns))

    workers = [threading.Thread(target=look), *(_asker(ask, number) for number in range(threads))]
    for worker in workers:
        worker.start()
    try:
        yield load
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def ready(cluster: Cluster, namespace: str) -> list[str]:
    """
    Say where the pods are that a service would send requests to.
    """
    slices = cluster.asked(
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        "?labelSelector=kubernetes.io/service-name%3Dbilling"
    )
    return [
        f"{address}:{port['port']}"
        for each in slices["items"]
        for endpoint in each["endpoints"] or ()
        if endpoint["conditions"]["ready"]
        for address in endpoint["addresses"]
        for port in each["ports"]
    ]


def so_much_more(load: Load, answers: int, within_s: float = 60.0) -> None:
    """
    Wait until a load has got so many right answers more.
    """
    until = load.right + answers
    deadline = time.monotonic() + within_s
    while load.right < until:
        assert time.monotonic() < deadline, f"no answers: {load.failed}, {load.wrong}"
        time.sleep(0.05)


def _asker(ask: Callable[[int], None], number: int) -> threading.Thread:
    return threading.Thread(target=ask, args=(number,))
