"""
Records that ask the same: they are evaluated once, however many they are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sidecar.engine.memory import Paths
from sidecar.records.query import Records
from sidecar.replay.recorded import Recorded
from sidecar.replay.verdict import Verdict

# Records whose values are written alike; what means the same is found among these.
_ALIKE: Final = """
SELECT
    shares,
    example->>'$.decision_id',
    json_extract(example, '$.input')::VARCHAR,
    json_extract(example, '$.result')::VARCHAR
FROM (
    SELECT
        list({'application': application, 'count': number, 'example': id}) AS shares,
        arg_min(example, id) AS example
    FROM (
        SELECT
            json_extract(json, $paths) AS question,
            application,
            count(*) AS number,
            min(decision_id) AS id,
            arg_min(json, decision_id) AS example
        FROM records
        WHERE valid
        GROUP BY question, application
    )
    GROUP BY question
)
"""
_VERDICT: Final = (
    "$.result.decision",
    "$.result.context.permitted",
    "$.result.context.reason",
    "$.result.context.clauses",
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


@dataclass(frozen=True, slots=True)
class Share:
    """
    Some records of a group.

    Attributes:
        count: How many there are.

        example: The name of the decision of one of them.
    """

    count: int
    example: str


@dataclass(slots=True)
class Group:
    """
    Records that no bundle can tell apart, and that were decided alike.

    Attributes:
        example: The first of them by name.

        verdict: What was decided.

        applications: Whose they are.
    """

    example: Recorded
    verdict: Verdict
    applications: dict[str, Share] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """
        How many there are.
        """
        return sum(share.count for share in self.applications.values())

    def add(self, example: Recorded, shares: Iterable[Mapping[str, Any]]) -> None:
        """
        Add records: the first of them, and how many there are of each application.
        """
        # In whatever order they are found, the same ones are shown.
        self.example = min(self.example, example, key=lambda each: each.decision_id)
        for share in shares:
            name, first = share["application"], share["example"]
            known = self.applications.get(name, Share(0, first))
            self.applications[name] = Share(known.count + share["count"], min(known.example, first))


@dataclass(frozen=True, slots=True)
class Question:
    """
    Records that no bundle can tell apart.

    Attributes:
        groups: The records. They were decided in several ways where the bundle was another one, or
            where the record has less of what was asked than the bundle was given.
    """

    groups: Sequence[Group]

    @property
    def asked(self) -> dict[str, Any]:
        """
        What is asked, on the date that it has.
        """
        return self.groups[0].example.asked


def grouped(records: Records, reads: Sequence[str]) -> list[Question]:
    """
    Group records.

    Args:
        records: The records; one of each group is kept.

        reads: The paths that any of the bundles reads (contract, section 3).

    Raises:
        SettingsError: A file of records cannot be read.
    """
    paths = Paths(reads)
    questions: dict[bytes | str, dict[Verdict, Group]] = {}
    for shares, *example in records.ask(_ALIKE, {"paths": [*_extracted(reads)]}):
        record = Recorded(*example)
        verdict = Verdict.of(*record.decided)
        # What cannot be written otherwise is told apart as it stands.
        groups = questions.setdefault(paths.values(record.asked) or record.input, {})
        group = groups.setdefault(verdict, Group(record, verdict))
        group.add(record, shares)
    return [Question([*groups.values()]) for groups in questions.values()]


def _extracted(reads: Sequence[str]) -> Iterator[str]:
    """
    Say where in a record the values are that tell groups apart, at least.
    """
    for path in reads:
        at = "$.input"
        for name in path.split("."):
            # All of the input, or a name that needs quotes: what is there tells apart, all of it.
            if not _NAME.fullmatch(name):
                break
            at += f".{name}"
        yield at
    yield from _VERDICT
