"""Tempo and beats of a track, from its onsets, with numpy alone.

Three steps, each from the literature:

1. Onset strength: rise of a log-mel spectrogram over a band-wise local maximum, so that vibrato is no onset (SuperFlux;
   Böck and Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013).
2. Tempo: autocorrelation of the onset strength in windows of 12 s, scored by a comb over multiples of each beat period
   and weighted by how people tap (log-normal around 115 bpm; Ellis 2007), followed through the song by dynamic
   programming, so that a drifting tempo is tracked.
3. Beats: the series of onsets that best keeps the local period (Ellis, "Beat tracking by dynamic programming",
   Journal of New Music Research 36(1), 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm_audio.product import product

ANALYSIS_RATE_HZ = 22_050
"""Sample rate that the onset analysis works at."""

_WINDOW = 1024
_HOP = 256
_FRAME_RATE = ANALYSIS_RATE_HZ / _HOP
_BANDS = 40
_TEMPI_BPM = np.arange(40.0, 240.01, 0.25)
_CENTRE_BPM = 115.0
_WIDTH_OCTAVES = 0.75
_SPAN_S = 12.0
_STEP_S = 3.0
_TIGHTNESS = 100.0
_LEAST_CONFIDENCE = 0.1
"""Noise and randomly placed drum hits stay below it, music whose tempo swings by 8 % comes out above."""
_LEAST_RISE = 0.01
"""Log-mel rise below which nothing was played: the ripple of a steady tone stays under 0.001, a note makes 0.1."""

Signal = npt.NDArray[np.float64]
Mono = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pulse:
    """The pulse of a track.

    Attributes:
        tempo_bpm: beats a minute, 40 to 240; None when there is no pulse.
        confidence: 0.0 (no pulse) to 1.0 (every onset on the grid).
        beats_s: times of the beats in seconds, rising; empty when there is no pulse.
    """

    tempo_bpm: float | None
    confidence: float
    beats_s: tuple[float, ...]


NO_PULSE = Pulse(None, 0.0, ())


class OnsetMeter:
    """Turns a mono stream at `ANALYSIS_RATE_HZ` into onset strength, a few numbers for each 12 ms."""

    def __init__(self) -> None:
        self._filters = _mel_filters()
        self._shape = np.hanning(_WINDOW).astype(np.float32)
        # Half a window of silence before the first sample, so that an attack at 0 s is an onset.
        self._rest: Mono = np.zeros(_WINDOW // 2, np.float32)
        self._levels: list[npt.NDArray[np.float32]] = []
        self._before: npt.NDArray[np.float32] = np.zeros((2, _BANDS), np.float32)

    def feed(self, block: Mono) -> None:
        """Take np.ndarray [shape=(frames,), dtype=float32]."""
        samples = np.concatenate([self._rest, block])
        count = max(0, (len(samples) - _WINDOW) // _HOP + 1)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
            spectra = np.abs(np.fft.rfft(frames * self._shape, axis=-1)).astype(np.float32)
            levels = np.concatenate([self._before, np.log1p(100 * product(spectra, self._filters))])
            self._levels.append(_rise(levels))
            self._before = levels[-2:]
        self._rest = samples[count * _HOP :].copy()

    def strength(self) -> Signal:
        """Onset strength a frame, flattened: local mean taken off, local deviation one."""
        self.feed(np.zeros(_WINDOW // 2, np.float32))
        if not self._levels:
            return np.zeros(0)
        raw = np.concatenate(self._levels).sum(axis=1, dtype=np.float64)
        smooth = np.convolve(raw, np.array([0.25, 0.5, 0.25]), "same")
        above = np.maximum(smooth - _local_mean(smooth, 1.0) - _LEAST_RISE, 0.0)
        deviation = np.sqrt(_local_mean(above**2, 5.0))
        flattened: Signal = above / (deviation + 0.05 * float(deviation.max()) + 1e-9)
        return flattened


def _rise(levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Onset strength in three registers (low, middle, high) [shape=(frames, 3)]; two frames of `levels` lead in."""
    past = levels[:-2]
    widened = past.copy()
    widened[:, 1:] = np.maximum(widened[:, 1:], past[:, :-1])
    widened[:, :-1] = np.maximum(widened[:, :-1], past[:, 1:])
    rise = np.maximum(levels[2:] - widened, 0)
    return np.stack([rise[:, :8].mean(axis=1), rise[:, 8:24].mean(axis=1), rise[:, 24:].mean(axis=1)], axis=1)


