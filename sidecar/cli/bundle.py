"""
`sidecar bundle`: make what ships.
"""

from pathlib import Path

import click

from sidecar.bundle.build import build as build_bundle
from sidecar.bundle.opa import opa_binary
from sidecar.errors import SettingsError

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_TARGET = Path("bundles/dist/decision.tar.gz")


@click.group()
def bundle() -> None:
    """Make what ships."""


@bundle.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default=_TARGET, show_default=True
)
def build(folder: Path, output: Path) -> None:
    """Build a bundle of FOLDER: Rego and data with a `.manifest`."""
    binary = opa_binary()
    try:
        built = build_bundle(folder, output, opa=binary)
    except OSError as wrong:
        raise SettingsError(f"{output} cannot be written: {wrong.strerror}") from wrong
    click.echo(f"{built.path} (revision {built.revision})")
