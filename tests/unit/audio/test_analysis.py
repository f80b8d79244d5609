"""Analyze: one decode, plain values, progress that rises."""

import json
from pathlib import Path

import pytest

from tests.unit.audio.signals import RATE, noise, write
from tonearm_audio import ENGINE_VERSION, AudioError, analyze
from tonearm_cli.demo_song import DemoSong


def test_given_a_song_then_the_analysis_holds_every_promised_field(song: DemoSong) -> None:
    found = json.loads(json.dumps(analyze(song.path).to_dict()))

    assert found["engine_version"] == ENGINE_VERSION
    assert (found["frames"], found["sample_rate_hz"], found["channels"]) == (20 * RATE, RATE, 2)
    assert found["duration_s"] == 20.0
    assert found["tempo_bpm"] == pytest.approx(104, abs=0.3)
    assert 0 < found["tempo_confidence"] <= 1
    assert found["beats_s"] == sorted(found["beats_s"])
    assert found["loudness"]["max_momentary_lufs"] > found["loudness"]["max_short_term_lufs"]
    assert found["loudness"]["max_short_term_lufs"] > found["loudness"]["integrated_lufs"]
    assert len(found["loudness"]["short_term"]["lufs"]) == 18
    assert found["loudness"]["true_peak_dbtp"] >= found["loudness"]["sample_peak_dbfs"]


def test_an_mp3_of_a_song_is_analyzed_like_the_song(song: DemoSong, song_mp3: Path) -> None:
    first, second = analyze(song.path), analyze(song_mp3)

    assert second.frames == first.frames
    assert second.loudness.integrated_lufs == pytest.approx(first.loudness.integrated_lufs, abs=0.1)
    assert second.pulse.tempo_bpm == pytest.approx(first.pulse.tempo_bpm, abs=0.1)


def test_progress_rises_to_one(song: DemoSong) -> None:
    seen: list[float] = []

    analyze(song.path, on_progress=seen.append)

    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == 1.0


def test_swapping_the_channels_changes_no_loudness(tmp_path: Path) -> None:
    samples = noise(5.0)
    samples[:, 0] *= 0.3
    one = analyze(write(tmp_path / "a.wav", samples)).loudness
    other = analyze(write(tmp_path / "b.wav", samples[:, ::-1])).loudness

    assert one.to_dict() == other.to_dict()


def test_given_a_truncated_file_then_it_is_refused(tmp_path: Path, song_mp3: Path) -> None:
    path = tmp_path / "cut.mp3"
    path.write_bytes(song_mp3.read_bytes()[:100_000])

    with pytest.raises(AudioError) as caught:
        analyze(path)

    assert caught.value.code == "track.truncated"
