"""
Make a bundle of a folder of Rego and data, or take one that is made already.
"""

import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sidecar.bundle import analysis, constants
from sidecar.bundle.environment import merged
from sidecar.bundle.golden import document_of
from sidecar.bundle.manifest import DataPath, Manifest, ManifestMalformed
from sidecar.bundle.opa_run import OpaRun
from sidecar.bundle.revision import numbered
from sidecar.errors import SettingsError

_MANIFEST: Final = ".manifest"
_MANIFEST_IN_TAR: Final = PurePosixPath("/", _MANIFEST)
_DATA: Final = frozenset({"data.json", "data.yaml", "data.yml"})
_SCHEMAS: Final = "schemas"

# One question for many evaluations: the ad hoc query that would do as well leaves failing builtins
# undefined.
_BATCH_RULE: Final = """\
package {package}

{rule}[i] := d if {{
	some i, item in input.items
	d := data.{decision} with input as item
}}
"""


@dataclass(frozen=True, slots=True)
class Additions:
    """
    What comes into a bundle beside its folder.

    Attributes:
        environment: A folder with documents of data that stand, changed, in the bundle's folder
            too; None for none.

        golden: Files or folders of decisions that the bundle promises.

        number: What the revision begins with, so that older and newer can be told; None where that
            does not matter.
    """

    environment: Path | None = None
    golden: tuple[Path, ...] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class BuiltBundle:
    """
    A bundle that OPA can be given.

    Attributes:
        path: The tarball.

        revision: Its revision; empty where a tarball was made without one.
    """

    path: Path
    revision: str


def take(source: Path, target: Path, *, opa: Path) -> BuiltBundle:
    """
    Take what the operator names: a folder by building it, a tarball as it is.

    Args:
        source: The folder or the tarball.

        target: The tarball to write, where there is something to build.

        opa: OPA's binary.

    Raises:
        SettingsError: There is nothing, or it is no bundle.
        MissingPart: OPA's binary cannot be run.
    """
    return build(source, target, opa=opa) if source.is_dir() else open_bundle(source)


def build(
    source: Path, target: Path, *, opa: Path, additions: Additions | None = None
) -> BuiltBundle:
    """
    Build a bundle of a folder (contract, section 3). Tests, schemas and hidden files stay out; a
    rule that decides many evaluations at once comes in; constants get their values. The same
    sources give the same bytes.

    Args:
        source: A folder of Rego and data with a `.manifest`.

        target: The tarball to write.

        opa: OPA's binary.

        additions: What comes in beside the folder.

    Raises:
        SettingsError: The manifest is wrong, or an addition, or OPA does not take the Rego or the
            data. The message names the file, and the key or the row.
        MissingPart: OPA's binary cannot be run.
    """
    additions = additions or Additions()
    sources = _sources(source)
    if additions.environment is not None:
        sources = merged(sources, additions.environment)
    document = _document(source / _MANIFEST, sources.get(_MANIFEST))
    manifest = _manifest(source / _MANIFEST, document)
    golden = (*manifest.decision[:-1], "sidecar_golden", "decisions")
    promised = _promised(additions.golden, golden)
    sources.update(promised)
    revision = manifest.revision or _digest(sources)
    if additions.number is not None:
        revision = numbered(additions.number, revision)
    batch = (*manifest.decision[:-1], "sidecar_batch", "decisions")
    named = {"batch": batch, **({"golden": golden} if promised else {})}
    completed = _completed(document, revision, named)
    files = {
        **sources,
        _MANIFEST: json.dumps(completed).encode(),
        f"{'/'.join(batch[:-1])}/sidecar_batch.rego": _batch_rule(manifest.decision, batch),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent.absolute(), prefix=".building-") as beside:
        run = OpaRun(opa, Path(beside, "copy"), source)
        made = Path(beside, "bundle.tar.gz")
        _write(run.folder, files)
        # Not optimised: that loses the annotations, gains nothing, and at the second level has
        # changed what a policy answers.
        command = ("build", "--bundle", ".", "--output", str(made))
        try:
            _write(run.folder, constants.worked_out(run, manifest.constants))
            _analyse(run, manifest, completed)
        except SettingsError:
            # Where OPA does not take the bundle, it says that best when it builds it.
            run.said(*command)
            raise
        run.said(*command)
        # In place only when it will do.
        made.replace(target)
    return BuiltBundle(target, revision)


def open_bundle(path: Path) -> BuiltBundle:
    """
    Take a tarball as it is. One that says nothing of a decision holds data for another bundle.

    Args:
        path: The tarball.

    Raises:
        SettingsError: It is no bundle, or its manifest is wrong.
    """
    try:
        with tarfile.open(path, "r:gz") as tar:
            manifests = [
                tar.extractfile(member).read()  # type: ignore[union-attr]
                for member in tar
                if member.isfile() and PurePosixPath("/", member.name) == _MANIFEST_IN_TAR
            ]
    except FileNotFoundError as wrong:
        raise SettingsError(f"there is no bundle {path}") from wrong
    except (OSError, EOFError, tarfile.TarError) as wrong:
        raise SettingsError(f"{path} is neither a folder nor a gzipped tarball") from wrong
    document = _document(path / _MANIFEST, next(iter(manifests), None))
    if holds_data_alone(document):
        return BuiltBundle(path, str(document.get("revision", "")))
    return BuiltBundle(path, _manifest(path / _MANIFEST, document).revision)


