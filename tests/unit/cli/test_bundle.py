"""
`sidecar bundle build`.
"""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.running import BUNDLES


def _build(
    *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", "bundle", "build", *arguments],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_built_is_named(tmp_path: Path):
    """
    One line names the tarball, in a folder that is made for it, and the bundle's revision.
    """
    target = tmp_path / "new/folder/bundle.tar.gz"
    done = _build(BUNDLES / "faulty", "--output", target)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{target} (revision faulty-1)\n"
    with tarfile.open(target) as tar:
        assert "/.manifest" in tar.getnames()


def test_where_it_is_built_unless_said_otherwise(tmp_path: Path):
    """
    Without --output the tarball is bundles/dist/decision.tar.gz below where one is.
    """
    done = _build(BUNDLES / "boolean", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith("bundles/dist/decision.tar.gz (revision ")
    assert (tmp_path / "bundles/dist/decision.tar.gz").is_file()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("a/a.rego", "package a\n\nallow if {\n\tinput.x ==\n}\n", "a/a.rego:5: rego_parse_error"),
        ("a/a.rego", "package a\n\nallow := nothing\n", "a/a.rego:3: rego_unsafe_var_error"),
        ("a/data.yaml", "a: [\n", "a/data.yaml"),
        (".manifest", "{", ".manifest is not JSON"),
        (".manifest", None, ".manifest is missing: it says which rule decides"),
        (".manifest", "{}", ".manifest: metadata is missing"),
        (
            ".manifest",
            '{"metadata": {"authzen": {}}}',
            ".manifest: metadata.authzen.decision is missing",
        ),
        (
            ".manifest",
            '{"metadata": {"authzen": {"decision": "a/forbid"}}}',
            ".manifest: metadata.authzen.decision names no rule: a/forbid",
        ),
    ],
)
def test_a_broken_folder_is_wrong_use(tmp_path: Path, file, content, said):
    """
    What is wrong is said with its file and row, the exit code is 2, and there is no tarball.
    """
    (tmp_path / "a").mkdir()
    (tmp_path / "a/a.rego").write_text("package a\n\ndefault allow := false\n", "utf-8")
    manifest = '{"metadata": {"authzen": {"decision": "a/allow"}}}'
    (tmp_path / ".manifest").write_text(manifest, "utf-8")
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content, "utf-8")
    target = tmp_path / "bundle.tar.gz"

    done = _build(tmp_path, "--output", target)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sidecar: ")
    assert said in done.stderr
    assert not target.exists()


def test_a_folder_that_is_not_there_is_wrong_use(tmp_path: Path):
    """
    A folder that does not exist is named; the exit code is 2.
    """
    done = _build(tmp_path / "nowhere")

    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere' does not exist" in done.stderr


def test_a_target_that_cannot_be_written_is_wrong_use(tmp_path: Path):
    """
    A tarball that has no place is named in one sentence; the exit code is 2.
    """
    (tmp_path / "file").touch()
    done = _build(BUNDLES / "boolean", "--output", tmp_path / "file/bundle.tar.gz")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"sidecar: {tmp_path}/file/bundle.tar.gz cannot be written: ")
    assert done.stderr.count("\n") == 1


def test_without_opa_nothing_is_built(tmp_path: Path):
    """
    With neither OPA nor Go a sentence says what to do; the exit code is 3.
    """
    target = tmp_path / "bundle.tar.gz"
    cache = str(tmp_path)
    source = BUNDLES / "boolean"
    done = _build(source, "--output", target, PATH="", XDG_CACHE_HOME=cache, PIP_NO_INDEX="1")

    assert (done.returncode, done.stdout) == (3, "")
    assert "Install OPA" in done.stderr
    assert not target.exists()
