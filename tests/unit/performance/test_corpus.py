"""The benchmark's music: reproducible, truthful, and in two corpora that have nothing in common."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.performance.bench import corpus
from tests.performance.bench.compose import NOTES, Mode, Score, compose
from tests.performance.bench.instruments import RATE_HZ, VOICES, note
from tests.performance.bench.mixdown import render
from tests.performance.bench.speech import speak
from tests.performance.bench.styles import BORROWED, STYLES

ROCK = Score("rock", 120.0, 4, "minor", seconds=4.0, seed=5)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_plays_within_full_scale_and_only_notes_of_instruments(style: str) -> None:
    piece = compose(replace(ROCK, style=style))

    song = render(piece)

    assert song.shape == (4 * RATE_HZ, 2)
    assert np.isfinite(song).all()
    assert 0.02 < np.abs(song).max() < 1
    assert {stroke.voice for stroke in piece.strokes} <= set(VOICES)


def test_the_same_score_gives_the_same_song_and_another_seed_another() -> None:
    first, again, other = compose(ROCK), compose(ROCK), compose(replace(ROCK, seed=6))

    assert first == again
    assert np.array_equal(render(first), render(again))
    assert first.strokes != other.strokes


def test_beats_are_where_the_tempo_says() -> None:
    steady = np.array(compose(replace(ROCK, seconds=30)).beats_s)
    step = compose(replace(ROCK, seconds=60, motion="step", to_bpm=150.0))
    drift = compose(replace(ROCK, seconds=60, motion="drift", to_bpm=90.0))
    free = compose(replace(ROCK, style="rubato", seconds=60, motion="rubato"))

    assert np.allclose(np.diff(steady), 0.5)
    paces = 60 / np.diff(step.beats_s)
    assert (paces[0], paces[-1]) == (pytest.approx(120), pytest.approx(150))
    assert step.tempi_bpm == (120.0, 150.0)
    assert 33 <= step.beats_s[int(np.argmax(paces > 140))] <= 37
    paces = 60 / np.diff(drift.beats_s)
    assert np.all(np.diff(paces) < 0)
    assert drift.tempi_bpm[0] == pytest.approx(105, abs=2)
    assert 0.03 < np.std(60 / np.diff(free.beats_s)) / free.tempi_bpm[0] < 0.15


def test_players_keep_near_the_beat() -> None:
    piece = compose(replace(ROCK, seconds=30))
    kicks = np.array([stroke.start_s for stroke in piece.strokes if stroke.voice in {"kick", "snare"}])
    sixteenths = np.interp(np.arange(0, len(piece.beats_s), 0.25), np.arange(len(piece.beats_s)), piece.beats_s)

    off = np.abs(kicks[:, None] - sixteenths).min(axis=1)

    assert len(kicks) > 30
    assert off.max() < 0.02


def test_a_true_render_is_faster_or_higher_and_nothing_else() -> None:
    piece = compose(replace(ROCK, style="rubato", seconds=9.0))

    plain, faster, higher = render(piece), render(piece, tempo=1.5), render(piece, semitones=5)

    assert len(faster) == 6 * RATE_HZ
    assert len(higher) == 9 * RATE_HZ
    assert shift_in_semitones(plain, faster) == pytest.approx(0, abs=0.1)
    assert shift_in_semitones(plain, higher) == pytest.approx(5, abs=0.1)


def shift_in_semitones(song: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """By how much the long-term spectrum of a song has to be moved to be most like another's."""
    steps = 100 * 2 ** (np.arange(0, 60, 0.05) / 12)
    spectra = []
    for each in (song, other):
        levels = np.abs(np.fft.rfft(each.mean(axis=1), 1 << 19))
        smooth = np.convolve(levels, np.hanning(33), "same")
        spectra.append(np.log(np.interp(steps, np.fft.rfftfreq(1 << 19, 1 / RATE_HZ), smooth) + 1e-3))
    first, second = (spectrum - spectrum.mean() for spectrum in spectra)
    lags = np.arange(-200, 201)
    likeness = [np.corrcoef(first[200:-200], second[200 + lag : len(second) - 200 + lag])[0, 1] for lag in lags]
    return float(lags[int(np.argmax(likeness))] * 0.05)


def test_the_tonic_is_the_bass_and_the_chords_belong_to_the_key() -> None:
    piece = compose(replace(ROCK, seconds=40, style="ballad", mode="major", tonic=7))
    weights = np.zeros(12)
    for stroke in piece.strokes:
        if stroke.held_s > 0:
            weights[round(12 * np.log2(stroke.hz / 440) + 69) % 12] += stroke.held_s * stroke.level

    scale = [(7 + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)]
    assert weights[scale].sum() > 0.98 * weights.sum()
    assert weights[7] > np.median(weights[scale])


@pytest.mark.parametrize(
    ("voice", "hz"), [("piano", 261.6), ("steel_guitar", 196.0), ("lead", 440.0), ("organ", 130.8)]
)
def test_instruments_are_in_tune(voice: str, hz: float) -> None:
    samples = note(voice, hz, 1.0, 0)
    padded = np.fft.rfft(samples * np.hanning(len(samples)), 1 << 19)
    bins = np.fft.rfftfreq(1 << 19, 1 / RATE_HZ)
    near = (bins > hz * 0.94) & (bins < hz * 1.06)

    found = bins[near][np.argmax(np.abs(padded[near]))]

    assert abs(1200 * np.log2(found / hz)) < 8
    note.cache_clear()


