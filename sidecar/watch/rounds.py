"""
One round for each edit: built, offered to the sidecar that runs, compared, and tested.
"""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sidecar.bundle.build import build
from sidecar.bundle.golden import Promise
from sidecar.engine.decision import Decision
from sidecar.errors import EngineError, SettingsError
from sidecar.replay.deciding import policy

_AT_ONCE: Final = 200
_SHOWN: Final = 20
_TESTED_WITHIN_S: Final = 600

Answers = Mapping[str, tuple[object, ...]]


@dataclass(slots=True)
class Rounds:
    """
    Looks at each edit of a folder of policies.

    Attributes:
        source: The folder.

        offered: Where a bundle is put for the sidecar, once it was built.

        promises: What is asked of each edit.

        opa: OPA's binary.
    """

    source: Path
    offered: Path
    promises: Sequence[Promise]
    opa: Path
    _before: Answers = field(default_factory=dict)

    def offer(self) -> str:
        """
        Build the folder's bundle, and offer it.

        Returns:
            Its revision.

        Raises:
            SettingsError: It cannot be built; what was offered before stays.
            MissingPart: OPA cannot be run.
        """
        return build(self.source, self.offered, opa=self.opa).revision

    def flips(self) -> Iterator[str]:
        """
        Compare the answers of what is offered with those of the edit before, in a line for each
        that is otherwise.
        """
        after = self._answers()
        before, self._before = self._before, after
        flipped = [name for name in after if name in before and before[name] != after[name]]
        for name in flipped[:_SHOWN]:
            yield f"  {name}: {_said(before[name])} -> {_said(after[name])}"
        if len(flipped) > _SHOWN:
            yield f"  and {len(flipped) - _SHOWN} more"
        if before and not flipped:
            yield f"  none of {len(after)} scenarios is answered otherwise"

    def broken(self) -> Iterator[str]:
        """
        Name the scenarios that are not answered as they expect, in a line each.
        """
        broken = [
            promise.name
            for promise in self.promises
            if self._before.get(promise.name, (None,))[0] != promise.expect["decision"]
        ]
        for name in broken[:_SHOWN]:
            yield f"  {name}"
        if len(broken) > _SHOWN:
            yield f"  and {len(broken) - _SHOWN} more"

    def tests(self) -> str:
        """
        Run the folder's tests, and return how they went: OPA's last words, or those that fail.

        Raises:
            SettingsError: They take too long.
        """
        command = [str(self.opa), "test", "--timeout", "10m", "--bundle", str(self.source)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TESTED_WITHIN_S, check=False
            )
        except subprocess.TimeoutExpired as wrong:
            raise SettingsError(f"the tests of {self.source} take too long") from wrong
        said = (done.stdout or done.stderr).strip().splitlines()
        failed = [line for line in said if ": FAIL" in line or ": ERROR" in line]
        return "\n".join([*failed[:_SHOWN], *said[-1:]])

    def _answers(self) -> Answers:
        asked: dict[str, tuple[object, ...]] = {}
        with policy(self.offered, self.opa) as deciding:
            for start in range(0, len(self.promises), _AT_ONCE):
                some = self.promises[start : start + _AT_ONCE]
                outcomes = deciding.engine.decide_as_of([each.evaluation for each in some])
                for promise, outcome in zip(some, outcomes, strict=True):
                    asked[promise.name] = _answer(outcome)
        return asked


def _answer(outcome: Decision | EngineError) -> tuple[object, ...]:
    if isinstance(outcome, EngineError):
        return None, outcome.code
    context: Mapping[str, Any] = outcome.context or {}
    clauses = context.get("clauses")
    cited = clauses if isinstance(clauses, list) else []
    return (
        outcome.allowed,
        context.get("reason"),
        tuple(str(clause.get("id")) for clause in cited if isinstance(clause, dict)),
    )


def _said(answer: tuple[object, ...]) -> str:
    decision, reason, *clauses = answer
    words = {True: "permitted", False: "refused", None: "no decision"}
    told = f"{words[decision]} ({reason}"  # type: ignore[index]
    cited = clauses[0] if clauses else ()
    return f"{told}: {', '.join(cited)})" if cited else f"{told})"  # type: ignore[arg-type]
