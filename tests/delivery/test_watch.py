"""
`sidecar watch`: what an edit does is said, and the sidecar that runs is on it.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.delivery.workshop import GOLDEN, POLICY, WALK
from tests.e2e.serve import COMMAND, ROOT, Sidecar, free_port
from tests.running import BUNDLES, eventually


@contextmanager
def _watching(folder: Path) -> Iterator[tuple[Sidecar, Path]]:
    source = folder / "park"
    shutil.copytree(BUNDLES / "explained", source)
    (source / ".manifest").write_text(
        (source / ".manifest").read_text("utf-8").replace('"revision": "explained-1",', ""), "utf-8"
    )
    (folder / "golden.yaml").write_text(GOLDEN, "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [*COMMAND[:-1], "watch", str(source), "--golden", f"{folder}/golden.yaml"]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "SIDECAR_LISTEN": address, "PYTHONUNBUFFERED": "1"},
            stdout=out,
            stderr=err,
        )
    sidecar = Sidecar(process, address, folder)
    try:
        yield sidecar, source / POLICY
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _walks(sidecar: Sidecar) -> bool | None:
    try:
        decision: bool | None = sidecar.decide(WALK).json.get("decision")
        return decision
    except OSError:
        return None


def test_an_edit_is_seen_as_soon_as_it_is_saved(tmp_path: Path):
    """
    Its flips are named and the sidecar decides by it; one that does not build is said to be, and
    the one before goes on deciding.
    """
    with _watching(tmp_path) as (sidecar, policy):
        assert eventually(lambda: _walks(sidecar) is True, 60), sidecar.stderr
        assert "answered otherwise" not in sidecar.stdout
        text = policy.read_text("utf-8")
        before = 'decision := {"decision": true, "context": {\n\t"reason": "permitted"'
        assert before in text
        policy.write_text(text.replace(before, before.replace("true", "false")), "utf-8")

        assert eventually(lambda: _walks(sidecar) is False, 60), sidecar.stderr
        assert "Walking: permitted (permitted: 7-a) -> refused (permitted: 7-a)" in sidecar.stdout
        assert "answered otherwise than expected:\n  Walking" in sidecar.stdout
        policy.write_text("package park.decision\ndecision :=", "utf-8")
        assert eventually(lambda: "rego_parse_error" in sidecar.stderr, 60), sidecar.stdout
        assert _walks(sidecar) is False
        policy.write_text(text, "utf-8")
        assert eventually(lambda: _walks(sidecar) is True, 60), sidecar.stderr

    assert sidecar.process.returncode == 0, sidecar.stderr
