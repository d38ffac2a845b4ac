"""
What a bundle's decision depends on, found by OPA from the syntax tree of its rules.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sidecar.bundle.manifest import EVERYTHING, DataPath
from sidecar.bundle.opa_run import OpaRun
from sidecar.errors import SettingsError

# Beside the copy and not in it: it is no part of the bundle.
_CAPABILITIES: Final = "deterministic.json"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def reads(run: OpaRun, decision: DataPath) -> tuple[str, ...]:
    """
    Say which parts of the input a decision may depend on (contract, section 3).

    Args:
        run: OPA, and the bundle.

        decision: Path of the rule that decides.

    Returns:
        Paths below `input` such as `subject.type`, sorted, none of them below another one;
        EVERYTHING where the whole input may count. A decision is the same for inputs that have the
        same values there.

    Raises:
        SettingsError: OPA does not take the bundle.
        MissingPart: OPA cannot be run.
    """
    query = f"data.{'.'.join(decision)}"
    said = json.loads(run.said("deps", "--format=json", "--bundle=.", query))
    refs = [[part["value"] for part in ref] for ref in said.get("base", ())]
    paths = {_path(ref[1:]) for ref in refs if ref[0] == "input"}
    if () in paths:
        return EVERYTHING
    return tuple(sorted(".".join(path) for path in paths if not _covered(path, paths)))


def nondeterministic(run: OpaRun) -> tuple[str, ...]:
    """
    Name the builtins in a bundle by which the same input may get another decision: clocks, random
    numbers, the network and their kin, by OPA's own list of them.

    Args:
        run: OPA, and the bundle.

    Raises:
        SettingsError: OPA does not take the bundle.
        MissingPart: OPA cannot be run.
    """
    able = json.loads(run.said("capabilities", "--current"))
    names = {builtin["name"] for builtin in able["builtins"] if builtin.get("nondeterministic")}
    able["builtins"] = [each for each in able["builtins"] if each["name"] not in names]
    file = Path(run.folder.parent, _CAPABILITIES)
    file.write_text(json.dumps(able), "utf-8")
    # An OPA that lacks them says which of them it misses.
    done = run.done("check", "--format=json", f"--capabilities={file.absolute()}", "--bundle", ".")
    if not done.returncode:
        return ()
    errors = _errors(done.stderr) or _errors(done.stdout)
    missed = {str(error.get("message")).rpartition(" ")[2] for error in errors}
    if not names & missed:
        said = (done.stderr or done.stdout).strip()
        raise SettingsError(f"OPA does not take the bundle {run.source}:\n{said}")
    return tuple(sorted(names & missed))


def _errors(said: str) -> list[dict[str, Any]]:
    try:
        return list(json.loads(said)["errors"])
    except (ValueError, KeyError, TypeError):
        return []


def _path(steps: Iterable[Any]) -> tuple[str, ...]:
    """
    Take as much of a path as can be written with dots; what is above it covers it.
    """
    path: list[str] = []
    for step in steps:
        if not isinstance(step, str) or not _NAME.fullmatch(step):
            break
        path.append(step)
    return tuple(path)


def _covered(path: tuple[str, ...], paths: set[tuple[str, ...]]) -> bool:
    return any(path[:length] in paths for length in range(len(path)))
