"""
What makes the load: wrk as fast as it can, vegeta at a steady rate. `make tools-bench` gets them.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.load import HEADERS

_CACHE = Path(os.environ.get("BENCH_TOOLS") or Path.home() / ".cache/sidecar/bench")
CERBOS = _CACHE / "node_modules/@cerbos/cerbos-linux-x64/cerbos-linux-x64"
VEGETA = _CACHE / "vegeta"
CONNECTIONS = 8

# Requests in turn, each with its own number.
_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local bodies = {}
for name in io.lines(%(list)r) do
  local file = io.open(name)
  bodies[#bodies + 1] = file:read("*a")
  file:close()
end
local number = 0
request = function()
  number = number + 1
  local body = bodies[number %% #bodies + 1]:gsub("acme%%-%%%%d", "acme-" .. number)
  return wrk.format(nil, nil, nil, body)
end
"""
_REQUESTS = re.compile(r"(\d+) requests in ([\d.]+)(ms|s|m)")
_WRONG = re.compile(r"Non-2xx|Socket errors")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class ToolMissing(Exception):
    """
    Something that measures is not there. Its text says what to do.
    """


class LoadFailed(Exception):
    """
    Not every request was answered with 200: what was measured says nothing.
    """


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What was answered as fast as it could be.

    Attributes:
        requests: How many.

        seconds: In how long.
    """

    requests: int
    seconds: float

    @property
    def per_second(self) -> float:
        """
        Requests answered in a second.
        """
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class Latency:
    """
    How long requests at a steady rate took, in milliseconds.

    Attributes:
        p50: Half of them took less.

        p99: 99 of 100.

        p999: 999 of 1,000.
    """

    p50: float
    p99: float
    p999: float


def check() -> None:
    """
    See that everything is there.

    Raises:
        ToolMissing: It is not.
    """
    for what, there in {
        "wrk": shutil.which("wrk") is not None,
        "vegeta": VEGETA.is_file(),
        "Cerbos": CERBOS.is_file(),
    }.items():
        if not there:
            raise ToolMissing(f"{what} is needed: make tools-bench")


def throughput(url: str, bodies: Iterable[str], seconds: float) -> Answered:
    """
    Ask as fast as answers come, on a few connections.

    Raises:
        LoadFailed: A request was not answered with 200.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for index, body in enumerate(bodies):
            files.append(Path(folder, f"{index:03}.json"))
            files[-1].write_text(body, "utf-8")
        listed = Path(folder, "list")
        listed.write_text("\n".join(map(str, files)), "utf-8")
        script = Path(folder, "post.lua")
        script.write_text(_SCRIPT % {"list": str(listed)}, "utf-8")
        said = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", script, url],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    found = _REQUESTS.search(said)
    if _WRONG.search(said) or not found:
        raise LoadFailed(f"{url}:\n{said}")
    return Answered(int(found[1]), float(found[2]) * _SECONDS[found[3]])


def latency(url: str, bodies: Iterable[str], rate: int, seconds: float) -> Latency:
    """
    Ask at a steady rate, whether answers come or not.

    Raises:
        LoadFailed: A request was not answered with 200.
    """
    some = list(bodies)
    targets = "".join(
        json.dumps(
            {
                "method": "POST",
                "url": url,
                "header": {name: [value] for name, value in HEADERS.items()},
                "body": base64.b64encode(
                    some[number % len(some)].replace("acme-%d", f"acme-{number}").encode()
                ).decode(),
            }
        )
        + "\n"
        for number in range(round(rate * seconds))
    )
    with tempfile.TemporaryDirectory() as folder:
        results = str(Path(folder, "results"))
        subprocess.run(
            [
                *(str(VEGETA), "attack", "-format=json", "-lazy", f"-rate={rate}"),
                *(f"-duration={seconds}s", "-workers=16", "-max-workers=64", f"-output={results}"),
            ],
            input=targets,
            text=True,
            check=True,
        )
        report = [str(VEGETA), "report", "-type=json", results]
        said = json.loads(subprocess.run(report, stdout=subprocess.PIPE, check=True).stdout)
        if said["success"] != 1:
            raise LoadFailed(f"{url}: {said['status_codes']} {said['errors'][:3]}")
        return Latency(
            said["latencies"]["50th"] / 1e6,
            said["latencies"]["99th"] / 1e6,
            _percentile(results, 0.999),
        )


def _percentile(results: str, share: float) -> float:
    encode = [str(VEGETA), "encode", "-to=json", results]
    lines = subprocess.run(encode, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    taken = sorted(int(json.loads(line)["latency"]) for line in lines)
    return taken[min(len(taken) - 1, int(len(taken) * share))] / 1e6
