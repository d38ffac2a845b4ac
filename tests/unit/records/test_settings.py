"""
What may be set about records: each mistake and its exact message.
"""

from pathlib import Path

import pytest

from sidecar.errors import SettingsError
from sidecar.records.settings import Records
from sidecar.settings import Settings


def _read(folder: Path, records: str) -> Records:
    (folder / "short").write_text("short")
    (folder / "key").write_text("a key of some length\n")
    config = folder / "config.yaml"
    config.write_text(f"records: {records.replace('HERE', str(folder))}\n", "utf-8")
    return Settings.from_environment({"SIDECAR_CONFIG": str(config)}).records


@pytest.mark.parametrize(
    ("given", "message"),
    {
        "{sink: syslog}": "records.sink must be one of stdout, file, http, none, got 'syslog'",
        "{mode: fast}": "records.mode must be one of best_effort, durable, got 'fast'",
        "{ids: plain}": "records.ids must be one of drop, hash, clear, got 'plain'",
        "{at_bound: wait}": "records.at_bound must be one of refuse, drop, got 'wait'",
        "{ids: hash}": "records.ids hash must go with records.key, which is missing",
        "{ids: hash, key: HERE/none}": "records.key must be a file, got 'HERE/none'",
        "{key: HERE/short}": "records.key must hold at least 16 bytes, got 5",
        "{mode: durable}": (
            "records.mode durable must go with records.sink file or http, got 'stdout'"
        ),
        "{sink: file}": "records.folder is missing: where files of records are",
        "{sink: http, url: 'http://a', mode: durable}": (
            "records.folder is missing: where files of records are"
        ),
        "{sink: file, folder: HERE/none}": "records.folder must be a folder, got 'HERE/none'",
        "{sink: http}": "records.url is missing: where records are sent",
        "{sink: http, url: 'ftp://a'}": (
            "records.url must be http://… or https://…, with a host, and no name and password"
        ),
        "{sink: http, url: 'http://me:SECRET@a'}": (
            "records.url must be http://… or https://…, with a host, and no name and password"
        ),
        "{max_bytes: 1}": "records.max_bytes must be from 65536 to 1099511627776, got 1",
        "{segment_bytes: 1}": "records.segment_bytes must be from 4096 to 1073741824, got 1",
        "{segment_bytes: 70000, max_bytes: 65536}": (
            "records.segment_bytes must be at most records.max_bytes, got 70000"
        ),
        "{waiting: 0}": "records.waiting must be from 1 to 1000000, got 0",
        "{upload_bytes: 1}": "records.upload_bytes must be from 1024 to 67108864, got 1",
        "{upload_within_s: 0}": "records.upload_within_s must be from 0.1 to 300, got 0",
        "{upload_every_s: 0}": "records.upload_every_s must be from 0.01 to 3600, got 0",
        "{ca: HERE/none}": "records.ca must be a file, got 'HERE/none'",
        "{token_file: HERE/none}": "records.token_file must be a file, got 'HERE/none'",
        "{sinks: file}": (
            "records.sinks is unknown; known are sink, mode, ids, key, folder, segment_bytes, "
            "max_bytes, at_bound, waiting, url, ca, token_file, upload_bytes, upload_within_s, "
            "upload_every_s"
        ),
        "{sink: no}": "records.sink must be a text, got False",
    }.items(),
)
def test_a_mistake_has_its_sentence(tmp_path: Path, given: str, message: str):
    """
    It stops the start with one sentence that names it.
    """
    with pytest.raises(SettingsError) as wrong:
        _read(tmp_path, given)

    assert wrong.value.message == message.replace("HERE", str(tmp_path))


def test_the_key_is_read_without_its_line_end(tmp_path: Path):
    """
    Editors put one there.
    """
    read = _read(tmp_path, "{ids: hash, key: HERE/key}")

    assert read.secret() == b"a key of some length"
    assert Records().secret() is None
