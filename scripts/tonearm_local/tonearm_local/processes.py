"""Background processes that are recognised again: by pid, start time and program, never by name alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped] # it has no types

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# A log that has grown past this is put aside at the next start, MB.
_LOG_LIMIT_MB = 20
# psutil derives start times from the boot time, which moves when the clock is set.
_START_TOLERANCE_S = 2.0
# What is killed ends when the kernel gets to it.
_KILLED_LIMIT_S = 30.0


class Daemon:
    """One background process of a stack, with everything that it starts.

    It leads a process group of its own. Its pid file holds what is needed to tell it from a stranger that got the
    same pid later, so that nobody else's process is ever ended.
    """

    def __init__(self, *, name: str, pid_file: Path, log: Path, marker: str) -> None:
        """Describe the process.

        Args:
            name: for messages.
            pid_file: where it is noted.
            log: where its output goes.
            marker: an argument that its command line always has.
        """
        self.name = name
        self._pid_file = pid_file
        self._log = log
        self._marker = marker
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its pid while it runs, otherwise None."""
        process = self._process()
        return process.pid if process else None

    def runs(self, key: str) -> bool:
        """Tell whether it runs, and was started with this key."""
        return self._process() is not None and self._noted().get("key") == key

    def start(self, command: Sequence[str | Path], *, environment: Mapping[str, str], key: str) -> None:
        """Start it in the background, its output going to the log. `key` names what it was started from."""
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT_MB * 1_000_000:
            self._log.replace(self._log.with_suffix(".old.log"))
        with self._log.open("ab") as output:
            self._child = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = psutil.Process(self._child.pid).create_time()
        note = {"pid": self._child.pid, "started": started, "key": key}
        partial = self._pid_file.with_suffix(".partial")
        partial.write_text(json.dumps(note))
        partial.replace(self._pid_file)

    def wait_until(self, ready: Callable[[], bool], *, limit_s: float) -> bool:
        """Wait until `ready` answers True; False when the process ends first or the time runs out."""
        deadline = time.monotonic() + limit_s
        while not ready():
            if self._process() is None or time.monotonic() > deadline:
                return False
            time.sleep(0.03)
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, if it runs."""
        process = self._process()
        if process is not None:
            process.send_signal(number)

    def stop(self, *, grace_s: float) -> bool:
        """End it and everything it started; nothing happens when it does not run.

        Returns:
            True when it ended by itself within `grace_s` seconds of SIGTERM, False when it was already gone or had to
            be killed.
        """
        process = self._process()
        graceful = False
        if process is not None:
            process.send_signal(signal.SIGTERM)
            graceful = _all_end([process], limit_s=grace_s)
        members = self._group()
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        # Only then are their ports free.
        _all_end(members, limit_s=_KILLED_LIMIT_S)
        if self._child is not None:
            self._child.poll()
            self._child = None
        self._pid_file.unlink(missing_ok=True)
        return graceful

    def last_lines(self, count: int = 12) -> str:
        """Return the end of its log."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-count:])

    def _noted(self) -> dict[str, Any]:
        try:
            note = json.loads(self._pid_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return note if isinstance(note, dict) else {}

    def _process(self) -> psutil.Process | None:
        """Return the process of the pid file when it is still that process."""
        if self._child is not None:
            # Reaps it: a child that has ended would otherwise seem to run for ever.
            self._child.poll()
        note = self._noted()
        if not note:
            return None
        try:
            process = psutil.Process(note["pid"])
            return process if self._is_ours(process, note) and not _has_ended(process) else None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None

    def _is_ours(self, process: psutil.Process, note: dict[str, Any]) -> bool:
        command = process.cmdline()
        # The command line is empty for a moment at the very beginning of a process, and at its very end.
        known = not command or self._marker in command
        return known and abs(process.create_time() - note["started"]) < _START_TOLERANCE_S

    def _group(self) -> list[psutil.Process]:
        """Return the living members of its process group, which outlive a leader that was killed."""
        note = self._noted()
        if not note:
            return []
        with suppress(psutil.NoSuchProcess):
            if not self._is_ours(psutil.Process(note["pid"]), note):
                # The pid went to somebody else, which it cannot while a member of our group lives.
                return []
        members = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
                ours = os.getpgid(process.pid) == note["pid"] and process.create_time() > note["started"] - 1
                if ours and not _has_ended(process):
                    members.append(process)
        return members


def _all_end(processes: Sequence[psutil.Process], *, limit_s: float) -> bool:
    """Wait until all of them have ended; False when the time runs out."""
    deadline = time.monotonic() + limit_s
    while not all(map(_has_ended, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _has_ended(process: psutil.Process) -> bool:
    """Tell whether it does no more, though whoever has to may never take note of its end, as in a container."""
    try:
        # Its first thread may have ended before the others, which hold its files and its ports.
        return bool(process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1)
    except psutil.NoSuchProcess:
        return True


def listener(port: int) -> str | None:
    """Return who listens on a TCP port of this machine, as far as one may see; None when nobody does."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                name = psutil.Process(connection.pid).name() if connection.pid else "another user's program"
                return f"{name} (pid {connection.pid})" if connection.pid else name
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return "another program"
    return None
