"""A background process is known again, ended with all that it started, and never taken for a stranger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped] # it has no types
import pytest

from tests.support.processes import ends, lives
from tonearm_local.processes import Daemon, listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Starts a child, tells its pid, and waits; the first argument says what SIGTERM does to it.
PROGRAM = """
import signal, subprocess, sys, time
def end(*_):
    time.sleep(0.5)
    print("in peace", flush=True)
    raise SystemExit
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[1] == "thoughtful":
    signal.signal(signal.SIGTERM, end)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return file


@pytest.fixture
def daemon(tmp_path: Path, program: Path) -> Iterator[Daemon]:
    made = Daemon(name="test", pid_file=tmp_path / "test.pid", log=tmp_path / "test.log", marker=str(program))
    yield made
    made.stop(grace_s=0.1)


def start(daemon: Daemon, program: Path, kind: str = "gentle") -> int:
    """Start the program and return the pid of its child."""
    before = daemon.last_lines()
    daemon.start([sys.executable, program, kind], environment=dict(os.environ), key="a")
    assert daemon.wait_until(lambda: daemon.last_lines() != before, limit_s=60)
    return int(daemon.last_lines().splitlines()[-1])


def runs(pid: int) -> bool:
    """Whether it does anything yet: whoever has to may not have taken note of its end."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def another(daemon: Daemon, program: Path) -> Daemon:
    """The same process as a later command sees it: by its pid file."""
    file = daemon._pid_file
    return Daemon(name="test", pid_file=file, log=file.with_suffix(".log"), marker=str(program))


def test_a_later_command_knows_it_and_ends_it_with_its_children(daemon: Daemon, program: Path) -> None:
    # Given a running process with a child
    child = start(daemon, program)
    pid, later = daemon.pid, another(daemon, program)
    # Then a later command sees it, and whether it was started from the same things
    assert pid is not None
    assert later.pid == pid
    assert later.runs("a")
    assert not later.runs("b")
    # When it is stopped, then it ended in peace, and its child with it
    assert later.stop(grace_s=5)
    assert ends(child)
    assert later.pid is None
    assert daemon.pid is None


def test_who_started_it_once_ends_in_peace_what_somebody_else_started_since(daemon: Daemon, program: Path) -> None:
    # Given a process that was stopped and started anew by another hand of the same program
    start(daemon, program)
    other = another(daemon, program)
    assert other.stop(grace_s=30)
    start(other, program, "thoughtful")
    # When the first one stops it
    assert daemon.stop(grace_s=30)
    # Then it had its time to end by itself
    assert daemon.last_lines().splitlines()[-1] == "in peace"
    assert other.pid is None


def test_what_was_killed_has_ended_when_stop_returns(daemon: Daemon, program: Path) -> None:
    child = start(daemon, program, "stubborn")
    pid, later = daemon.pid, another(daemon, program)
    assert pid is not None
    assert not later.stop(grace_s=0.1)
    # What they held, a port say, is free now, and not a little later.
    assert not runs(pid)
    assert not runs(child)


def test_what_does_not_end_is_killed(daemon: Daemon, program: Path) -> None:
    child = start(daemon, program, "stubborn")
    pid = daemon.pid
    assert pid is not None
    assert not daemon.stop(grace_s=0.3)
    assert ends(pid)
    assert ends(child)


def test_children_of_a_crashed_process_are_ended(daemon: Daemon, program: Path) -> None:
    child = start(daemon, program)
    assert daemon.pid is not None
    os.kill(daemon.pid, signal.SIGKILL)
    assert daemon.wait_until(lambda: False, limit_s=5) is False
    assert lives(child)
    assert not daemon.stop(grace_s=1)
    assert ends(child)


@pytest.mark.parametrize("started_off_by_s", [0, 1000])
def test_a_stranger_with_the_same_pid_is_left_alone(daemon: Daemon, program: Path, started_off_by_s: int) -> None:
    # Given a pid file whose pid belongs to somebody else by now, perhaps started in the very same second
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        # For a moment after its start a process shows no command line, and cannot be told apart by it.
        while not psutil.Process(stranger.pid).cmdline():
            time.sleep(0.01)
        started = psutil.Process(stranger.pid).create_time() - started_off_by_s
        daemon._pid_file.write_text(json.dumps({"pid": stranger.pid, "started": started, "key": "a"}))
        # Then it is not taken for ours, and stopping leaves it alone
        assert daemon.pid is None
        assert not daemon.runs("a")
        assert not daemon.stop(grace_s=0.2)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ends_while_it_is_waited_for_is_noticed_at_once(daemon: Daemon, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print('no such option'); raise SystemExit(2)")
    daemon.start([sys.executable, program], environment=dict(os.environ), key="a")
    began = time.monotonic()
    assert not daemon.wait_until(lambda: False, limit_s=90)
    assert time.monotonic() - began < 60
    assert daemon.last_lines() == "no such option"


@pytest.mark.parametrize("content", ["12", "{", ""])
def test_a_pid_file_that_is_none_of_ours_counts_as_absent(daemon: Daemon, content: str) -> None:
    daemon._pid_file.write_text(content)
    assert daemon.pid is None
    assert not daemon.stop(grace_s=0.1)


def test_a_listener_is_named() -> None:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert listener(port) is None
        server.listen()
        assert listener(port) is not None
