"""What the command loads: its help waits for nothing heavy, and the shells can complete it."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.support.command import TONEARM
from tonearm_cli import main
from tonearm_cli.errors import EXIT_STATUSES

LOADED = """
import sys
from tonearm_cli.main import app
try:
    app(sys.argv[1:])
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""
HEAVY = {
    "boto3",
    "botocore",
    "httpx",
    "numpy",
    "platformdirs",
    "psutil",
    "rich",
    "soundfile",
    "tonearm",
    "tonearm_audio",
}
# typer itself reads the arguments of a command with it.
READS_ARGUMENTS = {"pydantic", "typing_extensions"}
COMMANDS = {
    "analyze",
    "build",
    "demo",
    "download",
    "images",
    "jobs",
    "login",
    "logout",
    "render",
    "stack",
    "tracks",
    "upload",
    "whoami",
}


@pytest.mark.parametrize("arguments", [["--help"], ["render", "--help"], ["upload", "--help"], ["stack", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "Usage:" in done.stdout
    assert "typer" in loaded
    assert loaded & HEAVY == set()
    if len(arguments) == 1:
        assert loaded & READS_ARGUMENTS == set()


def test_help_names_every_command_and_what_each_exit_status_means() -> None:
    said = CliRunner().invoke(main.app, ["--help"]).stdout
    words = {line.split()[0] for line in said.splitlines() if line.strip()}
    assert words >= COMMANDS
    assert {str(status) for status in EXIT_STATUSES} <= words
    assert all(meaning in said for meaning in EXIT_STATUSES.values())


@pytest.mark.parametrize(
    ("shell", "sign"),
    [("bash", "complete -o default -F"), ("zsh", "#compdef tonearm"), ("fish", "complete --command tonearm")],
)
def test_the_completion_of_each_shell_is_shown(shell: str, sign: str) -> None:
    # Without detection the shell is named: the test runs in none
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        [TONEARM, "--show-completion", shell], env=environment, capture_output=True, text=True, check=True
    )
    assert sign in done.stdout


def test_what_is_typed_is_completed() -> None:
    environment = {
        **os.environ,
        "_TONEARM_COMPLETE": "complete_bash",
        "COMP_WORDS": "tonearm up",
        "COMP_CWORD": "1",
    }
    done = subprocess.run([TONEARM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["upload"]
