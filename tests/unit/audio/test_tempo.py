"""Tempo and beats: right on music of known tempo, and silent where there is no pulse."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.audio.signals import RATE, Samples, clicks, noise, tone, write
from tonearm_audio import analyze
from tonearm_audio.tempo import Pulse
from tonearm_cli.demo_song import compose_demo_song


def pulse_of(path: Path) -> Pulse:
    return analyze(path).pulse


def f_measure(found: tuple[float, ...], truth: Samples, tolerance_s: float = 0.07) -> float:
    hits = sum(bool(np.any(np.abs(np.array(found) - beat) <= tolerance_s)) for beat in truth)
    return 2 * hits / (len(found) + len(truth))


@pytest.mark.parametrize("tempo_bpm", [84.0, 96.0, 104.0, 120.0, 133.3])
def test_given_a_song_then_its_tempo_and_beats_are_found(tmp_path: Path, tempo_bpm: float) -> None:
    song = compose_demo_song(tmp_path / "song.wav", duration_s=25.0, tempo_bpm=tempo_bpm, seed=round(tempo_bpm))

    pulse = pulse_of(song.path)

    assert pulse.tempo_bpm == pytest.approx(tempo_bpm, rel=0.004)
    assert pulse.confidence > 0.5
    assert f_measure(pulse.beats_s, np.arange(0, 24.9, 60 / tempo_bpm)) > 0.95


def test_beats_lie_on_the_attacks(tmp_path: Path) -> None:
    # Given clicks at 100 bpm over a little noise
    truth = np.arange(0.7, 19.5, 0.6)
    path = write(tmp_path / "clicks.wav", clicks(list(truth), 20.0) + noise(20.0, gain=0.0005))

    beats = np.array(pulse_of(path).beats_s)
    off = beats[:, np.newaxis] - truth
    nearest = off[np.arange(len(beats)), np.abs(off).argmin(axis=1)]

    assert abs(float(np.median(nearest))) < 0.006
    assert float(np.abs(nearest).max()) < 0.03


def test_given_a_tempo_that_drifts_then_the_beats_follow_it(tmp_path: Path) -> None:
    # Given clicks that quicken from 95 to 115 bpm
    times, beat = [], 0.5
    while beat < 39:
        times.append(beat)
        beat += 60 / (95 + 20 * beat / 39)
    path = write(tmp_path / "drift.wav", clicks(times, 40.0) + noise(40.0, gain=0.0005))

    pulse = pulse_of(path)

    assert f_measure(pulse.beats_s, np.array(times)) > 0.9


def test_given_music_that_ends_then_no_beat_lies_in_the_silence_after_it(tmp_path: Path) -> None:
    samples = np.concatenate(
        [np.zeros((5 * RATE, 2)), clicks(list(np.arange(0.1, 20, 0.5)), 20.0), np.zeros((8 * RATE, 2))]
    )

    beats = pulse_of(write(tmp_path / "a.wav", samples)).beats_s

    assert min(beats) > 4.9
    assert max(beats) < 25.1


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(np.zeros((RATE * 12, 2)), id="silence"),
        pytest.param(noise(20.0), id="noise"),
        pytest.param(tone(440, 12.0), id="steady tone"),
        pytest.param(noise(0.3), id="too short"),
        pytest.param(clicks(sorted(np.random.default_rng(4).uniform(0, 29, 70)), 30.0), id="random clicks"),
    ],
)
def test_given_no_pulse_then_there_is_no_tempo(tmp_path: Path, samples: Samples) -> None:
    found = analyze(write(tmp_path / "a.wav", samples)).to_dict()

    assert found["tempo_bpm"] is None
    assert found["tempo_confidence"] == 0.0
    assert found["beats_s"] == []


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
def test_the_sample_rate_changes_little(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", clicks(list(np.arange(0.3, 20, 0.5)), 20.0, rate=rate), rate=rate)

    assert pulse_of(path).tempo_bpm == pytest.approx(120, rel=0.004)
