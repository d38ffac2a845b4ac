"""
The OPA that fetches bundles, and what it says of them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sidecar.delivery.failure import Refused, code_of_status
from sidecar.delivery.opa_config import FETCHED
from sidecar.engine.client import Opa
from sidecar.engine.supervisor import Job

_CONFIG: Final = "opa.json"


@dataclass(frozen=True, slots=True)
class Fetch:
    """
    How things stand with a bundle that OPA fetches.

    Attributes:
        revision: Revision of the newest that OPA took; None where there is none yet.

        asked_at: When it was last asked for, in seconds since 1970; 0 for never.

        confirmed_at: When it was last seen to be the newest; None for never.

        failure: What was wrong the last time; None where nothing was.
    """

    revision: str | None
    asked_at: float
    confirmed_at: float | None
    failure: Refused | None

    @classmethod
    def from_status(cls, name: str, status: Mapping[str, Any]) -> "Fetch":
        """
        Read what OPA's status says of a bundle.
        """
        failure = None
        if status.get("code"):
            said = [str(status.get("message", "")), *map(_said, status.get("errors") or ())]
            failure = Refused(code_of_status(status), name, "; ".join(said))
        # A revision may be empty; only what is active has been activated.
        activated = _seconds(status.get("last_successful_activation"))
        return cls(
            status.get("active_revision", "") if activated else None,
            _seconds(status.get("last_request")),
            _seconds(status.get("last_successful_request")) or None,
            failure,
        )


def fetching(config: Path) -> Job:
    """
    Say what OPA is started for that fetches.

    Args:
        config: Its configuration.
    """
    # What is fetched with is up to the operator: credentials, proxies, certificates.
    return Job(
        {_CONFIG: config}, ("--config-file", _CONFIG), dict(os.environ), ready={}, heard=False
    )


def fetched_file(home: Path, name: str) -> Path:
    """
    Say where OPA keeps a bundle's tarball.
    """
    return home / FETCHED / "bundles" / name / "bundle.tar.gz"


def fetches(opa: Opa) -> dict[str, Fetch]:
    """
    Ask OPA how things stand with each of its bundles.

    Raises:
        EngineError: It does not say.
    """
    status = opa.get_status()
    bundles = (status.get("result") or {}).get("bundles") or {}
    return {name: Fetch.from_status(name, bundle) for name, bundle in sorted(bundles.items())}


def _said(error: Any) -> str:
    if not isinstance(error, Mapping):
        return str(error)
    place = error.get("location") or {}
    return f"{place.get('file', '')}:{place.get('row', '')}: {error.get('message', '')}"


def _seconds(time: Any) -> float:
    if not isinstance(time, str):
        return 0.0
    try:
        return max(0.0, datetime.fromisoformat(time).timestamp())
    except (ValueError, OverflowError):
        return 0.0
