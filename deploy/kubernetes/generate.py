"""
Wrap the rules of deploy/prometheus/ for the Prometheus operator: `make manifests`.

kustomize cannot put a file's content into another resource, so that what it needs is written here,
and compared by `--check`.
"""

import sys
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ("rules.yaml", "clauses.yaml", "alerts.yaml")
WRITTEN: Final = Path("deploy/kubernetes/monitoring/prometheusrule.yaml")
MEND: Final = "make manifests"

_HEAD: Final = f"# Written by `{MEND}` from deploy/prometheus/: change it there.\n"


def prometheus_rule(root: Path) -> dict[str, Any]:
    """
    Make the resource: all groups, in the order of their files.
    """
    folder = root / "deploy" / "prometheus"
    documents = (yaml.safe_load((folder / name).read_text("utf-8")) for name in RULES)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "privacy-sidecar"},
        "spec": {"groups": [group for document in documents for group in document["groups"]]},
    }


def text(root: Path) -> str:
    """
    Write the resource as it stands in the tree.
    """
    body: str = yaml.safe_dump(
        prometheus_rule(root), sort_keys=False, width=100, allow_unicode=True
    )
    return _HEAD + body


def main(arguments: list[str]) -> int:
    """
    Write the resource, or with --check only say whether it is up to date.
    """
    target = ROOT / WRITTEN
    if arguments != ["--check"]:
        target.write_text(text(ROOT), "utf-8")
        return 0
    if target.is_file() and target.read_text("utf-8") == text(ROOT):
        print(f"{WRITTEN} is up to date")
        return 0
    print(f"{WRITTEN} is not up to date; mend it with: {MEND}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
