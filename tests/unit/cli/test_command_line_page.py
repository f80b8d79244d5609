"""docs/command-line.md: its examples run, and it leaves out no command, option or exit status."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from tests.unit.repository.checkout import ROOT
from tonearm.domain import operations, output_format
from tonearm_cli import main
from tonearm_cli.demo_song import compose_demo_song
from tonearm_cli.errors import EXIT_STATUSES

PAGE = (ROOT / "docs" / "command-line.md").read_text()
OFFLINE = re.findall(r"^```sh offline\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
BITRATES = get_args(output_format.BitrateKbps)


def listed(choices: Any) -> str:
    """The choices as a sentence has them."""
    *first, last = map(str, get_args(choices))
    return f"{', '.join(first)} or {last}"


COMMANDS = typer.main.get_group(main.app).commands


def test_the_examples_that_need_no_deployment_run(tmp_path: Path) -> None:
    compose_demo_song(tmp_path / "song.wav", duration_s=6.0, tempo_bpm=120.0, seed=7)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert len(OFFLINE) >= 3
    done = subprocess.run(
        ["sh", "-eu"],
        input="".join(OFFLINE),
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    made = {file.name for file in tmp_path.iterdir()}
    assert made == {
        "song.wav",
        "faster.mp3",
        "lower.flac",
        "around.flac",
        "slow.flac",
        "slow.json",
        "analysis.json",
        "song.png",
    } | {"single.m4a", "duet.flac", "demo.opus"}


def test_every_command_has_its_section() -> None:
    assert set(re.findall(r"^### (\w+)$", PAGE, flags=re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted({*COMMANDS} - {"stack", "images", "build", "demo"}))
def test_every_option_is_told(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    assert [option for option in options if f"`{option}" not in PAGE] == []


@pytest.mark.parametrize(
    ("option", "figures"),
    [
        ("--tempo", f"{operations.TEMPO_FACTOR_MIN:g} to {operations.TEMPO_FACTOR_MAX:g}"),
        ("--pitch", f"up to {operations.PITCH_SEMITONES_MAX:g}"),
        ("--fade-in", f"0 to {operations.LONGEST_FADE_S:g}"),
        ("--fade-out", f"0 to {operations.LONGEST_FADE_S:g}"),
        ("--spatial-speed", "0.02 to 1"),
        ("--spatial-path", listed(operations.SpatialPath)),
        ("--seed", f"0 to {operations.SPATIAL_SEED_MAX}"),
        ("--loudness", "-36 to -6"),
        ("--ceiling", "-9 to -0.1"),
        ("--master", listed(operations.Preset)),
        ("--format", listed(output_format.Codec)),
        ("--bitrate", f"{min(BITRATES)} to {max(BITRATES)}"),
        ("--bit-depth", listed(output_format.BitDepth)),
    ],
)
def test_the_help_of_render_gives_the_ranges_of_a_recipe(option: str, figures: str) -> None:
    told = next(parameter for parameter in COMMANDS["render"].params if option in parameter.opts)
    assert isinstance(told, typer.core.TyperOption)
    assert told.help is not None
    assert figures in told.help


@pytest.mark.parametrize("status", EXIT_STATUSES)
def test_every_exit_status_is_told(status: int) -> None:
    assert f"| {status} | {EXIT_STATUSES[status]} |" in PAGE
