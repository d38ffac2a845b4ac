"""
Judge how much of sidecar/ the tests reach: `python -m tests.conventions.reach`, after coverage ran.

Lists what is not reached, and exits 1 where lines or branches are below what is asked.
"""

import json
import subprocess
import sys

ASKED = 95.0


def shares() -> dict[str, float]:
    """
    Read from coverage's data which shares of lines and branches were reached, in percent.
    """
    totals = json.loads(_coverage("json", "-q", "-o", "-"))["totals"]
    return {
        "lines": totals["percent_statements_covered"],
        "branches": totals["percent_branches_covered"],
    }


def _coverage(*arguments: str) -> str:
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> int:
    """
    Print the table and the shares, and say by the exit code whether they will do.
    """
    print(_coverage("report"))
    reached = shares()
    for name, share in reached.items():
        print(f"{name} of sidecar/ reached: {share:.1f} %, asked: {ASKED:.0f} %")
    return int(min(reached.values()) < ASKED)


if __name__ == "__main__":
    sys.exit(main())
