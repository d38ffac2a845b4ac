"""
Bundles made and spoilt for tests of delivery.
"""

import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sidecar.bundle.build import Additions, build
from tests.credentials import Keys
from tests.running import BUNDLES

Files = dict[str, bytes]
Spoil = Callable[[Files], None]

POLICY = "park/decision/decision.rego"
DATA = "data.json"
WALK = {
    "subject": {"type": "guest", "id": "g"},
    "action": {"name": "walk"},
    "resource": {"type": "park", "id": "p"},
}
GOLDEN = """\
- name: Walking
  request: {subject: {type: guest, id: g}, action: {name: walk}, resource: {type: park, id: p}}
  expect: {decision: true, reason: permitted, clauses: [7-a], obligations: []}
- name: Swimming
  request: {subject: {type: guest, id: g}, action: {name: swim}, resource: {type: park, id: p}}
  expect: {decision: false, missing_facts: [age, swims_well]}
"""


@dataclass(frozen=True, slots=True)
class Workshop:
    """
    Makes bundles of the park's rules, signed or not.

    Attributes:
        folder: A folder of its own.

        opa: OPA's binary.

        keys: Keys to sign with.
    """

    folder: Path
    opa: Path
    keys: Keys

    def park(self, number: int, *, walks: bool = True) -> Files:
        """
        Make the files of a bundle, with promises.

        Args:
            number: What its revision begins with.

            walks: Whether one may walk, which it promises.
        """
        with TemporaryDirectory(dir=self.folder) as beside:
            source = Path(beside, "source")
            files = {
                file.relative_to(BUNDLES / "explained").as_posix(): file.read_bytes()
                for file in (BUNDLES / "explained").rglob("*")
                if file.is_file()
            }
            manifest = json.loads(files[".manifest"])
            manifest["revision"] = f"park-{'walk' if walks else 'stay'}"
            files[".manifest"] = json.dumps(manifest).encode()
            golden = GOLDEN
            if not walks:
                before = b'decision := {"decision": true, "context": {\n\t"reason": "permitted"'
                after = before.replace(b"true", b"false")
                assert before in files[POLICY]
                files[POLICY] = files[POLICY].replace(before, after)
                golden = golden.replace("{decision: true", "{decision: false")
            _write(source, files)
            promises = Path(beside, "golden.yaml")
            promises.write_text(golden, "utf-8")
            target = Path(beside, "bundle.tar.gz")
            build(source, target, opa=self.opa, additions=Additions(None, (promises,), number))
            return unpacked(target.read_bytes())

    def signed(self, files: Mapping[str, bytes], key: str) -> Files:
        """
        Sign files as they are, whether a policy compiles or not.
        """
        with TemporaryDirectory(dir=self.folder) as beside:
            _write(Path(beside, "files"), files)
            claims = Path(beside, "claims.json")
            claims.write_text(json.dumps({"keyid": key}), "utf-8")
            private = self.folder / f"{key}.key"
            command: list[str | Path] = [
                *(self.opa, "sign", "--signing-alg", "ES256", "--signing-key", private),
                *("--claims-file", claims, "--bundle", ".", "--output-file-path", ".."),
            ]
            subprocess.run(command, cwd=f"{beside}/files", check=True, capture_output=True)
            signatures = Path(beside, ".signatures.json").read_bytes()
            return {**files, ".signatures.json": signatures}


def packed(files: Mapping[str, bytes], *odd: tarfile.TarInfo) -> bytes:
    """
    Make a tarball, with odd entries at its end.
    """
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for entry in odd:
            tar.addfile(entry, io.BytesIO(b"x" * entry.size))
    return held.getvalue()


def unpacked(content: bytes) -> Files:
    """
    Read a tarball.
    """
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {
            member.name.lstrip("/"): file.read()
            for member in tar
            if (file := tar.extractfile(member)) is not None
        }


def with_manifest(files: Files, change: Callable[[dict[str, Any]], object]) -> None:
    """
    Change what a bundle says of itself.
    """
    manifest = json.loads(files[".manifest"])
    change(manifest)
    files[".manifest"] = json.dumps(manifest).encode()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
