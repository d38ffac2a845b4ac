"""
What records hold, where they go, and what becomes of a decision that none can be kept of.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.errors import SettingsError
from sidecar.strict import between, existing, one_of
from sidecar.urls import check_receiver

SINKS: Final = ("stdout", "file", "http", "none")
MODES: Final = ("best_effort", "durable")
IDS: Final = ("drop", "hash", "clear")
AT_BOUND: Final = ("refuse", "drop")

_LEAST_KEY: Final = 16


@dataclass(frozen=True, slots=True)
class Records:
    """
    What records hold, and where they go.

    Attributes:
        sink: stdout, file (into `folder`), http (to `url`), or none.

        mode: best_effort: an answer does not wait for its record. durable: it leaves only after its
            record is safe in `folder`.

        ids: What becomes of names of subjects, resources, recipients, callers and requests: drop,
            hash (by `key`) or clear.

        key: A file with the secret that ids are hashed with, and checkpoints are sealed with.

        folder: Where files of records are.

        segment_bytes: How large such a file gets.

        max_bytes: How large all of them may get.

        at_bound: What becomes of an answer whose record cannot be kept in mode durable: refuse (it
            is 503) or drop (the record is missing, and counted).

        waiting: How many records may wait to be written in mode best_effort.

        url: Where they are sent: what OPA sends its decision logs to.

        ca: Certificates that the receiver's must be signed by; the system's where there are none.

        token_file: A file with the bearer token that the receiver asks for.

        upload_bytes: How large one upload may be, before it is compressed.

        upload_within_s: How long one upload may take.

        upload_every_s: How long records may wait to be sent in mode durable.
    """

    sink: str = "stdout"
    mode: str = "best_effort"
    ids: str = "drop"
    key: Path | None = None
    folder: Path | None = None
    segment_bytes: int = 16_777_216
    max_bytes: int = 1_073_741_824
    at_bound: str = "refuse"
    waiting: int = 10_000
    url: str | None = None
    ca: Path | None = None
    token_file: Path | None = None
    upload_bytes: int = 1_048_576
    upload_within_s: float = 10.0
    upload_every_s: float = 1.0

    def __post_init__(self) -> None:
        """
        Refuse what there is not, what is out of range, and what does not go together.
        """
        one_of("records.sink", self.sink, SINKS)
        one_of("records.mode", self.mode, MODES)
        one_of("records.ids", self.ids, IDS)
        one_of("records.at_bound", self.at_bound, AT_BOUND)
        between("records.segment_bytes", self.segment_bytes, 4096, 1_073_741_824)
        between("records.max_bytes", self.max_bytes, 65_536, 1_099_511_627_776)
        between("records.waiting", self.waiting, 1, 1_000_000)
        between("records.upload_bytes", self.upload_bytes, 1024, 67_108_864)
        between("records.upload_within_s", self.upload_within_s, 0.1, 300)
        between("records.upload_every_s", self.upload_every_s, 0.01, 3600)
        for name in ("key", "ca", "token_file"):
            existing(f"records.{name}", getattr(self, name))
        self._check_fit()
        self.secret()

    @property
    def durable(self) -> bool:
        """
        Whether an answer waits for its record.
        """
        return self.mode == "durable"

    def secret(self) -> bytes | None:
        """
        Read the key, where one is set.

        Raises:
            SettingsError: It cannot be read, or is too short to be one.
        """
        if self.key is None:
            return None
        try:
            secret = self.key.read_bytes().strip()
        except OSError as wrong:
            raise SettingsError(f"records.key cannot be read: {wrong.strerror}") from wrong
        if len(secret) < _LEAST_KEY:
            raise SettingsError(
                f"records.key must hold at least {_LEAST_KEY} bytes, got {len(secret)}"
            )
        return secret

    def token(self) -> str | None:
        """
        Read the receiver's token, where one is set.

        Raises:
            OSError: It cannot be read.
        """
        return None if self.token_file is None else self.token_file.read_text("ascii").strip()

    def _check_fit(self) -> None:
        if self.ids == "hash" and self.key is None:
            raise SettingsError("records.ids hash must go with records.key, which is missing")
        if self.durable and self.sink not in ("file", "http"):
            raise SettingsError(
                f"records.mode durable must go with records.sink file or http, got {self.sink!r}"
            )
        if (self.durable or self.sink == "file") and self.folder is None:
            raise SettingsError("records.folder is missing: where files of records are")
        if self.folder is not None and not self.folder.is_dir():
            raise SettingsError(f"records.folder must be a folder, got {str(self.folder)!r}")
        if self.segment_bytes > self.max_bytes:
            raise SettingsError(
                f"records.segment_bytes must be at most records.max_bytes, got {self.segment_bytes}"
            )
        if self.sink == "http" and self.url is None:
            raise SettingsError("records.url is missing: where records are sent")
        if self.url is not None:
            check_receiver("records.url", self.url)
