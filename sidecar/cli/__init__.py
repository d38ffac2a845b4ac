"""
The command line. Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 something is missing.
"""

import sys

import click

from sidecar.cli.agreement import agreement
from sidecar.cli.bundle import bundle
from sidecar.cli.opa import opa
from sidecar.cli.records import records
from sidecar.cli.registers import registers
from sidecar.cli.replay import replay
from sidecar.cli.serve import serve
from sidecar.cli.watch import watch
from sidecar.cli.webhook import webhook
from sidecar.errors import MissingPart, SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sidecar")
def sidecar() -> None:
    """An authorization sidecar for a company's privacy agreement."""


for command in (serve, bundle, agreement, records, registers, opa, replay, watch, webhook):
    sidecar.add_command(command)


def main() -> None:
    """
    Run a command; what stops it is one sentence on stderr, and an exit code.
    """
    try:
        sidecar()
    except (SettingsError, MissingPart) as wrong:
        click.echo(f"sidecar: {wrong.message}", err=True)
        sys.exit(wrong.exit_code)
