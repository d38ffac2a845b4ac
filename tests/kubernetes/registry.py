"""
A real OCI registry on this machine, and bundles pushed to it.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from tests.kubernetes.build import BIN
from tests.running import eventually

REPOSITORY: Final = "policies/csw-privacy"

# What OPA takes a bundle for.
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_READY_WITHIN_S: Final = 30.0


@dataclass
class Registry:
    """
    A registry.

    Attributes:
        port: Where it listens, at every address of this machine.

        folder: Where it keeps what it has: it may be ended and run again.
    """

    port: int
    folder: Path
    _process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """
        Run it for a while.
        """
        self._start()
        try:
            yield
        finally:
            self._stop()

    @contextmanager
    def away(self) -> Iterator[None]:
        """
        Be without it for a while.
        """
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        config = self.folder / "registry.yaml"
        config.write_text(
            json.dumps(
                {
                    "version": 0.1,
                    "log": {"level": "error"},
                    "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
                    "http": {"addr": f"0.0.0.0:{self.port}"},
                }
            ),
            "utf-8",
        )
        with (self.folder / "registry.log").open("ab") as log:
            command = [str(BIN / "registry"), "serve", str(config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        assert eventually(lambda: self._get("/v2/") == 200, _READY_WITHIN_S)

    def _stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()

    def push(self, bundle: Path, tag: str = "stable") -> None:
        """
        Push a bundle (OCI distribution 1.1, pushing manifests).
        """
        layer = self._blob(bundle.read_bytes())
        config = self._blob(b"{}")
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, **config},
            "layers": [{"mediaType": _LAYER, **layer}],
        }
        answer = requests.put(
            self._url(f"/v2/{REPOSITORY}/manifests/{tag}"),
            data=json.dumps(manifest),
            headers={"Content-Type": _MANIFEST},
            timeout=10,
        )
        assert answer.status_code == 201, answer.text

    def _blob(self, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        begun = requests.post(self._url(f"/v2/{REPOSITORY}/blobs/uploads/"), timeout=10)
        answer = requests.put(
            begun.headers["Location"],
            params={"digest": digest},
            data=content,
            headers={"Content-Type": "application/octet-stream"},
            timeout=10,
        )
        assert answer.status_code == 201, answer.text
        return {"digest": digest, "size": len(content)}

    def _get(self, path: str) -> int | None:
        try:
            return requests.get(self._url(path), timeout=5).status_code
        except requests.ConnectionError:
            return None

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"