def _mel_filters() -> npt.NDArray[np.float32]:
    """Triangular filters, evenly spaced in mel from 30 Hz to 10 kHz [shape=(bins, bands)], each with unit sum."""
    frequencies = np.linspace(0, ANALYSIS_RATE_HZ / 2, _WINDOW // 2 + 1)
    low, high = (2595 * np.log10(1 + f / 700) for f in (30.0, 10_000.0))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    rising = (frequencies[:, np.newaxis] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies[:, np.newaxis]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(np.minimum(rising, falling), 0)
    unit: npt.NDArray[np.float32] = (filters / (filters.sum(axis=0) + 1e-9)).astype(np.float32)
    return unit


def _local_mean(values: Signal, seconds: float) -> Signal:
    reach = max(1, min(len(values), round(seconds * _FRAME_RATE)) // 2)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    start, end = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    mean: Signal = (sums[end] - sums[start]) / (end - start)
    return np.maximum(mean, 0.0)


def find_pulse(strength: Signal) -> Pulse:
    """Find tempo and beats in onset strength.

    Args:
        strength: np.ndarray [shape=(frames,)] as `OnsetMeter.strength` gives it.

    Returns:
        The pulse; `NO_PULSE` when the track is silent, shorter than 2 s, or has no regular onsets.
    """
    if len(strength) < 2 * _FRAME_RATE or not strength.any():
        return NO_PULSE
    correlations, centres = _autocorrelations(strength)
    scores = np.maximum(np.stack([_comb(row) for row in correlations]), 0.0)
    prior = np.exp(-0.5 * (np.log2(_TEMPI_BPM / _CENTRE_BPM) / _WIDTH_OCTAVES) ** 2)
    overall = float(_TEMPI_BPM[int((scores.mean(axis=0) * prior).argmax())])
    path = _follow(scores, overall)
    confidence = _confidence(correlations, path)
    # Chance agreement grows as the square root of what there is to average over shrinks.
    if confidence < _LEAST_CONFIDENCE * max(1.0, math.sqrt(_SPAN_S * _FRAME_RATE / len(strength))):
        return NO_PULSE
    periods = 60 * _FRAME_RATE / np.interp(np.arange(len(strength)), centres, path)
    beats = _within_music(_track(strength, periods), strength)
    times = beats * _HOP / ANALYSIS_RATE_HZ
    return Pulse(_mean_tempo(times, overall), confidence, tuple(float(time) for time in times))


def _autocorrelations(strength: Signal) -> tuple[Signal, Signal]:
    """Unbiased autocorrelation of each window, 1.0 at lag 0, and the frame at each window's centre."""
    span = min(round(_SPAN_S * _FRAME_RATE), len(strength))
    step = round(_STEP_S * _FRAME_RATE)
    starts = list(range(0, len(strength) - span + 1, step))
    rows = []
    for start in starts:
        window = strength[start : start + span]
        window = window - window.mean()
        power = np.abs(np.fft.rfft(window, 2 * span)) ** 2
        row = np.fft.irfft(power)[:span] / np.arange(span, 0, -1)
        rows.append(row / (row[0] + 1e-9))
    return np.stack(rows), np.array(starts) + span / 2


def _at_lag(correlation: Signal, lag: Signal) -> Signal:
    # The last lags rest on few products; they would be noise.
    usable = lag < 0.75 * len(correlation) - 1
    safe = np.where(usable, lag, 0.0)
    whole = safe.astype(int)
    part = safe - whole
    value: Signal = correlation[whole] * (1 - part) + correlation[whole + 1] * part
    return np.where(usable, value, 0.0)


def _comb(correlation: Signal) -> Signal:
    """How well each tempo explains the correlation: its beat, its multiples, and its division into two."""
    lag = 60 * _FRAME_RATE / _TEMPI_BPM
    weights = ((0.5, 0.35), (1, 1.0), (2, 0.9), (3, 0.35), (4, 0.8))
    score: Signal = np.sum([weight * _at_lag(correlation, multiple * lag) for multiple, weight in weights], axis=0)
    return score


def _confidence(correlations: Signal, path: Signal) -> float:
    """How much of the onsets' energy comes back after one and two beats, give or take a frame, over the whole song."""
    agreements = []
    for row, tempo in zip(correlations, path, strict=True):
        if row.any():
            lags = 60 * _FRAME_RATE / tempo * np.array([[1.0], [2.0]]) + np.array([-1.0, 0.0, 1.0])
            agreements.append(np.maximum(_at_lag(row, lags), 0.0).max(axis=1).mean())
    return float(np.clip(np.mean(agreements), 0.0, 1.0)) if agreements else 0.0


def _follow(scores: Signal, centre_bpm: float) -> Signal:
    """The tempo at each window: near the overall one, and moving no faster than music does (Viterbi)."""
    near = np.exp(-0.5 * (np.log2(_TEMPI_BPM / centre_bpm) / 0.25) ** 2)
    likelihood = np.log(scores * near + 1e-3 * float((scores * near).max()) + 1e-12)
    reach, cost = 12, 0.15
    total, back = likelihood[0], []
    count = len(_TEMPI_BPM)
    for row in likelihood[1:]:
        padded = np.pad(total, reach, constant_values=-np.inf)
        moves = np.stack([padded[reach + m : reach + m + count] - cost * abs(m) for m in range(-reach, reach + 1)])
        choice = moves.argmax(axis=0)
        back.append(np.arange(count) + choice - reach)
        total = moves.max(axis=0) + row
    path = [int(total.argmax())]
    for choices in reversed(back):
        path.append(int(choices[path[-1]]))
    return _TEMPI_BPM[path[::-1]]


def _track(strength: Signal, periods: Signal) -> npt.NDArray[np.intp]:
    """Ellis's dynamic programme: maximise onset strength at beats less the squared log deviation from the period."""
    pulse = np.convolve(strength, np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2), "same")
    total = pulse.copy()
    before = np.full(len(pulse), -1)
    for frame in range(len(pulse)):
        period = periods[frame]
        start, end = max(0, frame - int(1.5 * period)), frame - int(0.6 * period)
        if end <= start:
            continue
        deviation = np.log(np.arange(frame - start, frame - end, -1) / period)
        candidates = total[start:end] - _TIGHTNESS * deviation**2
        choice = int(candidates.argmax())
        total[frame] = pulse[frame] + candidates[choice]
        before[frame] = start + choice
    last = int(periods[-1])
    frame = len(total) - last + int(total[-last:].argmax())
    beats = [frame]
    while before[beats[-1]] >= 0:
        beats.append(int(before[beats[-1]]))
    return np.array(beats[::-1])


def _within_music(beats: npt.NDArray[np.intp], strength: Signal) -> npt.NDArray[np.intp]:
    """Drop the beats that the programme laid into the silence before the first and after the last onset."""
    heard = np.flatnonzero(strength > 0.1 * float(strength.max()))
    slack = round(0.1 * _FRAME_RATE)
    kept: npt.NDArray[np.intp] = beats[(beats >= heard[0] - slack) & (beats <= heard[-1] + slack)]
    return kept


def _mean_tempo(times: Signal, estimate_bpm: float) -> float:
    """The tempo as the slope of the beats, finer than the grid of candidates, unless they disagree with it."""
    if len(times) > 8:
        number = np.arange(len(times)) - (len(times) - 1) / 2
        measured = 60 * float(number @ number) / float(number @ times)
        if abs(measured / estimate_bpm - 1) < 0.06:
            return measured
    return estimate_bpm
