"""
The command line. Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 something is missing.
"""

import sys
from importlib import import_module
from typing import Final

import click

from sidecar.errors import MissingPart, SettingsError

_COMMANDS: Final = (
    *("agreement", "bundle", "opa", "records", "registers"),
    *("replay", "serve", "watch", "webhook"),
)


class _Commands(click.Group):
    """
    Commands of which only the names are known, each in the module of its name. Only the one that is
    asked for is loaded: one that serves would hold for ever what the others need.
    """

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """
        Load one; None where there is none of that name.
        """
        if cmd_name not in self.commands:
            return None
        command: click.Command = getattr(import_module(f"sidecar.cli.{cmd_name}"), cmd_name)
        return command


@click.group(
    cls=_Commands,
    commands={name: click.Command(name) for name in _COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="sidecar")
def sidecar() -> None:
    """An authorization sidecar for a company's privacy agreement."""


def main() -> None:
    """
    Run a command; what stops it is one sentence on stderr, and an exit code.
    """
    try:
        sidecar()
    except (SettingsError, MissingPart) as wrong:
        click.echo(f"sidecar: {wrong.message}", err=True)
        sys.exit(wrong.exit_code)