def holds_data_alone(manifest: Mapping[str, Any]) -> bool:
    """
    Whether a bundle, by its manifest, decides nothing, and holds data for another one.
    """
    metadata = manifest.get("metadata")
    roots = manifest.get("roots")
    decides = not isinstance(metadata, dict) or "authzen" in metadata
    # Without roots of its own it would own everything.
    return not decides and isinstance(roots, list) and "" not in roots


def _sources(source: Path) -> dict[str, bytes]:
    """
    Read what of a folder belongs in its bundle, by the path in it.
    """
    found = {file.relative_to(source).as_posix(): file.read_bytes() for file in _walk(source)}
    return dict(sorted(found.items()))


def _walk(source: Path) -> Iterator[Path]:
    if (source / _MANIFEST).is_file():
        yield source / _MANIFEST
    for folder, below, names in os.walk(source):
        here = Path(folder)
        below[:] = [name for name in below if name[0] != "." and (here, name) != (source, _SCHEMAS)]
        yield from (here / name for name in names if _belongs(name))


def _belongs(name: str) -> bool:
    is_rule = name.endswith(".rego") and not name.endswith("_test.rego")
    return (is_rule and name[0] != ".") or name in _DATA


def _document(where: Path, content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise SettingsError(f"{where} is missing: it says which rule decides")
    try:
        document = json.loads(content)
    except ValueError as wrong:
        raise SettingsError(f"{where} is not JSON: {wrong}") from wrong
    if not isinstance(document, dict):
        raise SettingsError(f"{where} must be a JSON object")
    return document


def _manifest(where: Path, document: dict[str, Any]) -> Manifest:
    try:
        return Manifest.from_document(document)
    except ManifestMalformed as wrong:
        raise SettingsError(f"{where}: {wrong}") from wrong


def _digest(sources: Mapping[str, bytes]) -> str:
    """
    Make a revision of what the sources are, and of nothing else.
    """
    sha256 = hashlib.sha256()
    for path, content in sources.items():
        sha256.update(f"{len(path.encode())} {len(content)} {path}".encode())
        sha256.update(content)
    return sha256.hexdigest()[:16]


def _completed(
    document: dict[str, Any], revision: str, named: Mapping[str, DataPath]
) -> dict[str, Any]:
    metadata = document["metadata"]
    authzen = {**metadata["authzen"], **{key: "/".join(path) for key, path in named.items()}}
    return {**document, "revision": revision, "metadata": {**metadata, "authzen": authzen}}


def _promised(golden: Sequence[Path], at: DataPath) -> dict[str, bytes]:
    if not golden:
        return {}
    content = json.dumps({at[-1]: document_of(golden)}, sort_keys=True).encode()
    return {"/".join((*at[:-1], "data.json")): content}


def _batch_rule(decision: DataPath, batch: DataPath) -> bytes:
    rule = _BATCH_RULE.format(
        package=".".join(batch[:-1]), rule=batch[-1], decision=".".join(decision)
    )
    return rule.encode()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _analyse(run: OpaRun, manifest: Manifest, completed: dict[str, Any]) -> None:
    """
    Have OPA look at the rules, and write what it finds into the copy's manifest.
    """
    # Each of them reads the whole bundle: they do that beside each other.
    with ThreadPoolExecutor() as pool:
        checked = pool.submit(check_rules, run, manifest)
        reads = pool.submit(analysis.reads, run, manifest.decision)
        nondeterministic = pool.submit(analysis.nondeterministic, run)
        checked.result()
        found = {"reads": reads.result(), "deterministic": not nondeterministic.result()}
    completed["metadata"]["authzen"].update(found)
    _write(run.folder, {_MANIFEST: json.dumps(completed).encode()})


def check_rules(run: OpaRun, manifest: Manifest) -> None:
    """
    See that there are the rules that a manifest names.

    Args:
        run: OPA, on the bundle's files.

        manifest: What the bundle says of itself.

    Raises:
        SettingsError: There is no such rule, or OPA does not take the bundle.
    """
    named = {
        "metadata.authzen.decision": manifest.decision,
        **{f"metadata.authzen.search.{kind}": path for kind, path in manifest.search.items()},
        **_release_rule(manifest),
    }
    # Asked once for all: each time OPA reads the whole bundle.
    query = "; ".join(f"data.{'.'.join(path)}" for path in named.values())
    said = run.said("deps", "--format=json", "--bundle=.", query)
    rules = [[part["value"] for part in rule] for rule in json.loads(said).get("virtual", [])]
    for key, path in named.items():
        wanted = ["data", *path]
        if not any(rule[: len(wanted)] == wanted for rule in rules):
            where = run.source / _MANIFEST
            raise SettingsError(f"{where}: {key} names no rule: {'/'.join(path)}")


def _release_rule(manifest: Manifest) -> dict[str, DataPath]:
    release = manifest.agreement.release if manifest.agreement else None
    return {"metadata.agreement.release": release} if release else {}
