"""
A process that asks OPA, forks, and has its children ask: `python -m tests.unit.engine.forking URL`.

A process of its own, because the tests' has threads of others. Prints how many answers were wrong,
and how many questions failed.
"""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from sidecar.engine.client import Opa
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.errors import EngineError
from tests.running import evaluation

CHILDREN = 4
CONNECTIONS = 4
QUESTIONS = 250


def ask(engine: Engine, who: str) -> tuple[int, int]:
    """
    Ask distinct questions: (wrong answers, failures).
    """
    wrong = failed = 0
    for n in range(QUESTIONS):
        asking = f"{who}-{n}"
        try:
            decision = engine.decide(evaluation("permit", asking))
            wrong += (decision.context or {}).get("asked") != asking
        except EngineError:
            failed += 1
    return wrong, failed


def ask_at_once(engine: Engine, who: str) -> tuple[int, int]:
    """
    The same with a thread for each connection, so that each is used.
    """
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        asking = [threads.submit(ask, engine, f"{who}-{n}") for n in range(CONNECTIONS)]
    wrong, failed = zip(*(done.result() for done in asking), strict=True)
    return sum(wrong), sum(failed)


def main(url: str) -> None:
    """
    Ask in the parent, then in parent and children at once, one thread of the parent's all along.
    """
    engine = Engine(Opa(Endpoint(url, connections=CONNECTIONS, wait_s=20, read_timeout_s=20)))
    found = [ask_at_once(engine, "before")]
    meanwhile = threading.Thread(target=lambda: found.append(ask(engine, "meanwhile")))
    meanwhile.start()
    readers = []
    for child in range(CHILDREN):
        reader, writer = os.pipe()
        if os.fork() == 0:
            wrong, failed = ask_at_once(engine, f"child-{child}")
            os.write(writer, f"{wrong} {failed}".encode())
            os._exit(0)
        os.close(writer)
        readers.append(reader)
    found.append(ask(engine, "parent"))
    meanwhile.join()
    for reader in readers:
        wrong, failed = map(int, os.read(reader, 100).split())
        found.append((wrong, failed))
        os.wait()
    print(sum(wrong for wrong, _ in found), sum(failed for _, failed in found), len(found))


if __name__ == "__main__":
    main(sys.argv[1])
