"""
`sidecar watch`: edit, and see what it does.
"""

import importlib
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import click

from sidecar.bundle.golden import Promise, document_of
from sidecar.bundle.opa import opa_binary
from sidecar.errors import MissingPart, SettingsError
from sidecar.watch.beside import sidecar_beside
from sidecar.watch.rounds import Rounds

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--golden",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Scenarios that are asked after each edit: YAML, or a folder of it.",
)
@click.option("--tests/--no-tests", default=True, help="Whether the Rego tests run, too.")
def watch(folder: Path, golden: tuple[Path, ...], tests: bool) -> None:
    """Run a sidecar on FOLDER, and look at each edit as soon as it is saved.

    Says whether it builds, which scenarios are answered otherwise than before and which otherwise
    than they expect, and how the tests went. The sidecar decides by what builds.
    """
    changes = _changes()
    signal.signal(signal.SIGTERM, _ended)
    promises = Promise.all_of(document_of(golden)) if golden else []
    with tempfile.TemporaryDirectory(prefix="sidecar-watch-") as place:
        offered = Path(place, "offered", "decision.tar.gz")
        rounds = Rounds(folder, offered, promises, opa_binary())
        _look(rounds, tests)
        with sidecar_beside(Path(place), offered) as sidecar:
            stop = threading.Event()
            threading.Thread(target=_until_it_ends, args=(sidecar, stop), daemon=True).start()
            for _ in changes(folder, stop_event=stop, debounce=400, raise_interrupt=False):
                _look(rounds, tests)
        sys.exit(sidecar.returncode or 0)


def _changes() -> Any:
    try:
        return importlib.import_module("watchfiles").watch
    except ImportError as wrong:
        raise MissingPart("watchfiles is needed: pip install 'sidecar[watch]'") from wrong


def _until_it_ends(sidecar: Any, stop: threading.Event) -> None:
    sidecar.wait()
    stop.set()


def _look(rounds: Rounds, tests: bool) -> None:
    began = time.monotonic()
    try:
        click.echo(f"revision {rounds.offer()}")
        _list("answered otherwise than before:", rounds.flips())
        _list("answered otherwise than expected:", rounds.broken())
        if tests:
            click.echo(f"tests: {rounds.tests()}")
    except SettingsError as wrong:
        click.echo(wrong.message, err=True)
    click.echo(f"after {time.monotonic() - began:.1f} s; waiting for the next edit")


def _list(title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        click.echo("\n".join([title, *found]))


def _ended(*_: object) -> NoReturn:
    sys.exit(0)
