"""The Dockerfile and the shell scripts are clean, by the linters that others use."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.infrastructure.configuration import ROOT

BESIDE_PYTHON = Path(sys.executable).parent
SCRIPTS = sorted(
    {*(ROOT / "scripts").glob("*.sh"), *(file for file in (ROOT / ".ci").iterdir() if file.is_file())},
)


def lint(tool: str, *arguments: str | Path) -> str:
    """What a linter finds; nothing when the files are clean."""
    done = subprocess.run([BESIDE_PYTHON / tool, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    found = done.stdout + done.stderr
    assert (done.returncode == 0) == (found.strip() == ""), f"{tool} ended with {done.returncode}: {found}"
    return found


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert lint("hadolint", "functions/Dockerfile") == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck_finds_nothing_in_a_script(script: Path) -> None:
    assert lint("shellcheck", script) == ""


def test_the_linters_find_what_is_wrong(tmp_path: Path) -> None:
    # Given what each of them is to refuse
    dockerfile, script = tmp_path / "Dockerfile", tmp_path / "script.sh"
    dockerfile.write_text("FROM python:latest\n")
    script.write_text("#!/bin/sh\nrm -rf $1/*\n")
    # Then it does
    assert "DL3007" in lint("hadolint", dockerfile)
    assert "SC2086" in lint("shellcheck", script)
