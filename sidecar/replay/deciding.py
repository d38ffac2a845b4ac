"""
Deciding again on what was recorded, by another bundle.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sidecar.bundle.build import take
from sidecar.engine.client import Opa
from sidecar.engine.dated import Evaluation
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import FOR_ALL, Engine
from sidecar.engine.supervisor import Job, Supervisor
from sidecar.errors import EngineError, MissingPart

_AT_ONCE: Final = 500
_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Policy:
    """
    A bundle that decides.

    Attributes:
        engine: Who is asked.

        reads: The paths that its decision reads.
    """

    engine: Engine
    reads: tuple[str, ...]

    def decide(self, dated: Iterable[Evaluation]) -> Iterator[Decision | EngineError]:
        """
        Decide on evaluations, each on the date that it has, some at a time.

        Raises:
            MissingPart: OPA does not answer. That says nothing of what the bundle decides.
        """
        left = iter(dated)
        while some := list(islice(left, _AT_ONCE)):
            with _answering():
                outcomes = self.engine.decide_as_of(some)
                for outcome in outcomes:
                    if isinstance(outcome, FOR_ALL):
                        raise outcome
            yield from outcomes


@contextmanager
def policy(bundle: Path, opa: Path) -> Iterator[Policy]:
    """
    Have a bundle decide, in an OPA of its own.

    Args:
        bundle: A folder or a tarball.

        opa: OPA's binary.

    Raises:
        SettingsError: It is no bundle.
        MissingPart: OPA cannot be run.
    """
    with TemporaryDirectory(prefix="sidecar-replay-") as folder:
        built = take(bundle, Path(folder, "bundle.tar.gz"), opa=opa)
        with Supervisor(opa, Job.deciding({"decision": built.path})) as running:
            client = Opa(Endpoint(running.url, read_timeout_s=_WITHIN_S))
            try:
                engine = Engine(client)
                with _answering():
                    reads = engine.bundle().reads
                yield Policy(engine, reads)
            finally:
                client.close_connection()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except EngineError as wrong:
        raise MissingPart(
            f"OPA does not answer, so nothing can be compared: {wrong.code}"
        ) from wrong
