"""
What is measured: the policies as they ship, and the requests they are asked.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.bundle.build import build
from sidecar.bundle.manifest import Manifest
from sidecar.bundle.opa import opa_binary

REQUESTS = Path(__file__).with_name("requests")


@dataclass(frozen=True, slots=True)
class Built:
    """
    A bundle, built from a folder, with the OPA that built it.

    Attributes:
        opa: OPA's binary.

        path: The tarball.

        decision: Path of the rule that decides.
    """

    opa: Path
    path: Path
    decision: tuple[str, ...]


@contextmanager
def built(source: Path) -> Iterator[Built]:
    """
    Build a folder of Rego and data, for as long as the caller needs the bundle.
    """
    opa = opa_binary()
    manifest = Manifest.from_document(json.loads((source / ".manifest").read_text("utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        bundle = build(source, Path(folder, "bundle.tar.gz"), opa=opa)
        yield Built(opa, bundle.path, manifest.decision)


def evaluations(requests: Path) -> dict[str, dict[str, Any]]:
    """
    Read the AuthZEN evaluations of a folder, by their files' names.

    Raises:
        FileNotFoundError: There is none: measuring nothing must not look like a result.
    """
    found = {
        file.stem: json.loads(file.read_text("utf-8")) for file in sorted(requests.glob("*.json"))
    }
    if not found:
        raise FileNotFoundError(f"{requests} holds no requests")
    return found
