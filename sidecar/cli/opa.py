"""
`sidecar opa`: OPA's binary, as the sidecar finds it.
"""

import click

from sidecar.bundle.opa import opa_binary


@click.group()
def opa() -> None:
    """OPA's binary, as the sidecar finds it."""


@opa.command()
def path() -> None:
    """Print where OPA is; it is built first where there is none."""
    click.echo(opa_binary())
