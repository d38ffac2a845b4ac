"""
`sidecar registers`: what is known whatever a caller says.
"""

from pathlib import Path

import click

from sidecar.bundle.opa import opa_binary
from sidecar.errors import SettingsError
from sidecar.registers import build as building
from sidecar.registers.reading import entries
from sidecar.settings import Settings

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
