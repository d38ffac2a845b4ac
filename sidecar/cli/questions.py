"""
`sidecar records find`, `clauses` and `show`: questions to decision records.
"""

import csv
import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

from sidecar.bundle.build import take
from sidecar.bundle.inspection import Inspection
from sidecar.bundle.opa import opa_binary
from sidecar.cli import progress
from sidecar.cli.printable import printable
from sidecar.cli.progress import Progress
from sidecar.records import questions
from sidecar.records.masking import Ids
from sidecar.records.query import Records
from sidecar.records.questions import OUTCOMES, Found, Use, Wanted
from sidecar.records.source import Source
from sidecar.replay.deciding import policy
from sidecar.replay.showing import Shown, shown
from sidecar.settings import Settings

_FORMATS: Final = ("text", "json", "csv")
_COLUMNS: Final = tuple(each.name for each in fields(Found))
_LEDGER: Final = ("clause", "permitted", "partial", "refused", "first", "last", "note")
_RULE: Final = "rule"


class _Time(click.ParamType[datetime]):
    """
    A date or a time; without a zone it is UTC.
    """

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            time = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a date (2026-11-24) nor a time", param, ctx)
        return time if time.tzinfo else time.replace(tzinfo=UTC)


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PLACES = click.argument("places", metavar="RECORDS...", nargs=-1, required=True)
_BUNDLE = click.option(
    "--bundle",
    type=click.Path(exists=True, path_type=Path),
    help="The bundle of today. By default the one that the sidecar serves.",
)
_WANTED: Final = (
    click.option("--decision", help="The decision's id, or its batch's."),
    click.option("--clause", help="A clause that it cites."),
    click.option("--action", help="The action."),
    click.option("--purpose", help="One of its purposes."),
    click.option("--category", help="One of its categories."),
    click.option("--application", help="Who asked."),
    click.option("--key", type=_FILE, help="The file records.key, where applications are hashed."),
    click.option("--outcome", type=click.Choice(OUTCOMES), help="The outcome."),
    click.option("--since", type=_Time(), help="Decided then or later, such as 2026-11-24."),
    click.option("--until", type=_Time(), help="Decided before that."),
)


def _wanted(command: Callable[..., None]) -> Callable[..., None]:
    """
    Give a command the options that choose records, as one argument.
    """

    @functools.wraps(command)
    def with_wanted(
        key: Path | None, application: str | None, progress: bool | None, **given: Any
    ) -> None:
        chosen = {each.name: given.pop(each.name, None) for each in fields(Wanted)}
        chosen["application"] = _names(application, key)
        command(wanted=Wanted(**chosen), shown=Progress(progress), **given)

    return functools.reduce(lambda made, option: option(made), reversed(_WANTED), with_wanted)


@click.command()
@_PLACES
@_wanted
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most.")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="text", help="How it is written."
)
@progress.option
def find(places: tuple[str, ...], wanted: Wanted, limit: int, form: str, shown: Progress) -> None:
    """Find decisions in RECORDS, the newest first.

    RECORDS are files (JSON lines, with or without gzip, or Parquet), folders of them, or addresses
    such as s3://bucket/prefix.

    Exits 1 where there is none.
    """
    with _records(places, shown) as records:
        # One more tells whether there are more.
        found = questions.find(records, wanted, limit + 1)
    said = [questions.said(each) for each in found[:limit]]
    _write(form, _COLUMNS, said)
    if len(found) > limit:
        click.echo(f"there are more: --limit {limit} are shown", err=True)
    if not found:
        click.echo("there is no such decision", err=True)
        sys.exit(1)


