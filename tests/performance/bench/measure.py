"""Measuring what a program costs: each runs in a process of its own, alone in it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
WORKERS = "tests.performance.bench.workers"
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Run:
    """What one run cost.

    Attributes:
        failed: why there is nothing else here; empty where all went well.
        cpu_s: user and system seconds of the process and all its children, from its start to its end.
        imports_cpu_s: of these, until everything was imported, the interpreter's start included.
        imports_s: wall-clock seconds of the imports alone.
        wall_s: from start to end of the work, imports excluded.
        peak_mb: most memory (resident, MiB) of the process and its children together.
        values: what the worker found.
    """

    failed: str = ""
    cpu_s: float = 0.0
    imports_cpu_s: float = 0.0
    imports_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def work_cpu_s(self) -> float:
        """CPU seconds without the imports."""
        return self.cpu_s - self.imports_cpu_s


def run(
    worker: str, task: str, *, python: Path | str = sys.executable, timeout_s: float = 1200, **arguments: object
) -> Run:
    """Let a worker do a task in a new process.

    Args:
        worker: module in `workers`.
        task: a function of it.
        python: the interpreter, which decides whose packages are there.
        timeout_s: after this the process is killed and the run has failed.
        arguments: handed to the task, as JSON.
    """
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as scratch:
        answer = Path(scratch) / "answer.json"
        request = {"task": task, "answer": str(answer), "arguments": arguments}
        process = subprocess.Popen(
            [str(python), "-m", f"{WORKERS}.{worker}", json.dumps(request, default=str)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        _running.add(process.pid)
        watched = _Watch(process.pid)
        try:
            _, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return Run(failed=f"killed after {timeout_s:g} s")
        finally:
            _end(process)
            highest_mb = watched.finish()
        if process.returncode or not answer.exists():
            lines = errors.strip().splitlines() or [f"ended with status {process.returncode}"]
            return Run(failed=lines[-1][:300])
        told = json.loads(answer.read_text())
        return Run(
            cpu_s=told["cpu_s"], imports_cpu_s=told["imports_cpu_s"], imports_s=told["imports_s"],
            wall_s=told["wall_s"], peak_mb=max(told["peak_mb"], highest_mb), values=told["values"],
        )  # fmt: skip


_running: set[int] = set()
"""Processes that lead a group of their own, so that what they started ends with them."""


def stop_all() -> None:
    """End every program that is being measured, and what it started."""
    for pid in list(_running):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        # Also when it has ended by itself: nobody measures what it left behind.
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _running.discard(process.pid)


class _Watch:
    """Adds up the memory of a process and its descendants every 50 ms: some work in several processes."""

    def __init__(self, pid: int) -> None:
        self._pid, self._highest_mb, self._done = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def finish(self) -> float:
        self._done.set()
        self._thread.join()
        return self._highest_mb

    def _look(self) -> None:
        # The first moments belong to the fork, whose memory is the benchmark's own.
        time.sleep(0.05)
        while not self._done.wait(0.05):
            family = _family(self._pid)
            if len(family) > 1:
                self._highest_mb = max(self._highest_mb, sum(_resident_mb(pid) for pid in family))


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for thread in _listed(f"/proc/{parent}/task"):
            try:
                found += [int(child) for child in Path(f"/proc/{parent}/task/{thread}/children").read_text().split()]
            except OSError:
                continue
    return found


def _listed(folder: str) -> list[str]:
    try:
        return [entry.name for entry in Path(folder).iterdir()]
    except OSError:
        return []


def _resident_mb(pid: int) -> float:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0.0
    return int(pages[1]) * _PAGE_MB


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    models = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {
        "processor": models[0] if models else os.uname().machine,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory[0] / 2**20, 1) if memory else None,
        "system": f"{os.uname().sysname} {os.uname().release}",
        "python": sys.version.split()[0],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
