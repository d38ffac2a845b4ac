"""
sidecar.observability.traces and its settings: what is said of mistakes, and what it costs where it
is not wanted.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.errors import SettingsError
from sidecar.observability.settings import Traces
from sidecar.observability.spans import outgoing, spanned
from sidecar.settings import Settings
from tests.e2e.serve import COMMAND, ROOT, free_port

ADDRESS = "must be http://… or https://…, with a host, and no name and password"

MISTAKES = {
    "{sample: 1.5}": "traces.sample must be from 0 to 1, got 1.5",
    "{waiting: 1}": "traces.waiting must be from 512 to 1000000, got 1",
    "{upload_within_s: 0}": "traces.upload_within_s must be from 0.1 to 300, got 0",
    "{ca: /nowhere/ca.pem}": "traces.ca must be a file, got '/nowhere/ca.pem'",
    "{url: 'ftp://collector/v1/traces'}": f"traces.url {ADDRESS}",
    "{url: 'http://me:secret@collector/v1/traces'}": f"traces.url {ADDRESS}",
    "{url: 'http://collector/elsewhere'}": (
        "traces.opa must be false, unless traces.url ends in /v1/traces and there is no "
        "traces.token_file: OPA sends to no other path, and no token"
    ),
    "{address: x}": (
        "traces.address is unknown; known are url, sample, opa, ca, token_file, waiting, "
        "upload_within_s"
    ),
}


@pytest.mark.parametrize("given", MISTAKES)
def test_a_mistake_has_its_sentence(tmp_path: Path, given: str):
    """
    Each names the key, and what would be right.
    """
    config = tmp_path / "config"
    config.write_text(f"traces: {given}")

    with pytest.raises(SettingsError) as wrong:
        Settings.from_environment({"SIDECAR_CONFIG": str(config)})

    assert wrong.value.message == MISTAKES[given]


def test_a_token_is_read_without_its_line_end(tmp_path: Path):
    """
    And OPA, which cannot send one, is left out.
    """
    file = tmp_path / "token"
    file.write_text("secret\n")
    settings = Traces("https://collector/other", opa=False, token_file=file)

    assert settings.token() == "secret"
    assert settings.of_opa() == ()
    assert Traces().token() is None


def test_what_opa_is_told(tmp_path: Path):
    """
    Where the collector is, with its port, whether over TLS, and that it decides nothing by itself.
    """
    ca = tmp_path / "a,b.pem"
    ca.write_text("")
    arguments = Traces("https://collector/v1/traces", ca=ca).of_opa()

    assert arguments[::2] == ("--set",) * (len(arguments) // 2)
    told = dict(argument.split("=", 1) for argument in arguments[1::2])
    assert told == {
        "distributed_tracing.type": "http",
        "distributed_tracing.address": "collector:443",
        "distributed_tracing.encryption": "tls",
        "distributed_tracing.sample_percentage": "0",
        "distributed_tracing.batch_span_processor_options.batch_timeout_ms": "1000",
        "distributed_tracing.tls_ca_cert_file": str(ca).replace(",", "\\,"),
    }
    assert "distributed_tracing.address=c:4318" in Traces("http://c:4318/v1/traces").of_opa()
    assert Traces().of_opa() == ()


def test_where_nobody_draws_nothing_is_told():
    """
    A function is only called, and nothing is sent on.
    """
    told: list[object] = []

    def attributes(result: int) -> dict[str, str]:
        told.append(result)
        return {}

    @spanned("name", attributes)
    def one() -> int:
        return 1

    assert (one(), told, outgoing()) == (1, [], {})


def test_nothing_is_imported_where_nothing_is_set():
    """
    All that serves is there, and nothing of OpenTelemetry.
    """
    modules = "sys, sidecar.app, sidecar.server, sidecar.cli.serve"
    code = f"import {modules}; print('opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)

    assert done.stdout == b"False\n"


def test_a_missing_part_stops_the_start(tmp_path: Path):
    """
    Where traces are wanted and what draws them is not installed, the start says what to do.
    """
    (tmp_path / "opentelemetry.py").write_text("raise ImportError")
    config = tmp_path / "config"
    config.write_text("traces: {url: 'http://127.0.0.1:4318/v1/traces'}")
    settings = {
        "PYTHONPATH": str(tmp_path),
        "SIDECAR_CONFIG": str(config),
        "SIDECAR_LISTEN": f"127.0.0.1:{free_port()}",
    }
    done = subprocess.run(
        COMMAND, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "sidecar: opentelemetry is needed: pip install 'sidecar[otel]'\n"
