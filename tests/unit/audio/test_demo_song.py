"""The demo song: stereo, loud enough, never clipped, the same for the same seed, and quickly made."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.unit.audio.signals import run_python
from tonearm_audio import analyze
from tonearm_cli.demo_song import compose_demo_song


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_song_is_music_at_a_sensible_level(tmp_path: Path, seed: int) -> None:
    song = compose_demo_song(tmp_path / "song.wav", duration_s=12.0, seed=seed)

    found = analyze(song.path)
    samples = soundfile.read(str(song.path))[0]
    assert found.duration_s == song.duration_s == 12.0
    assert found.loudness.integrated_lufs == pytest.approx(-14.5, abs=1.5)
    assert found.loudness.true_peak_dbtp is not None
    assert found.loudness.true_peak_dbtp < -0.5
    # Then it is stereo, yet nothing is lost in mono
    assert 0.5 < np.corrcoef(samples.T)[0, 1] < 0.98
    assert song.key.endswith(" minor")


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    one = compose_demo_song(tmp_path / "a.wav", duration_s=4.0, seed=7).path.read_bytes()
    again = compose_demo_song(tmp_path / "b.wav", duration_s=4.0, seed=7).path.read_bytes()
    other = compose_demo_song(tmp_path / "c.wav", duration_s=4.0, seed=8).path.read_bytes()

    assert one == again
    assert one != other


def test_the_suffix_chooses_the_format(tmp_path: Path) -> None:
    song = compose_demo_song(tmp_path / "a.flac", duration_s=2.0)

    assert soundfile.info(str(song.path)).format == "FLAC"


@pytest.mark.parametrize("wrong", [{"duration_s": 0.5}, {"tempo_bpm": 20.0}, {"sample_rate_hz": 8000}])
def test_given_a_value_out_of_range_then_it_is_named(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        compose_demo_song(tmp_path / "a.wav", **wrong)  # type: ignore[arg-type]  # what is refused


def test_the_composer_needs_no_engine(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tonearm_cli.demo_song import compose_demo_song;"
        "compose_demo_song(Path(sys.argv[1]), duration_s=2.0); print(*sys.modules)"
    )

    assert "tonearm_audio" not in run_python(code, str(tmp_path / "a.wav")).split()
