"""What every worker shares: it reads a request, does its task, and tells what that cost. Standard library only."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Task = Callable[..., dict[str, Any]]


class Costs:
    """Stamps of one process."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.imports_cpu_s = 0.0
        self.imports_s = 0.0
        self._working = self._started

    def imported(self) -> None:
        """Call once all is imported: what follows is the work."""
        self._working = time.perf_counter()
        self.imports_s = self._working - self._started
        self.imports_cpu_s = cpu_seconds()

    def told(self) -> dict[str, float]:
        """The costs up to now."""
        return {
            "cpu_s": cpu_seconds(),
            "imports_cpu_s": self.imports_cpu_s,
            "imports_s": self.imports_s,
            "wall_s": time.perf_counter() - self._working,
            "peak_mb": peak_mb(),
        }


COSTS = Costs()


def cpu_seconds() -> float:
    """User and system seconds of this process and of its children that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """Most memory that this process has held, in MiB; what it was forked from does not count."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(tasks: dict[str, Task]) -> None:
    """Do what the command line asks for, write the answer, and end.

    Raises:
        KeyError: the task is none of this worker's.
    """
    request = json.loads(sys.argv[1])
    values = tasks[request["task"]](**request["arguments"])
    answer = Path(request["answer"])
    answer.write_text(json.dumps({**COSTS.told(), "values": values}))
    # Some libraries take seconds, or crash, when they are taken down at the end; that is not what is measured.
    sys.stdout.flush()
    os._exit(0)
