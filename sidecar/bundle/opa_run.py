"""
OPA's command line, run on a bundle that is being made.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sidecar import forks
from sidecar.bundle.manifest import DataPath
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

    def value(
        self,
        path: DataPath,
        question: Mapping[str, Any] | None = None,
        bundles: tuple[Path, ...] = (Path("."),),
    ) -> Any:
        """
        Evaluate a rule or a document, with strict builtin errors.

        Args:
            path: Where it is, below `data`.

            question: The input, where it is to have one.

            bundles: What is loaded; the copy unless said.

        Returns:
            Its value; None where it is undefined.

        Raises:
            SettingsError: OPA does not take the bundle, or a builtin fails.
            MissingPart: OPA cannot be run, or takes too long.
        """
        loaded = (argument for bundle in bundles for argument in ("--bundle", str(bundle)))
        query = f"data.{'.'.join(path)}"
        said = self.said(
            *("eval", "--format=json", "--strict-builtin-errors", "--stdin-input"),
            *(*loaded, query),
            stdin=json.dumps(question or {}),
        )
        results = json.loads(said).get("result")
        return results[0]["expressions"][0]["value"] if results else None

    def said(self, *arguments: str, stdin: str | None = None) -> str:
        """
        Run OPA, and return what it printed.

        Args:
            arguments: The command line.

            stdin: What OPA reads, where it reads something.

        Raises:
            SettingsError: OPA does not take the bundle; the message has what it says.
            MissingPart: OPA cannot be run, or takes too long.
        """
        done = self.done(*arguments, stdin=stdin)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise SettingsError(f"OPA does not take the bundle {self.source}:\n{said}")
        return done.stdout

    def done(self, *arguments: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """
        Run OPA, whatever comes of it.

        Raises:
            MissingPart: OPA cannot be run, or takes too long.
        """
        # From within the copy, so that places in OPA's messages read as they do in the source.
        command = [str(self.opa.absolute()), *arguments]
        try:
            return forks.run(command, folder=self.folder, given=stdin, within_s=_TAKES_AT_MOST_S)
        except (OSError, subprocess.TimeoutExpired) as wrong:
            raise MissingPart(f"OPA ({self.opa}) cannot be run, or takes too long.") from wrong
