"""
Ask the OPA binary about a folder of policies.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from sidecar.bundle.opa import opa_binary

# Looking for it asks each candidate for its version.
binary = cache(opa_binary)


class Refused(Exception):
    """
    OPA gave no answer; the message is OPA's own.
    """


# A table of a thousand cases is one test to OPA, and a slow machine is no failure.
PATIENT = ("--timeout", "10m")


def opa(policies: Path, *arguments: str, stdin: str | None = None) -> Any:
    """
    Run one of OPA's commands beside a folder of policies.

    Args:
        policies: The bundle's root folder. OPA runs in its parent, so that places read the same in
            all that OPA prints.

        arguments: The command and its arguments, such that it prints JSON.

        stdin: What the command reads.

    Returns:
        What OPA printed, whatever its exit code: a failing test is an answer.

    Raises:
        Refused: OPA printed no JSON.
    """
    done = subprocess.run(
        [binary(), *arguments],
        cwd=policies.parent,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        raise Refused(done.stderr or done.stdout) from None
