"""`tonearm demo` as a stranger runs it: the real command, on the real stack, with a song and with rubbish."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.command import TONEARM
from tonearm_local.stack import Outputs, Stack

pytestmark = pytest.mark.stack


@pytest.fixture
def tonearm(laptop: Stack, stack: Outputs, tmp_path: Path) -> "Tonearm":
    """Given the command, somewhere else than in the checkout, in a folder with spaces."""
    folder = tmp_path / "some where"
    folder.mkdir()
    return Tonearm(laptop, folder)


class Tonearm:
    def __init__(self, laptop: Stack, folder: Path) -> None:
        self.folder = folder
        self._options = ["--name", laptop.name]
        # The stack of the tests runs with faults that can be armed; without this the command would restart it.
        self._environment = {**os.environ, "TONEARM_FAULTS": "1", "COLUMNS": "100"}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [TONEARM, *arguments, *self._options]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


def test_without_a_song_it_composes_one_and_all_of_it_comes_back(tonearm: Tonearm) -> None:
    done = tonearm("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tonearm.files() == {"out/song.wav", "out/render.mp3", "out/analysis.json", "out/certificate.json"}
    certificate = json.loads((tonearm.folder / "out/certificate.json").read_text())
    analysis = json.loads((tonearm.folder / "out/analysis.json").read_text())
    assert certificate["kept"] is True
    assert analysis["tempo_bpm"] == pytest.approx(104.0, rel=0.02)
    song, render = (soundfile.info(tonearm.folder / "out" / name) for name in ("song.wav", "render.mp3"))
    assert render.duration == pytest.approx(song.duration / 1.1, abs=0.001)
    assert all(promise["name"] in done.stdout for promise in certificate["promises"])


def test_a_song_of_ones_own_becomes_what_the_recipe_says(tonearm: Tonearm) -> None:
    # Given four seconds of a mono chord, in a file with an awkward name
    time = np.arange(4 * 44_100) / 44_100
    chord = sum(0.1 * np.sin(2 * np.pi * frequency_hz * time) for frequency_hz in (262, 330, 392))
    soundfile.write(tonearm.folder / "été [live] #1.flac", chord, 44_100)
    # When
    done = tonearm("demo", "--song", "été [live] #1.flac", "--recipe", "tempo=0.5,format=wav", "--out", "here/there")
    # Then
    assert done.returncode == 0, done.stdout + done.stderr
    assert {file for file in tonearm.files() if file.startswith("here/")} == {
        f"here/there/{name}" for name in ("render.wav", "analysis.json", "certificate.json")
    }
    render = soundfile.info(tonearm.folder / "here/there/render.wav")
    assert render.frames == 8 * 44_100
    assert render.channels == 1


def test_a_picture_named_mp3_ends_with_the_reason_and_no_files(tonearm: Tonearm) -> None:
    # Given rubbish, and the result of an earlier song in the same folder
    (tonearm.folder / "cover.mp3").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    (tonearm.folder / "out").mkdir()
    (tonearm.folder / "out" / "render.mp3").write_bytes(b"an earlier song")
    # When
    done = tonearm("demo", "--song", "cover.mp3")
    # Then
    assert done.returncode == 1
    said = {line.split()[0]: line for line in done.stderr.splitlines() if line.startswith("  ")}
    assert said["code"].split() == ["code", "track.not_audio"]
    assert {"why", "value", "limit", "mend"} <= set(said)
    assert "Traceback" not in done.stderr
    assert tonearm.files() == {"cover.mp3"}
