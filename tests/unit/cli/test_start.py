"""How the command begins, and how it ends when nobody waits for that."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# Ctrl-C at the moment at which the command's own modules begin to be loaded, and at that at which all of them are.
AT_ONCE = """
import os, signal, sys
class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == "tonearm_cli.main":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Impatient())
sys.argv = ["tonearm", "--help"]
"""
ALMOST = """
import os, signal, sys, typer.main
typer.main.get_command = lambda app: os.kill(os.getpid(), signal.SIGINT)
"""
HOW_CTRL_C_IS_TAKEN = """
import signal, typer.main
typer.main.get_command = lambda app: lambda: print(repr(signal.getsignal(signal.SIGINT)))
"""
START = "from tonearm_cli.start import main; main()"


def started(before: str, *, taken: str = "default_int_handler") -> subprocess.CompletedProcess[str]:
    """Start it where Ctrl-C is taken so: tests that run in the background would hand on that it is ignored."""
    code = f"import signal; signal.signal(signal.SIGINT, signal.{taken})\n{before}{START}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("interrupted", [AT_ONCE, ALMOST], ids=["at once", "almost"])
def test_an_interruption_before_it_begins_ends_it_without_a_word(interrupted: str) -> None:
    done = started(interrupted)
    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == ("", "")


def test_what_ignores_interruptions_goes_on() -> None:
    done = started(AT_ONCE, taken="SIG_IGN")
    assert done.returncode == 0, done.stderr
    assert "Usage: tonearm" in done.stdout


@pytest.mark.parametrize("taken", ["default_int_handler", "SIG_IGN"])
def test_a_command_finds_interruptions_as_python_does(taken: str) -> None:
    done = started(HOW_CTRL_C_IS_TAKEN, taken=taken)
    assert taken in done.stdout, done.stderr
