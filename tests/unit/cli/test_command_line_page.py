"""docs/command-line.md: its examples run, and it leaves out no command, option or exit status."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import typer

from tests.unit.repository.checkout import ROOT
from tonearm.domain import recipe
from tonearm_cli import main
from tonearm_cli.demo_song import compose_demo_song
from tonearm_cli.errors import EXIT_STATUSES

PAGE = (ROOT / "docs" / "command-line.md").read_text()
OFFLINE = re.findall(r"^```sh offline\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
BITRATE = recipe.OutputFormat.model_fields["bitrate_kbps"].annotation
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
    assert made == {"song.wav", "faster.mp3", "lower.flac", "around.flac", "slow.flac", "slow.json", "analysis.json"}


def test_every_command_has_its_section() -> None:
    assert set(re.findall(r"^### (\w+)$", PAGE, flags=re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted({*COMMANDS} - {"stack", "images", "build", "demo"}))
def test_every_option_is_told(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")}
    assert [option for option in options if f"`{option}" not in PAGE] == []


@pytest.mark.parametrize(
    ("option", "figures"),
    [
        ("--tempo", f"{recipe.TEMPO_FACTOR_MIN:g} to {recipe.TEMPO_FACTOR_MAX:g}"),
        ("--pitch", f"up to {recipe.PITCH_SEMITONES_MAX:g}"),
        ("--spatial-speed", f"{recipe.SPATIAL_SPEED_HZ_MIN:g} to {recipe.SPATIAL_SPEED_HZ_MAX:g}"),
        ("--seed", f"0 to {recipe.SPATIAL_SEED_MAX}"),
        ("--format", "{}, {}, {} or {}".format(*get_args(recipe.Codec))),
        (
            "--bitrate",
            "{}, {}, {} or {}".format(*get_args(BITRATE)),
        ),
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
