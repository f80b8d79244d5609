"""Songs that several tests of the audio engine share."""

from pathlib import Path

import pytest

from tests.unit.audio.signals import noise, tone, write
from tonearm_audio import OutputFormat, render
from tonearm_cli.demo_song import DemoSong, compose_demo_song


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> DemoSong:
    """Given 20 s of music at 104 bpm."""
    return compose_demo_song(tmp_path_factory.mktemp("song") / "song.wav", duration_s=20.0, tempo_bpm=104.0)


@pytest.fixture(scope="session")
def song_mp3(song: DemoSong) -> Path:
    """Given the same music as a gapless MP3."""
    path = song.path.with_suffix(".mp3")
    render(song.path, path, operations=[], output=OutputFormat("mp3"))
    return path


@pytest.fixture(scope="session")
def short_tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Given 2 s of a tone over a little noise."""
    return write(tmp_path_factory.mktemp("tone") / "tone.wav", tone(440, 2.0) + noise(2.0, gain=0.001))
