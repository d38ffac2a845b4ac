"""
What a decision costs as the agreement grows: `python -m bench.clauses BUNDLE`.

Agreements are generated from the one there is: with as many clauses, ten times, and a hundred times
as many. Of four clauses that are added, three permit a purpose of their own on a condition, and one
forbids another. Asks each for some requests of bench/requests/ and for two that turn on the last
clauses, with `opa bench`, on one core. Machines differ: compare columns of one run.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bench.bundle import REQUESTS, Built
from bench.policies import Row, measure
from sidecar.bundle.constants import worked_out
from sidecar.bundle.manifest import Manifest
from sidecar.bundle.opa import opa_binary
from sidecar.bundle.opa_run import OpaRun

TIMES = (1, 10, 100)
ASKED = ("one-category", "five-categories", "mixed-outward-two", "partial-disclosure-four")
# A clause that permits a purpose, as all that permit are copied from.
LIKE = "1.2-j"
_PERMITS = """
# METADATA
# title: Generated
# labels:
#   clause: {id}
permits["{id}"] := processing | fault.gate("{id}", "necessity_judged")
"""
_PROHIBITS = """
# METADATA
# title: Generated
# labels:
#   clause: {id}
prohibits contains "{id}" if input.context.purpose == "{purpose}"
"""


def generate(source: Path, target: Path, times: int) -> int:
    """
    Copy an agreement's policies, with many times as many clauses.

    Args:
        source: The policies.

        target: Where to; it must not be there.

        times: How many times as many.

    Returns:
        How many clauses there are.
    """
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*_test.rego"))
    files = {
        name: target / f"privacy/{name}/data.yaml" for name in ("agreement", "vocabulary", "ways")
    }
    agreement, vocabulary, ways = (
        yaml.safe_load(file.read_text("utf-8")) for file in files.values()
    )
    clauses = agreement["clauses"]
    added = [f"9.{number}-a" for number in range(len(clauses) * (times - 1))]
    rules = []
    for number, id_ in enumerate(added):
        purpose = _purpose(number)
        clauses[id_] = clauses[LIKE]
        vocabulary["purposes"][purpose] = {"clauses": [id_]}
        if _forbids(number):
            rules.append(_PROHIBITS.format(id=id_, purpose=purpose))
        else:
            rules.append(_PERMITS.format(id=id_))
            ways["open"]["ordinary"]["handle"][purpose] = [id_]
    for file, document in zip(files.values(), (agreement, vocabulary, ways), strict=True):
        file.write_text(yaml.dump(document, Dumper=getattr(yaml, "CDumper", yaml.Dumper)), "utf-8")
    head = "package privacy.clauses\n\nimport data.privacy.lib.fault\n"
    (target / "privacy/clauses/generated.rego").write_text(head + "".join(rules), "utf-8")
    return len(clauses)


def _purpose(number: int) -> str:
    return f"generated_{number}"


def _forbids(number: int) -> bool:
    return number % 4 == 3


def requests(folder: Path, added: int) -> None:
    """
    Write the requests: some of those there are, and those that turn on the last clauses added.
    """
    for name in ASKED:
        shutil.copy(REQUESTS / f"{name}.json", folder)
    if not added:
        return
    one: dict[str, Any] = json.loads((REQUESTS / "one-category.json").read_text("utf-8"))
    facts = {"processing_ground": "contract", "necessity_judged": True}
    last = {_forbids(number): _purpose(number) for number in range(added - 4, added)}
    for name, purpose in (("added-permitted", last[False]), ("added-forbidden", last[True])):
        asked = one | {"context": {"purpose": purpose, "facts": facts}}
        (folder / f"{name}.json").write_text(json.dumps(asked), "utf-8")


def measured(source: Path) -> Iterator[tuple[int, list[Row]]]:
    """
    Measure each agreement, the smallest first: how many clauses it has, and what they cost.
    """
    manifest = Manifest.from_document(json.loads((source / ".manifest").read_text("utf-8")))
    for times in TIMES:
        with tempfile.TemporaryDirectory() as folder:
            policies, asked = Path(folder, "policies"), Path(folder, "requests")
            asked.mkdir()
            clauses = generate(source, policies, times)
            requests(asked, clauses - clauses // times)
            opa = opa_binary()
            # As a folder: what else the build adds is for batches, and none is asked here.
            for name, module in worked_out(
                OpaRun(opa, policies, policies), manifest.constants
            ).items():
                (policies / name).write_bytes(module)
            bundle = Built(opa, policies, manifest.decision)
            yield clauses, list(measure(bundle, asked))


def main(source: str) -> int:
    """
    Print a table: a row for each request, a column for each agreement.
    """
    columns = dict(measured(Path(source)))
    found = {
        clauses: {row.name: row.median_us for row in rows} for clauses, rows in columns.items()
    }
    print(f"| median µs at | {' | '.join(f'{clauses:,} clauses' for clauses in found)} |")
    print(f"|---|{'---:|' * len(found)}")
    for name in max(found.values(), key=len):
        figures = (f"{rows[name]:.0f}" if name in rows else "" for rows in found.values())
        print(f"| {name} | {' | '.join(figures)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
