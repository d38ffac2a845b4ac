"""
`sidecar bundle`: make what ships, sign it, and look into it.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from sidecar.bundle import signing
from sidecar.bundle.build import Additions, open_bundle
from sidecar.bundle.build import build as build_bundle
from sidecar.bundle.inspection import Inspection
from sidecar.bundle.manifest import Manifest
from sidecar.bundle.opa import opa_binary
from sidecar.bundle.release import ReleaseDecision, asks_for_note
from sidecar.bundle.shipping import shop
from sidecar.delivery.failure import CODES, Refused
from sidecar.delivery.gate import Gate
from sidecar.delivery.settings import Bundles
from sidecar.engine.supervisor import SharedCount
from sidecar.errors import SettingsError

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_START_WITHIN_S = 30.0
_TARGET = Path("bundles/dist/decision.tar.gz")


@click.group()
def bundle() -> None:
    """Make what ships, sign it, and look into it."""


@bundle.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default=_TARGET, show_default=True
)
@click.option("--environment", type=_FOLDER, help="Data that is otherwise in an environment.")
@click.option(
    "--golden",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Decisions that the bundle promises: YAML, or a folder of it.",
)
@click.option("--number", type=click.IntRange(0, 2**49), help="What the revision begins with.")
def build(
    folder: Path,
    output: Path,
    environment: Path | None,
    golden: tuple[Path, ...],
    number: int | None,
) -> None:
    """Build a bundle of FOLDER: Rego and data with a `.manifest`.

    Exits 1 where it does not answer as it promises.
    """
    binary = opa_binary()
    try:
        additions = Additions(environment, golden, number)
        built = build_bundle(folder, output, opa=binary, additions=additions)
    except OSError as wrong:
        raise SettingsError(f"{output} cannot be written: {wrong.strerror}") from wrong
    if golden:
        _pass({"decision": built.path}, Bundles(golden_within_s=60.0), ())
    click.echo(f"{built.path} (revision {built.revision})")


@bundle.command()
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--key", "keys", type=_FILE, multiple=True, help="A public key that counts.")
@click.option("--min-revision", type=int, help="The least number a revision may begin with.")
def check(files: tuple[Path, ...], keys: tuple[Path, ...], min_revision: int | None) -> None:
    """See that FILES are fit to decide together, as a sidecar that fetches them does.

    Exits 1 where they are not.
    """
    named = {file.name.removesuffix(".tar.gz"): file for file in files}
    if len(named) < len(files):
        raise SettingsError("two files are called the same, and bundles are told by their names")
    _pass(named, Bundles(min_revision=min_revision, golden_within_s=60.0), keys)
    click.echo(f"{', '.join(map(str, files))}: fit to decide")


def _pass(files: Mapping[str, Path], settings: Bundles, keys: tuple[Path, ...]) -> None:
    """
    Stop with exit code 1 where bundles are not fit to decide.
    """
    gate = Gate(opa_binary(), settings, keys or None, _START_WITHIN_S, SharedCount())
    try:
        gate.let_through(files).stop()
    except Refused as wrong:
        which = files.get(wrong.bundle, ", ".join(map(str, files.values())))
        click.echo(f"{which}: {CODES[wrong.code]}: {wrong.details}", err=True)
        sys.exit(1)


@bundle.command()
@click.argument("file", type=_FILE)
@click.option("--key", type=_FILE, required=True, help="The private key, in PEM.")
@click.option("--key-id", required=True, help="The name that the public key is known by.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="By default FILE.")
def sign(file: Path, key: Path, key_id: str, output: Path | None) -> None:
    """Sign FILE, a built bundle. A signature that it has is replaced."""
    signing.sign(file, output or file, key=key, key_id=key_id, opa=opa_binary())
    click.echo(f"{output or file} (signed by {key_id})")


@bundle.command()
@click.argument("file", type=_FILE)
@click.option("--key", "keys", type=_FILE, multiple=True, required=True, help="A public key.")
def verify(file: Path, keys: tuple[Path, ...]) -> None:
    """See that FILE is signed by one of the keys.

    Exits 1 where it is not, or where it was changed since.
    """
    for key in keys:
        signing.public_algorithm(key)
    try:
        by = signing.verify(file, {str(key): key for key in keys}, opa=opa_binary())
    except SettingsError as wrong:
        click.echo(wrong.message, err=True)
        sys.exit(1)
    click.echo(f"{file} is signed by {by}")


@bundle.command()
@click.argument("file", type=_FILE)
@click.option("--note", type=_FILE, required=True, help="What changes, and who was told: YAML.")
def release(file: Path, note: Path) -> None:
    """Ask FILE's own agreement whether FILE may be released.

    Exits 1 where it may not; the clauses that stand in the way are cited.
    """
    _release(file, note)


def _release(file: Path, note: Path) -> None:
    """
    Tell what a bundle's agreement says of its release; stop with exit code 1 where it refuses.
    """
    found = ReleaseDecision.of(file, note, opa=opa_binary())
    verdict = "may be released" if found.allowed else f"must not be released: {found.reason}"
    click.echo(f"{file} {verdict}")
    for id_, says in found.clauses.items():
        click.echo(f"  {id_}: {says}")
    for name, values in (("missing", found.missing_facts), ("to do", found.obligations)):
        if values:
            click.echo(f"{name}: {', '.join(values)}")
    if not found.allowed:
        sys.exit(1)


@bundle.command()
@click.argument("file", type=_FILE)
@click.argument("address")
@click.option("--note", type=_FILE, help="What changes, and who was told: YAML, as for `release`.")
def push(file: Path, address: str, note: Path | None) -> None:
    """Put FILE where sidecars fetch it.

    Where FILE's agreement decides on releases, it is asked first, and exit code 1 says that it
    refuses: nothing is shipped then.

    ADDRESS is oci://registry/repository:tag, oci+http://… without TLS, or s3://bucket/key.
    Credentials are found as `docker login` and AWS' tools leave them.
    """
    revision = open_bundle(file).revision
    there = shop(address)
    if note is not None:
        _release(file, note)
    elif asks_for_note(file):
        raise SettingsError(f"{file} is released by its agreement: --note is needed")
    there.put(file)
    click.echo(f"{address} (revision {revision})")


@bundle.command()
@click.argument("address")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
def pull(address: str, output: Path) -> None:
    """Get the bundle that is at ADDRESS, as `push` takes it."""
    shop(address).get(output)
    click.echo(f"{output} (revision {open_bundle(output).revision})")


@bundle.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Write all of it as JSON.")
def inspect(file: Path, as_json: bool) -> None:
    """Say what is in FILE: its revision, agreement, clauses, switches, signatures."""
    found = Inspection.of(file, opa=opa_binary())
    if as_json:
        click.echo(json.dumps(found.said(), indent=2))
        return
    for name, value in _lines(found):
        click.echo(f"{name:<14}{value}")


def _of_decision(found: Inspection, manifest: Manifest) -> Iterator[tuple[str, str]]:
    if manifest.agreement:
        yield "agreement", f"{manifest.agreement.id}, {manifest.agreement.version}"
    if found.clauses:
        ruled = sum(how == "rule" for how in found.clauses.values())
        yield "clauses", f"{len(found.clauses)}, of which {ruled} are decided by a rule"
    switched = (f"{name} = {json.dumps(value)}" for name, value in found.switches.items())
    yield "switches", ", ".join(switched) or "all as they ship"
    yield "decision", "/".join(manifest.decision)
    yield "searches", ", ".join(manifest.search) or "none"
    yield "reads", ", ".join(manifest.reads) or "nothing"
    yield "deterministic", "yes" if manifest.deterministic else "no"


def _lines(found: Inspection) -> Iterator[tuple[str, str]]:
    yield "revision", found.revision or "none"
    yield "roots", ", ".join(found.roots) if all(found.roots) else "everything"
    if found.manifest:
        yield from _of_decision(found, found.manifest)
    else:
        yield "decision", "none: it holds data for another bundle"
    yield "signed by", ", ".join(found.signed_by) or "nobody"
    yield "size", f"{len(found.files)} files, {sum(found.files.values())} bytes"
