"""
`sidecar agreement`: compare an agreement's text with the registry of its clauses.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import yaml

from sidecar.agreement.review import Registry, RegistryMalformed, Review, review
from sidecar.agreement.text import sections
from sidecar.settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def agreement() -> None:
    """Compare an agreement's text with the registry of its clauses."""


@agreement.command()
@click.argument("text", type=_FILE)
@click.option("--registry", type=_FILE, help="The registry; by default the bundle's own.")
def check(text: Path, registry: Path | None) -> None:
    """Say which sections of TEXT changed, and which clauses that puts up for review.

    Exits 0 where nothing changed, 1 where something is up for review.
    """
    found = sections(_read(text))
    if not found:
        raise click.UsageError(f"{text} has no numbered sections")
    known = _registry(registry or _bundled_registry())
    changes = review(found, known)

    _tell(changes, known, {number: section.sha256 for number, section in found.items()})
    sys.exit(1 if changes else 0)


def _tell(changes: Review, known: Registry, now: Mapping[str, str]) -> None:
    for word, numbers in (
        ("changed", changes.changed),
        ("new", changes.new),
        ("gone", changes.gone),
    ):
        for number in numbers:
            digest = f", sha256 {now[number]}" if number in now else ""
            click.echo(f"section {number}: {word}{digest}")
    for clause in changes.clauses:
        section, _ = known.clauses[clause]
        click.echo(f"clause {clause}: up for review (section {section})")
    if not changes:
        click.echo(f"nothing changed in {len(known.sections)} sections")


def _registry(file: Path) -> Registry:
    try:
        return Registry.from_document(yaml.safe_load(_read(file)))
    except (RegistryMalformed, yaml.YAMLError) as wrong:
        raise click.UsageError(f"{file}: {wrong}") from wrong


def _bundled_registry() -> Path:
    """
    Find the registry by the bundle's manifest: the data file that holds the clauses.
    """
    bundle = Settings.from_environment(os.environ).bundle
    try:
        manifest = json.loads((bundle / ".manifest").read_text("utf-8"))
        folder = bundle.joinpath(manifest["metadata"]["agreement"]["clauses"]).parent
    except (OSError, ValueError, KeyError, TypeError):
        raise click.UsageError(f"{bundle} names no registry; give one with --registry") from None
    for name in ("data.yaml", "data.json"):
        if (folder / name).is_file():
            return folder / name
    raise click.UsageError(f"{folder} holds no registry; give one with --registry")


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise click.UsageError(f"{file} is not text in UTF-8") from wrong
