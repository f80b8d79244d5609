"""Tempo and beats: right on music of known tempo, and silent where there is no pulse."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit.audio.signals import RATE, Samples, clicks, noise, tone, write
from tonearm_audio import analyze, tempo
from tonearm_audio.tempo import Pulse
from tonearm_cli.demo_song import compose_demo_song


def pulse_of(path: Path) -> Pulse:
    return analyze(path).pulse


def f_measure(found: Sequence[float], truth: npt.ArrayLike, tolerance_s: float = 0.07) -> float:
    truth = np.asarray(truth)
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


def struck(beats: list[tuple[float, str]], seconds: float) -> Samples:
    """A kick ("k"), a snare ("s") or a hat ("h") at each time, in stereo."""
    time = np.arange(RATE // 4) / RATE
    hiss = np.random.default_rng(8).standard_normal(len(time) + 2)
    kit = {
        "k": np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-35 * time)))) * np.exp(-10 * time),
        "s": 0.5 * (hiss[2:] + np.sin(2 * np.pi * 190 * time)) * np.exp(-17 * time),
        "h": 0.2 * np.diff(hiss, 2) * np.exp(-70 * time),
    }
    out = np.zeros((round(seconds * RATE), 2))
    for at, drum in beats:
        room = out[round(at * RATE) : round(at * RATE) + len(time)]
        room += 0.5 * kit[drum][: len(room), np.newaxis]
    return out


def test_given_a_slow_song_then_its_beat_is_not_read_as_two(tmp_path: Path) -> None:
    # Given a backbeat at 72 bpm with eighths on the hat
    beat = 60 / 72
    hits = [(number * beat + 0.3, "ks"[number % 2]) for number in range(36)]
    hits += [(number * beat / 2 + 0.3, "h") for number in range(72)]

    pulse = pulse_of(write(tmp_path / "slow.wav", struck(hits, 31.0)))

    assert pulse.tempo_bpm == pytest.approx(72, rel=0.004)
    assert f_measure(pulse.beats_s, 0.3 + beat * np.arange(36)) > 0.95


def test_given_drum_and_bass_then_its_beat_is_not_halved(tmp_path: Path) -> None:
    # Given a two-step at 174 bpm: kicks on one and the eighth after three, snares on two and four
    beat = 60 / 174
    hits = [
        (bar * 4 * beat + at * beat, drum)
        for bar in range(20)
        for at, drum in ((0, "k"), (1, "s"), (2.5, "k"), (3, "s"))
    ]
    hits += [(number * beat / 2, "h") for number in range(160)]

    pulse = pulse_of(write(tmp_path / "two-step.wav", struck(hits, 28.0)))

    assert pulse.tempo_bpm == pytest.approx(174, rel=0.004)
    assert f_measure(pulse.beats_s, beat * np.arange(80)) > 0.95


def test_given_a_tempo_that_steps_then_the_tempo_over_time_shows_it(tmp_path: Path) -> None:
    # Given clicks at 100 bpm for 24 s, then at 120
    times = [*np.arange(0.5, 24.2, 0.6), *np.arange(24.5, 48.0, 0.5)]
    path = write(tmp_path / "step.wav", clicks(times, 48.0) + noise(48.0, gain=0.0005))

    found = dict(pulse_of(path).tempo_over_time())

    assert list(found) == sorted(found)
    assert [tempo for time, tempo in found.items() if time < 20] == pytest.approx(np.full(8, 100.0), rel=0.02)
    late = [tempo for time, tempo in found.items() if time > 30]
    assert len(late) > 5
    assert late == pytest.approx(np.full(len(late), 120.0), rel=0.02)


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


def test_given_clicks_that_begin_late_in_faint_noise_then_no_beat_lies_before_the_first(tmp_path: Path) -> None:
    # Given clicks at 120 bpm from 3.7 s to 19.2 s
    truth = np.arange(3.7, 19.5, 0.5)
    path = write(tmp_path / "late.wav", clicks(list(truth), 25.0) + noise(25.0, gain=0.0005))

    beats = np.array(pulse_of(path).beats_s)

    assert beats == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(np.zeros((RATE * 12, 2)), id="silence"),
        pytest.param(noise(20.0), id="noise"),
        pytest.param(tone(440, 12.0), id="steady tone"),
        pytest.param(noise(0.3), id="too short"),
        pytest.param(clicks(sorted(np.random.default_rng(4).uniform(0, 29, 70)), 30.0), id="random clicks"),
        pytest.param(
            clicks(sorted(np.random.default_rng(7007).uniform(0, 29, 70)), 30.0),
            id="random clicks that are nearly a pulse",
        ),
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


def test_a_long_track_is_read_in_parts_that_join(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given clicks at 120 bpm, and four parts, between which two clicks lie on a cut
    monkeypatch.setattr("tonearm_audio.tempo._PART_S", 10.0)
    monkeypatch.setattr("tonearm_audio.tempo._WHOLE_S", 15.0)
    truth = np.arange(0.25, 44.5, 0.5)
    assert {11.25, 33.75} < set(truth)
    path = write(tmp_path / "long.wav", clicks(list(truth), 45.0) + noise(45.0, gain=0.0005))

    pulse = pulse_of(path)

    assert pulse.tempo_bpm == pytest.approx(120, rel=0.004)
    assert f_measure(pulse.beats_s, truth) > 0.95
    assert np.diff(pulse.beats_s).min() > 0.3


def test_a_beat_on_the_cut_between_two_parts_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given parts that begin and end with a beat
    def find(odds: tempo.Odds) -> Pulse:
        return Pulse(120.0, 0.5, np.arange(0, len(odds) / tempo.FRAME_RATE + 0.1, 0.5).tolist())

    monkeypatch.setattr(tempo, "_find", find)
    found = tempo.find_pulse(np.zeros(round(1200 * tempo.FRAME_RATE), np.float16))

    assert np.diff(found.beats_s) == pytest.approx(0.5)
    assert found.tempo_bpm == pytest.approx(120, rel=0.001)


def test_of_a_long_track_the_parts_without_beats_do_not_make_the_others_less_sure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given clicks for a quarter of the time, and silence
    path = write(tmp_path / "long.wav", np.concatenate([clicks(list(np.arange(0.3, 10, 0.5)), 11.0), clicks([], 34.0)]))
    whole = pulse_of(path)

    monkeypatch.setattr("tonearm_audio.tempo._PART_S", 10.0)
    monkeypatch.setattr("tonearm_audio.tempo._WHOLE_S", 15.0)
    in_parts = pulse_of(path)

    assert in_parts.tempo_bpm == pytest.approx(120, rel=0.004)
    assert in_parts.confidence == pytest.approx(whole.confidence, abs=0.1)


@pytest.mark.parametrize(("minutes", "parts"), [(15, 1), (16, 3), (60, 12)])
def test_a_track_of_a_quarter_of_an_hour_is_read_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, minutes: int, parts: int
) -> None:
    seen: list[int] = []

    def find(odds: tempo.Odds) -> Pulse:
        seen.append(len(odds))
        return tempo.NO_PULSE

    monkeypatch.setattr(tempo, "_find", find)

    tempo.find_pulse(np.zeros(round(60 * minutes * tempo.FRAME_RATE), np.float16))

    assert len(seen) == parts
    assert sum(seen) == 60 * minutes * tempo.FRAME_RATE


def test_the_tempo_over_time_is_that_of_eight_beats() -> None:
    beats_s = np.cumsum(np.geomspace(0.5, 0.8, 40))

    found = list(Pulse(100.0, 0.5, beats_s.tolist()).tempo_over_time())

    assert [at for at, _ in found] == beats_s[4:-4:4].tolist()
    assert [bpm for _, bpm in found] == pytest.approx((480 / (beats_s[8:] - beats_s[:-8]))[::4])
