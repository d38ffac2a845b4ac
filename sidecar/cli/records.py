"""
`sidecar records`: look after decision records.
"""

import gzip
import sys
import zlib
from pathlib import Path

import click

from sidecar.cli import questions
from sidecar.records.verify import verify_file, verify_folder


@click.group()
def records() -> None:
    """Look after decision records."""


for command in (questions.find, questions.clauses, questions.show):
    records.add_command(command)


@records.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that records.key names: checkpoints of a folder must be sealed with it.",
)
def verify(path: Path, key: Path | None) -> None:
    """Say whether the records in PATH are all there, unchanged and in their order.

    PATH is a folder that the sidecar keeps records in, or a file of records, where nothing says
    which one is the last.

    Exits 0 where they are, 1 where something is wrong, which is named with its place.
    """
    try:
        if path.is_dir():
            found = verify_folder(path, key.read_bytes().strip() if key else None)
        else:
            found = verify_file(path)
    except (OSError, EOFError, zlib.error, gzip.BadGzipFile) as wrong:
        raise click.UsageError(f"{path} cannot be read: {type(wrong).__name__}") from wrong
    for problem in found.problems:
        click.echo(problem)
    if found.problems:
        sys.exit(1)
    chains = f"{len(found.chains)} chain{'' if len(found.chains) == 1 else 's'}"
    click.echo(f"{found.records} records in {chains}: nothing is missing, changed or moved")
