"""
Prometheus and Alertmanager, run with what deploy/prometheus/ has.
"""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

import yaml

from tests.e2e.serve import ROOT, free_port
from tests.prometheus.scaled import scaled
from tests.running import eventually, stop

FOLDER: Final = ROOT / "deploy/prometheus"
EVERY: Final = "500ms"
READY_WITHIN_S: Final = 30.0
STOPPED_WITHIN_S: Final = 20

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """
    A series that a query found.

    Attributes:
        labels: Its labels.

        points: Times and values; those that are no numbers are left out.
    """

    labels: Mapping[str, str]
    points: Points


@dataclass(frozen=True, slots=True)
class Prometheus:
    """
    A Prometheus that runs.

    Attributes:
        url: Where it is asked.
    """

    url: str

    def between(self, expression: str, start: float, end: float, step: float = 1.0) -> list[Series]:
        """
        Ask for a query's series over a while.
        """
        found = self._ask("query_range", query=expression, start=start, end=end, step=step)
        return _series((each["metric"], each["values"]) for each in found["result"])

    def at(self, expression: str, moment: float) -> list[Series]:
        """
        Ask for a query's series at one moment.
        """
        found = self._ask("query", query=expression, time=moment)
        return _series((each["metric"], [each["value"]]) for each in found["result"])

    def exemplars(self, name: str, start: float, end: float) -> list[dict[str, Any]]:
        """
        Ask for the exemplars of a metric.
        """
        found: list[dict[str, Any]] = self._ask("query_exemplars", query=name, start=start, end=end)
        return [exemplar for series in found for exemplar in series["exemplars"]]

    def rules(self) -> list[dict[str, Any]]:
        """
        Ask for all rules, with their health.
        """
        groups: list[dict[str, Any]] = self._ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def targets(self) -> list[dict[str, Any]]:
        """
        Ask for the targets, with their health.
        """
        targets: list[dict[str, Any]] = self._ask("targets")["activeTargets"]
        return targets

    def _ask(self, path: str, **query: Any) -> Any:
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)["data"]


def _series(found: Any) -> list[Series]:
    numbers = (
        (labels, [(float(at), float(value)) for at, value in values]) for labels, values in found
    )
    cleaned = (
        Series(labels, [(at, value) for at, value in points if isfinite(value)])
        for labels, points in numbers
    )
    return [series for series in cleaned if series.points]


@contextmanager
def prometheus_running(
    folder: Path, factor: float, targets: Mapping[str, str], alertmanager: str
) -> Iterator[Prometheus]:
    """
    Run Prometheus with the shipped configuration, in a time that goes by faster.

    Args:
        folder: Where its files may be.

        factor: How much faster.

        targets: The sidecars' addresses, by their applications.

        alertmanager: Where alerts go: `host:port`.
    """
    folder.mkdir()
    config = yaml.safe_load((FOLDER / "scrape.yaml").read_text("utf-8"))
    for name in config["rule_files"]:
        rules = yaml.safe_load((FOLDER / name).read_text("utf-8"))
        (folder / name).write_text(yaml.safe_dump(scaled(rules, factor)), "utf-8")
    config["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    for job in config["scrape_configs"]:
        job["static_configs"] = [
            {"targets": [address], "labels": {"namespace": "shop", "application": application}}
            for application, address in targets.items()
        ]
    managers = {"static_configs": [{"targets": [alertmanager]}]}
    config["alerting"] = {"alertmanagers": [managers]}
    config["global"]["external_labels"] = {"factor": f"{factor:g}"}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        *("prometheus", f"--config.file={folder}/prometheus.yaml"),
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--rules.alert.resend-delay=1s",
        "--log.level=warn",
    ]
    with _running(command, f"http://{address}", folder / "log") as url:
        yield Prometheus(url)


@contextmanager
def alertmanager_running(folder: Path, webhook: str) -> Iterator[str]:
    """
    Run Alertmanager, which tells a webhook of each alert alone.

    Returns:
        Where it listens: `host:port`.
    """
    folder.mkdir()
    config = {
        "route": {
            "receiver": "webhook",
            "group_by": ["..."],
            "group_wait": "100ms",
            "group_interval": "500ms",
            "repeat_interval": "1h",
        },
        "receivers": [
            {"name": "webhook", "webhook_configs": [{"url": webhook, "send_resolved": True}]}
        ],
    }
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(config), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        *("prometheus-alertmanager", f"--config.file={folder}/alertmanager.yaml"),
        f"--storage.path={folder}/data",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    with _running(command, f"http://{address}", folder / "log"):
        yield address


@contextmanager
def _running(command: Sequence[str], url: str, log: Path) -> Iterator[str]:
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=log.parent)
        try:
            well = eventually(
                lambda: process.poll() is not None or _ready(f"{url}/-/ready"), READY_WITHIN_S
            )
            assert well and process.poll() is None, log.read_text("utf-8")
            yield url
        finally:
            stop(process, STOPPED_WITHIN_S)


def _ready(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return bool(answer.status == 200)
    return False
