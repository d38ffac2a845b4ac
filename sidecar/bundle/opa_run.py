"""
OPA's command line, run on a bundle that is being made.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.errors import MissingPart, SettingsError

_TAKES_AT_MOST_S: Final = 120


@dataclass(frozen=True, slots=True)
class OpaRun:
    """
    Runs OPA on a copy of a bundle's sources.

    Attributes:
        opa: OPA's binary.

        folder: The copy.

        source: What the operator named, for messages.
    """

    opa: Path
    folder: Path
    source: Path

    def said(self, *arguments: str) -> str:
        """
        Run OPA, and return what it printed.

        Raises:
            SettingsError: OPA does not take the bundle; the message has what it says.
            MissingPart: OPA cannot be run, or takes too long.
        """
        done = self.done(*arguments)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise SettingsError(f"OPA does not take the bundle {self.source}:\n{said}")
        return done.stdout

    def done(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """
        Run OPA, whatever comes of it.

        Raises:
            MissingPart: OPA cannot be run, or takes too long.
        """
        # From within the copy, so that places in OPA's messages read as they do in the source.
        command = [str(self.opa.absolute()), *arguments]
        try:
            return subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True, timeout=_TAKES_AT_MOST_S
            )
        except (OSError, subprocess.TimeoutExpired) as wrong:
            raise MissingPart(f"OPA ({self.opa}) cannot be run, or takes too long.") from wrong
