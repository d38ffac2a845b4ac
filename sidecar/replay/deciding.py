"""
Deciding again on what was recorded, by another bundle.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sidecar.bundle.build import take
from sidecar.engine.client import Opa
from sidecar.engine.decision import Decision
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.engine import Engine
from sidecar.engine.supervisor import Job, Supervisor
from sidecar.errors import EngineError
from sidecar.replay.grouping import Question

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

    def decide(self, questions: Sequence[Question]) -> Iterator[Decision | EngineError]:
        """
        Decide on each question, on the date that it was decided on, some at a time.
        """
        for start in range(0, len(questions), _AT_ONCE):
            some = questions[start : start + _AT_ONCE]
            yield from self.engine.decide_as_of([question.asked for question in some])


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
                yield Policy(engine, engine.bundle().reads)
            finally:
                client.close_connection()
