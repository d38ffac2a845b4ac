"""
A process with its own OPA, to be killed: `python -m tests.unit.engine.supervising OPA BUNDLE`.

Prints OPA's process id and address when it is ready, and waits until its input ends. With `--fork`
a child stops the supervisor, and ends, meanwhile. With `--leave` it ends at once and stops nothing.
"""

import os
import sys
from pathlib import Path

from sidecar.engine.supervisor import Job, Supervisor


def main(opa: str, bundle: str, *options: str) -> None:
    """
    Start OPA, say so, and wait.
    """
    supervisor = Supervisor(Path(opa), Job.deciding({"decision": Path(bundle)}))
    supervisor.start()
    print(supervisor.pid, supervisor.url, flush=True)
    if "--leave" in options:
        return
    if "--fork" in options and os.fork() == 0:
        # What a worker does when it ends must not end the master's OPA.
        supervisor.stop()
        sys.exit()
    sys.stdin.read()
    supervisor.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
