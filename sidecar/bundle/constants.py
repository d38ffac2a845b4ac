"""
Packages that depend on data alone, worked out when a bundle is built, and not by each request.
"""

import json
from collections.abc import Sequence

from sidecar.bundle import analysis
from sidecar.bundle.manifest import DataPath
from sidecar.bundle.opa_run import OpaRun
from sidecar.errors import SettingsError

_KEY = "metadata.build.constants"
# As Rego writes it: JSON has no sets, and no keys but texts. What begins with _ is nobody else's.
_QUERY = 'sprintf("%v", [{{k: v | some k, v in {package}; not startswith(k, "_")}}])'


def worked_out(run: OpaRun, packages: Sequence[DataPath]) -> dict[str, bytes]:
    """
    Write for each package a module that has its value in place of the rules that make it.

    Args:
        run: OPA, on the bundle's files.

        packages: Their paths. Each is the whole of a file of its name.

    Returns:
        The modules, by the path of the file whose place they take. Each is one rule: what it holds
        is found by the same names as before.

    Raises:
        SettingsError: There is no such file or no such package, it depends on the input, or OPA
            does not take the bundle.
        MissingPart: OPA cannot be run.
    """
    return {f"{'/'.join(path)}.rego": _module(run, path).encode() for path in packages}


def _module(run: OpaRun, package: DataPath) -> str:
    manifest, path = run.source / ".manifest", "/".join(package)
    if not (run.folder / f"{path}.rego").is_file():
        raise SettingsError(f"{manifest}: {_KEY} names {path}, and there is no {path}.rego")
    if found := analysis.reads(run, package):
        raise SettingsError(f"{manifest}: {_KEY}: {path} depends on input: {', '.join(found)}")
    query = _QUERY.format(package=f"data.{'.'.join(package)}")
    said = run.said("eval", "--format=json", "--strict-builtin-errors", "--bundle=.", query)
    value = json.loads(said)["result"][0]["expressions"][0]["value"]
    return f"package {'.'.join(package[:-1])}\n\n{package[-1]} := {value}\n"
