"""
`sidecar replay`: what a change of the policy would have decided otherwise.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import click

from sidecar import strict
from sidecar.bundle.opa import opa_binary
from sidecar.cli import progress
from sidecar.cli.printable import printable
from sidecar.cli.progress import Progress
from sidecar.errors import SettingsError
from sidecar.records.query import Records
from sidecar.records.source import Source
from sidecar.replay.deciding import policy
from sidecar.replay.grouping import Question, grouped
from sidecar.replay.impact import BY, Impact, unacknowledged
from sidecar.replay.page import WORDS, page

_PATH = click.Path(exists=True, path_type=Path)
_SHOWN: Final = 20
_TOLD_EVERY: Final = 500


@click.command()
@click.argument("records", nargs=-1, required=True)
@click.option("--against", type=_PATH, required=True, help="The new bundle, a folder or a tarball.")
@click.option("--baseline", type=_PATH, help="The bundle before; by default what was recorded.")
@click.option(
    "--acknowledged",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file that says which refusals may become permissions.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report into this file too, as a page to look at.",
)
@progress.option
def replay(
    records: tuple[str, ...],
    against: Path,
    baseline: Path | None,
    acknowledged: Path | None,
    as_json: bool,
    html: Path | None,
    progress: bool | None,
) -> None:
    """Say which of the recorded decisions a new bundle would make otherwise.

    RECORDS are files of decision records (JSON lines, with or without gzip, or Parquet), folders of
    them, or addresses such as s3://bucket/prefix. Records that the bundles cannot tell apart are
    evaluated once.

    Exits 1 where a refusal becomes a permission that is not acknowledged.
    """
    known = _acknowledged(acknowledged) if acknowledged else []
    impact = _impact(records, against, baseline, Progress(progress))
    left = unacknowledged(impact.flips, known)
    open_records = sum(left.values())
    if html:
        compared = f"what {baseline} decides" if baseline else "what was recorded"
        _write(html, page(impact, open_records, str(against), compared))
    if as_json:
        click.echo(json.dumps({**impact.said(), "unacknowledged": len(left)}, indent=2))
    else:
        click.echo("\n".join(map(printable, _report(impact, open_records))))
    if left:
        sys.exit(1)


def _impact(
    places: tuple[str, ...], against: Path, baseline: Path | None, shown: Progress
) -> Impact:
    opa = opa_binary()
    source = Source(places)
    with ExitStack() as held:
        new = held.enter_context(policy(against, opa))
        old = held.enter_context(policy(baseline, opa)) if baseline else None
        questions = _questions(source, sorted({*new.reads, *(old.reads if old else ())}), shown)
        bar = held.enter_context(shown.bar("deciding", len(questions)))
        before = old.decide(question.asked for question in questions) if old else None
        after = new.decide(question.asked for question in questions)
        return Impact.of(questions, before, bar.through(after, _TOLD_EVERY))


def _questions(source: Source, reads: list[str], shown: Progress) -> list[Question]:
    with shown.bar("reading", source.size) as bar:
        records = Records(source, bar.advance)
        questions = grouped(records, reads)
    if records.lost:
        # An impact of less than all would be none.
        more = f" (and {records.lost - 1} more lines)" if records.lost > 1 else ""
        raise SettingsError(f"{records.unreadable[0]}: it is no record of a decision{more}")
    return questions


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as wrong:
        raise SettingsError(f"{file} cannot be written: {wrong.strerror}") from wrong


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


def _report(impact: Impact, left: int) -> Iterator[str]:
    yield f"{impact.records} records, {impact.evaluations} different questions"
    for kind, words in WORDS.items():
        yield f"{impact.count(kind):>8} {words}"
    for what in BY:
        if counts := impact.by(what):
            yield ""
            yield f"by {what}"
            for name, tally in sorted(counts.items(), key=lambda item: -item[1].counts.total()):
                told = ", ".join(f"{number} {kind}" for kind, number in tally.counts.items())
                yield f"  {name or '(not recorded)'}: {told}, as in {tally.example}"
    if impact.flips:
        yield ""
        yield "examples"
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
        yield ""
        yield f"not acknowledged: {left} records"
