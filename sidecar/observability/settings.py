"""
Where traces go, and how many are drawn.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sidecar.errors import SettingsError
from sidecar.strict import between, existing
from sidecar.urls import check_receiver

_PATH: Final = "/v1/traces"
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Traces:
    """
    Where traces go, and how many are drawn.

    Attributes:
        url: What takes them over OTLP/HTTP; None where none are drawn.

        sample: Which part of the requests is drawn whose callers do not say whether.

        opa: Whether our own OPA draws its part, too.

        ca: Certificates that the receiver's must be signed by; the system's where there are none.

        token_file: A file with the bearer token that the receiver asks for.

        waiting: How many spans may wait to be sent, in each worker.

        upload_within_s: How long one upload may take, with all its tries.
    """

    url: str | None = None
    sample: float = 1.0
    opa: bool = True
    ca: Path | None = None
    token_file: Path | None = None
    waiting: int = 4096
    upload_within_s: float = 5.0

    def __post_init__(self) -> None:
        """
        Refuse what is out of range, what cannot be used, and what OPA cannot do.
        """
        between("traces.sample", self.sample, 0, 1)
        between("traces.waiting", self.waiting, 512, 1_000_000)
        between("traces.upload_within_s", self.upload_within_s, 0.1, 300)
        for name in ("ca", "token_file"):
            existing(f"traces.{name}", getattr(self, name))
        if self.url is None:
            return
        check_receiver("traces.url", self.url)
        if self.opa and (self.token_file or urlsplit(self.url).path != _PATH):
            raise SettingsError(
                f"traces.opa must be false, unless traces.url ends in {_PATH} and there is no "
                "traces.token_file: OPA sends to no other path, and no token"
            )

    def token(self) -> str | None:
        """
        Read the receiver's token, where one is set.

        Raises:
            OSError: It cannot be read.
        """
        return None if self.token_file is None else self.token_file.read_text("ascii").strip()

    def of_opa(self) -> tuple[str, ...]:
        """
        Return the arguments by which OPA draws its part: of requests alone that we draw.
        """
        if self.url is None or not self.opa:
            return ()
        parts = urlsplit(self.url)
        port = "" if parts.port else f":{_PORTS[parts.scheme]}"
        settings = {
            "type": "http",
            "address": parts.netloc + port,
            "encryption": "tls" if parts.scheme == "https" else "off",
            # Of what nobody draws, nothing: whether a trace is drawn is decided where it begins.
            "sample_percentage": "0",
            "batch_span_processor_options.batch_timeout_ms": "1000",
        }
        if self.ca is not None:
            settings["tls_ca_cert_file"] = str(self.ca.absolute())
        return tuple(
            argument
            for name, value in settings.items()
            for argument in ("--set", f"distributed_tracing.{name}={_escaped(value)}")
        )


def _escaped(value: str) -> str:
    # A comma would begin another setting.
    return value.replace("\\", "\\\\").replace(",", "\\,")
