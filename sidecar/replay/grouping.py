"""
Records that ask the same: they are evaluated once, however many they are.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sidecar.engine.memory import Paths
from sidecar.records.query import Records
from sidecar.replay.recorded import Recorded

# Records whose values are written alike; what means the same is found among these.
_ALIKE: Final = """
SELECT
    number,
    application,
    example->>'$.decision_id',
    json_extract(example, '$.input')::VARCHAR,
    json_extract(example, '$.result')::VARCHAR
FROM (
    SELECT count(*) AS number, application, arg_min(json, decision_id) AS example
    FROM records
    WHERE valid
    GROUP BY application, json_extract(json, $paths)
)
"""
_RESULT: Final = ("$.result.decision", "$.result.context.permitted")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


@dataclass(slots=True)
class Group:
    """
    Records that no bundle can tell apart, and that were answered alike.

    Attributes:
        example: One of them: of those with the same values in the same order, the first by name.

        count: How many there are.

        applications: Who asked, and how often.
    """

    example: Recorded
    count: int = 0
    applications: Counter[str] = field(default_factory=Counter)


def grouped(records: Records, reads: Sequence[str]) -> list[Group]:
    """
    Group records.

    Args:
        records: The records; one of each group is kept.

        reads: The paths that any of the bundles reads (contract, section 3).

    Raises:
        SettingsError: A file of records cannot be read.
    """
    paths = Paths(reads)
    groups: dict[Any, Group] = {}
    for count, application, *example in records.ask(_ALIKE, {"paths": [*_extracted(reads)]}):
        record = Recorded(*example)
        # What cannot be written otherwise is told apart as it stands.
        values = paths.values(record.asked) or record.input
        key = (values, record.allowed, permitted(record.context))
        group = groups.setdefault(key, Group(record))
        group.count += count
        group.applications[application] += count
    return list(groups.values())


def permitted(context: dict[str, Any]) -> tuple[str, ...] | None:
    """
    Say which categories a context permits; None where it does not say.
    """
    categories = context.get("permitted")
    return tuple(map(str, categories)) if isinstance(categories, list) else None


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
    yield from _RESULT
