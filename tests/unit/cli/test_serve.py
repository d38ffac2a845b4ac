"""
`sidecar serve`, as far as it does not serve, and the command line as a whole.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.serve import free_port, running
from tests.running import BUNDLES


def _sidecar(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_right_settings_are_said_to_be():
    """
    With --check nothing is started: one line, exit code 0.
    """
    done = _sidecar("serve", "--check", PATH="")

    assert (done.returncode, done.stdout) == (0, "the settings are right\n")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIDECAR_LISTEN", "x"),
        ("SIDECAR_OPA_URL", "x"),
        ("SIDECAR_CONFIG", "x"),
        ("SIDECAR_X", "x"),
    ],
)
def test_wrong_settings_are_said_to_be(name, value):
    """
    With --check a wrong setting is one sentence on stderr that names it; exit code 2.
    """
    done = _sidecar("serve", "--check", **{name: value})

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sidecar: ")
    assert (value if name == "SIDECAR_CONFIG" else name) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_route_table_with_a_mistake_is_said_to_be(tmp_path: Path):
    """
    With --check the route table is read, too: a mistake is named by its file and its place.
    """
    config, routes = tmp_path / "config.yaml", tmp_path / "routes.yaml"
    config.write_text(f"forward_auth: {{routes: {routes}, proxy: nginx}}\n", "utf-8")
    routes.write_text("routes: [{match: {}}]\n", "utf-8")

    done = _sidecar("serve", "--check", SIDECAR_CONFIG=str(config))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sidecar: {routes}: routes.0.ask is missing\n"


def test_a_file_with_a_mistake_is_said_to_be(tmp_path: Path):
    """
    A mistake in the file is named by its key.
    """
    file = tmp_path / "config.yaml"
    file.write_text("server: {workers: 0}\n", "utf-8")
    done = _sidecar("serve", "--check", SIDECAR_CONFIG=str(file))

    assert done.returncode == 2
    assert done.stderr == "sidecar: server.workers must be from 1 to 64, got 0\n"


@pytest.mark.parametrize("arguments", [("serve", "--port", "1"), ("serve", "x"), ("server",), ()])
def test_wrong_use(arguments):
    """
    What the command line does not know exits 2, and says how it is used.
    """
    done = _sidecar(*arguments)

    assert done.returncode == 2
    assert "Usage: " in done.stderr


@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_help(asked):
    """
    The commands are listed, each with what it does.
    """
    done = _sidecar(asked)

    assert done.returncode == 0
    listed = re.findall(r"^  (\w+) +[A-Z]", done.stdout.partition("Commands:")[2], re.MULTILINE)
    assert listed == [
        *("agreement", "bundle", "opa", "records", "registers"),
        *("replay", "serve", "watch", "webhook"),
    ]


def test_a_mistyped_command():
    """
    Of a command that there is not, the nearest one is told.
    """
    done = _sidecar("serv")

    assert done.returncode == 2
    assert "Did you mean 'serve'?" in done.stderr


def test_version():
    """
    The version is that of the package.
    """
    assert _sidecar("--version").stdout.startswith("python -m sidecar, version ")


def test_other_machines_are_warned_of():
    """
    Where other machines can ask, and may, a line on stderr says what that means.
    """
    config, address = "listen_beyond_loopback: true\n", f"0.0.0.0:{free_port()}"
    bundle = str(BUNDLES / "boolean")
    with running(config, SIDECAR_LISTEN=address, SIDECAR_BUNDLE=bundle) as sidecar:
        first, *_ = sidecar.stderr.splitlines()

        assert first == "WARNING: other machines can ask too, and callers are not authenticated."
        assert sidecar.stdout.startswith(f"listening on http://{address} with bundle revision ")
