"""
`sidecar registers`: what is known whatever a caller says.
"""

import re
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import click

from sidecar.bundle.opa import opa_binary
from sidecar.engine.engine import utc_today
from sidecar.errors import SettingsError
from sidecar.records.query import Records
from sidecar.records.questions import Wanted, whole
from sidecar.records.source import Source
from sidecar.registers import build as building
from sidecar.registers.entry import Entry
from sidecar.registers.reading import entries
from sidecar.registers.reliance import Leaning, Reliance
from sidecar.settings import Settings


def _days(_: object, param: click.Parameter, value: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,4})d", value, re.ASCII)
    if found is None:
        raise click.BadParameter(f"{value!r} is no number of days such as 30d", param=param)
    return timedelta(int(found[1]))


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_PATH = click.Path(exists=True, path_type=Path)
_TARGET = Path("bundles/dist/registers.tar.gz")
_POLICY = click.option(
    "--for",
    "policy",
    type=_PATH,
    default=Settings().bundle,
    help="The bundle that looks them up, a folder or a tarball. By default what ships.",
)


@click.group()
def registers() -> None:
    """Build what is known whatever a caller says, and see what of it ends."""


@registers.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default=_TARGET, show_default=True
)
@_POLICY
def build(folder: Path, output: Path, policy: Path) -> None:
    """Build a bundle of the registers in FOLDER: a file of YAML for each kind."""
    with building.PolicyBundle.taken(policy, opa_binary()) as looking:
        found = entries(folder, looking.source)
        try:
            built = building.build(found, output, looking, folder)
        except OSError as wrong:
            raise SettingsError(f"{output} cannot be written: {wrong.strerror}") from wrong
    click.echo(f"{built.path} (revision {built.revision}, {len(found)} entries)")


@registers.command()
@click.argument("path", type=_PATH)
@click.option(
    "--within", callback=_days, default="30d", show_default=True, help="How soon is soon."
)
@click.option("--records", multiple=True, help="Decision records: files, folders, s3://…")
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that records.key names, where ids were hashed.",
)
@_POLICY
def check(
    path: Path, within: timedelta, records: tuple[str, ...], key: Path | None, policy: Path
) -> None:
    """Say what of the registers in PATH, a folder or a built bundle, has ended or ends soon.

    With --records, also which recorded decisions found those entries: by their ids, which
    records.ids must have kept.

    Exits 1 where an entry has ended, or ends soon.
    """
    today = date.fromisoformat(utc_today())
    with building.PolicyBundle.taken(policy, opa_binary()) as looking:
        found = entries(path, looking.source)
        ending = [entry for entry in found if entry.until and entry.until <= today + within]
        secret = key.read_bytes().strip() if key else None
        asked = Records(Source(records)) if records else None
        recorded = whole(asked, Wanted()) if asked else ()
        leaning = Leaning.of(recorded, ending, looking.source, secret)
    for entry in sorted(ending, key=lambda entry: (entry.until, entry.kind, entry.id)):
        click.echo(_told(entry, today))
        if records:
            click.echo(f"    {_leaned(leaning.reliances.get((entry.kind, entry.id)))}")
    for line in _untold(leaning):
        click.echo(line, err=True)
    if asked and asked.lost:
        click.echo(f"{asked.lost} lines are no records: {', '.join(asked.unreadable)}", err=True)
    if ending:
        sys.exit(1)
    click.echo(f"{len(found)} entries: none has ended, and none ends within {within.days} days")


def _told(entry: Entry, today: date) -> str:
    until = entry.until or today
    verb = "ended" if until < today else "ends"
    return f"{verb} {until}: {entry.kind} {entry.id}, by {entry.author} ({entry.reference})"


def _leaned(reliance: Reliance | None) -> str:
    if reliance is None:
        return "no recorded decision found it"
    return (
        f"{reliance.decisions} recorded decisions found it, {reliance.permitted} of them "
        f"permissions; the last on {reliance.last}: {reliance.example}"
    )


def _untold(leaning: Leaning) -> Iterator[str]:
    if dropped := leaning.untold["dropped"]:
        yield f"{dropped} records hold no ids (records.ids): what they found cannot be told"
    if hashed := leaning.untold["hashed"]:
        yield f"{hashed} records hold hashed ids: --key is needed to tell what they found"
