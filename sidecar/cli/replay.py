"""
`sidecar replay`: what a change of the policy would have decided otherwise.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import click

from sidecar import strict
from sidecar.bundle.opa import opa_binary
from sidecar.errors import SettingsError
from sidecar.replay.deciding import Progress, policy
from sidecar.replay.grouping import grouped
from sidecar.replay.impact import BY, CLOSED, OPENED, UNDECIDED, Flip, Impact, unacknowledged
from sidecar.replay.reading import recorded

_PATH = click.Path(exists=True, path_type=Path)
_WORDS = {
    OPENED: "refusals become permissions",
    CLOSED: "permissions become refusals",
    UNDECIDED: "are not decided any more",
}
_SHOWN = 20


@click.command()
@click.argument("records", type=_PATH, nargs=-1, required=True)
@click.option("--against", type=_PATH, required=True, help="The new bundle, a folder or a tarball.")
@click.option("--baseline", type=_PATH, help="The bundle before; by default what was recorded.")
@click.option(
    "--acknowledged",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file that says which refusals may become permissions.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
def replay(
    records: tuple[Path, ...],
    against: Path,
    baseline: Path | None,
    acknowledged: Path | None,
    as_json: bool,
) -> None:
    """Say which of the recorded decisions a new bundle would make otherwise.

    RECORDS are files of decision records, or folders of them. Records that the bundles cannot tell
    apart are evaluated once.

    Exits 1 where a refusal becomes a permission that is not acknowledged.
    """
    known = _acknowledged(acknowledged) if acknowledged else []
    opa = opa_binary()
    with ExitStack() as held:
        new = held.enter_context(policy(against, opa))
        old = held.enter_context(policy(baseline, opa)) if baseline else None
        reads = {*new.reads, *(old.reads if old else ())}
        groups = grouped(recorded(records), sorted(reads))
        before = old.decide(groups, _progress("before")) if old else None
        impact = Impact.of(groups, before, new.decide(groups, _progress("after")))
    left = unacknowledged(impact.flips, known)
    if as_json:
        click.echo(json.dumps({**impact.said(), "unacknowledged": len(left)}, indent=2))
    else:
        click.echo("\n".join(_report(impact, left)))
    if left:
        sys.exit(1)


def _progress(what: str) -> Progress:
    def told(done: int, of: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{what}: {done} of {of} questions", nl=done == of, err=True)

    return told


def _acknowledged(file: Path) -> list[Mapping[str, str]]:
    document = strict.read(file)
    entries = document.get("acknowledged")
    if document.keys() != {"acknowledged"} or not isinstance(entries, list):
        raise SettingsError(f"{file} must hold acknowledged, a list, and nothing else")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not entry or not entry.keys() <= {*BY}:
            raise SettingsError(
                f"{file}: acknowledged.{index} must name one or more of {', '.join(BY)}"
            )
        for name, value in entry.items():
            if not isinstance(value, str):
                raise SettingsError(
                    f"{file}: acknowledged.{index}.{name} must be a text, got {value!r}"
                )
    return entries


def _report(impact: Impact, left: list[Flip]) -> Iterator[str]:
    yield f"{impact.records} records, {impact.evaluations} different questions"
    for kind, words in _WORDS.items():
        yield f"{impact.count(kind):>8} {words}"
    for what in BY:
        if counts := impact.by(what):
            yield f"\nby {what}"
            for name, kinds in sorted(counts.items(), key=lambda item: -sum(item[1].values())):
                told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
                yield f"  {name or '(not recorded)'}: {told}"
    if impact.flips:
        yield "\nexamples"
    for flip in impact.flips[:_SHOWN]:
        before = f"{flip.before.reason or flip.before.allowed} ({', '.join(flip.before.clauses)})"
        after = "nothing"
        if flip.after:
            after = f"{flip.after.reason or flip.after.allowed} ({', '.join(flip.after.clauses)})"
        example = flip.group.example.decision_id
        yield f"  {flip.kind} {flip.group.count}: {before} -> {after}, as in {example}"
    if len(impact.flips) > _SHOWN:
        yield f"  and {len(impact.flips) - _SHOWN} more; --json has them all"
    if left:
        yield f"\nnot acknowledged: {sum(flip.group.count for flip in left)} records"