@click.command()
@_PLACES
@_wanted
@_BUNDLE
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="text", help="How it is written."
)
@progress.option
def clauses(
    places: tuple[str, ...], wanted: Wanted, bundle: Path | None, form: str, shown: Progress
) -> None:
    """Say what each clause decided: the ledger of RECORDS.

    For each clause of the bundle, how many decisions that cite it were permitted, permitted in part
    and refused, the first and the last of them, and which clauses were never used.
    """
    opa = opa_binary()
    with TemporaryDirectory(prefix="sidecar-ledger-") as folder:
        built = take(_today(bundle), Path(folder, "bundle.tar.gz"), opa=opa)
        known = Inspection.of(built.path, opa=opa).clauses
    with _records(places, shown) as records:
        uses = questions.clauses(records, wanted)
    _write(form, _LEDGER, [*_ledger(known, uses)])


@click.command()
@click.argument("decision_id")
@_PLACES
@_BUNDLE
@click.option(
    "--format", "form", type=click.Choice(_FORMATS[:2]), default="text", help="How it is written."
)
@progress.option
def show(
    decision_id: str,
    places: tuple[str, ...],
    bundle: Path | None,
    form: str,
    progress: bool | None,
) -> None:
    """Explain the decision DECISION_ID, or those of the batch with this id, as RECORDS have it.

    What was asked and decided, what each clause says that it cites, and whether the bundle of today
    decides the same, on the date of the decision.

    Exits 1 where there is no such decision.
    """
    with _records(places, Progress(progress)) as records:
        found = [*questions.whole(records, Wanted(decision=decision_id))]
    if not found:
        click.echo("there is no such decision", err=True)
        sys.exit(1)
    with policy(_today(bundle), opa_binary()) as today:
        explained = [shown(record, today) for record in found]
    if form == "json":
        click.echo(json.dumps([each.said() for each in explained], indent=2))
    else:
        click.echo("\n\n".join("\n".join(map(printable, _told(each))) for each in explained))


@contextmanager
def _records(places: Sequence[str], progress: Progress) -> Iterator[Records]:
    """
    Read records, and say afterwards what could not be read.
    """
    source = Source(places)
    with progress.bar("reading", source.size) as bar:
        records = Records(source, bar.advance)
        yield records
    for place in records.unreadable:
        click.echo(f"{place}: it is no record of a decision", err=True)
    if records.lost:
        click.echo(f"{records.lost} lines are no records, and were left out", err=True)


def _today(bundle: Path | None) -> Path:
    return bundle or Settings.from_environment(os.environ).bundle


def _names(application: str | None, key: Path | None) -> tuple[str, ...] | None:
    if application is None:
        return None
    hashed = Ids("hash", key.read_bytes().strip()).masked(application) if key else None
    return (application,) if hashed is None else (application, hashed)


def _ledger(known: Mapping[str, str], uses: Mapping[str, Use]) -> Iterator[dict[str, Any]]:
    for clause in [*known, *sorted(uses.keys() - known.keys())]:
        use = uses.get(clause, Use())
        note = "" if use.decisions else "never used"
        if clause not in known:
            note = "not in this bundle"
        elif known[clause] != _RULE and not use.decisions:
            note = "no rule decides it"
        counts = {name: getattr(use, name) for name in _LEDGER[1:-1]}
        yield {"clause": clause, **counts, "note": note}


def _write(form: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    table = [[_cell(row[column]) for column in columns] for row in rows]
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([columns, *table])
    elif rows:
        for line in _aligned([[*columns], *table]):
            click.echo(printable(line))


def _aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _cell(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _told(each: Shown) -> Iterator[str]:
    yield each.decision_id
    yield each.sentence
    if each.reason:
        yield each.reason
    yield from _list("clauses", (f"{c['id']} {c['effect']}: {c['says']}" for c in each.clauses))
    yield from _list("stated", (f"{n}: {json.dumps(value)}" for n, value in each.stated.items()))
    yield from _list("not stated", each.missing_facts)
    yield from _list("obligations", each.obligations)
    yield f"decided by the bundle {each.revision or '(not recorded)'}"
    yield each.today


def _list(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = [*lines]
    if found:
        yield f"{title}:"
        yield from (f"  {line}" for line in found)