def test_a_voice_that_speaks_higher_says_the_same(tmp_path: Path) -> None:
    low, high = speak(3, seconds=3), speak(3, seconds=3, semitones=4)

    assert low.shape == high.shape == (3 * RATE_HZ,)
    assert np.abs(low).max() < 1
    # The loudness of both goes up and down alike: the words are the same
    loud = [np.sqrt((line[: 3 * RATE_HZ].reshape(-1, 441) ** 2).mean(axis=1)) for line in (low, high)]
    assert np.corrcoef(*loud)[0, 1] > 0.9
    assert pitch_hz(high) / pitch_hz(low) == pytest.approx(2 ** (4 / 12), rel=0.03)
    path = corpus.speech(tmp_path, seconds=1)
    assert soundfile.info(path).channels == 1
    assert corpus.speech(tmp_path, seconds=1) == path


def pitch_hz(voice: npt.NDArray[np.float32]) -> float:
    """The median pitch of the loud moments, by autocorrelation."""
    windows = voice[: len(voice) // 2048 * 2048].reshape(-1, 2048)
    powers = (windows**2).sum(axis=1)
    spectra = np.abs(np.fft.rfft(windows[powers > np.median(powers)], 4096, axis=1)) ** 2
    lags = np.fft.irfft(spectra, axis=1)[:, RATE_HZ // 300 : RATE_HZ // 70]
    return float(np.median(RATE_HZ / (RATE_HZ // 300 + lags.argmax(axis=1))))


def test_the_corpora_have_no_clip_in_common_and_the_held_out_one_is_wide(tmp_path: Path) -> None:
    held_out = [clip.piece.score for clip in corpus.clips("held_out", tmp_path, seconds=4)]
    development = [clip.piece.score for clip in corpus.clips("development", tmp_path, seconds=4)]

    assert len(held_out) >= 26
    assert not {score.seed for score in held_out} & {score.seed for score in development}
    assert {score.style for score in development} - {score.style for score in held_out}
    assert len({score.style for score in held_out} - {score.style for score in development}) >= 8
    assert {score.motion for score in held_out} == {"steady", "step", "drift", "rubato"}
    assert {score.mode for score in held_out} == {"major", "minor"}
    assert {NOTES[score.tonic] for score in held_out} == set(NOTES)
    assert any(score.tempo_bpm >= 170 for score in held_out)
    assert any(score.tempo_bpm <= 65 for score in held_out)


def test_the_development_corpus_stays_what_the_engine_was_built_on(tmp_path: Path) -> None:
    told = [
        [
            [each.voice, *(round(figure, 6) for figure in (each.start_s, each.held_s, each.hz, each.level))]
            for each in clip.piece.strokes
        ]
        for clip in corpus.clips("development", tmp_path, seconds=8)
    ]

    assert hashlib.sha256(json.dumps(told).encode()).hexdigest().startswith("aa5fb31396632bb6")


@pytest.mark.parametrize(
    ("mode", "progression", "plays"),
    [
        ("minor", "5", {0, 2, 3, 5, 7, 8, 11}),
        ("major", "V/5", {0, 2, 4, 6, 7, 9, 11}),
        ("major", "V/2", {1, 2, 4, 5, 7, 9, 11}),
        ("major", "4m", {0, 2, 4, 5, 7, 8, 11}),
        ("minor", "b2", {0, 1, 3, 5, 7, 8, 10}),
        ("minor", "4+", {0, 2, 3, 5, 7, 9, 10}),
    ],
)
def test_chords_and_melodies_take_up_what_a_chord_alters(
    mode: Mode, progression: str, plays: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a style that stays on one chord, but where its sections close
    style = replace(STYLES["strings"], progressions={mode: (progression,)})
    monkeypatch.setitem(STYLES, "strings", style)
    piece = compose(replace(ROCK, style="strings", mode=mode, tonic=0, seconds=240))

    weights = np.zeros(12)
    for stroke in piece.strokes:
        if stroke.start_s % 32 < 30:
            weights[round(12 * np.log2(stroke.hz / 440) + 69) % 12] += 1

    # Then but for a few passing notes only that chord's scale is heard
    assert weights[sorted(plays)].sum() > 0.96 * weights.sum()


def test_every_chord_of_every_style_is_known() -> None:
    named = {
        name
        for style in STYLES.values()
        for each in style.progressions.values()
        for row in each
        for name in row.split()
    }

    assert named <= set(BORROWED) | set("1234567")


def test_a_clip_is_rendered_once_and_a_song_repeats_without_a_gap(tmp_path: Path) -> None:
    clip = corpus.clips("held_out", tmp_path, seconds=2)[0]
    written = clip.rendered().stat().st_mtime_ns
    song = corpus.songs(tmp_path, seconds=3)[0]

    assert clip.rendered().stat().st_mtime_ns == written
    assert soundfile.info(clip.path).frames == 2 * RATE_HZ
    once, thrice = soundfile.read(song.mp3)[0], soundfile.read(corpus.repeated_mp3(song, 3))[0]
    assert len(thrice) == pytest.approx(3 * len(once), abs=5 * 1152)
    assert np.sqrt((thrice[RATE_HZ : -RATE_HZ // 4] ** 2).mean()) > 0.01
