"""
A sidecar that runs beside an editor, on what is offered to it: over the way that bundles take
everywhere.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

_STOPS_WITHIN_S: Final = 30


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """
        Say nothing: OPA asks each second.
        """


@contextmanager
def sidecar_beside(folder: Path, offered: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """
    Run a sidecar that takes a bundle as often as it changes.

    Args:
        folder: A private folder, for its configuration.

        offered: The bundle's tarball, alone in its folder.

    Returns:
        The process. Where it listens, SIDECAR_LISTEN says, as with `sidecar serve`.
    """
    handler = partial(_Silent, directory=str(offered.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        fetching = {
            "services": {"edits": {"url": f"http://127.0.0.1:{server.server_address[1]}"}},
            "bundles": {
                "decision": {
                    "service": "edits",
                    "resource": offered.name,
                    "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1},
                }
            },
        }
        (folder / "opa.json").write_text(json.dumps(fetching), "utf-8")
        config = folder / "sidecar.json"
        config.write_text(json.dumps({"bundles": {"config": f"{folder}/opa.json"}}), "utf-8")
        environment = {**os.environ, "SIDECAR_CONFIG": str(config)}
        environment.pop("SIDECAR_BUNDLE", None)
        process = subprocess.Popen([sys.executable, "-m", "sidecar", "serve"], env=environment)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(_STOPS_WITHIN_S)
            server.shutdown()
            thread.join()
