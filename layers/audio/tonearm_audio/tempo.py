"""Tempo and beats of a track, from its onsets.

Four steps:

1. Onset strength in three registers: rise of a log-mel spectrogram over a band-wise local maximum, so that vibrato is
   no onset (SuperFlux; Böck and Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013).
2. A pulse: autocorrelation of the onset strength in windows of 12 s, scored by a comb over multiples of each period and
   weighted by how people tap (log-normal around 115 bpm; Ellis 2007), followed through the song by dynamic programming.
3. Its series of onsets that best keeps the local period (Ellis, "Beat tracking by dynamic programming", Journal of New
   Music Research 36(1), 2007).
4. Which multiple of that pulse is the beat, and on which of its ticks: every reading is held against bars of known
   rhythms in the three registers, and the likeliest one wins (rhythmic patterns as in Krebs, Böck and Widmer, "Rhythmic
   pattern modeling for beat and downbeat tracking in musical audio", ISMIR 2013). The rhythms, in rhythms.npz, were
   learned from composed songs: see docs/tempo-and-key.md.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonearm_audio.kernels import address, library, size
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
_PART_S = 600.0
_LEAST_CONFIDENCE = 0.1
"""Noise and randomly placed drum hits stay below it, music whose tempo swings by 8 % comes out above."""
_EDGES = (0, 2, 8, 24, 40)
"""Mel bands at which a register begins: 30 Hz, 150 Hz, 600 Hz (where the middle is halved), 3 kHz."""
_TICKS_A_PULSE = 144
"""A twelfth of a twelfth of the tracked pulse: every reading's tick is a whole number of them."""
_READINGS = (4, 6, 8, 9, 12, 16, 18, 24, 36)
"""What may be the beat, in twelfths of the pulse that was tracked: from a third of it to three of them."""
_WINDOW_TICKS = 1152
"""Eight pulses, in ticks of a reading of one twelfth: a rhythm is chosen anew that often."""
_SLOWEST_BPM, _FASTEST_BPM = 42.0, 215.0
_INDEPENDENT = 0.15
"""How much of a likelihood counts: neighbouring frames repeat each other, and so do bars."""
_SHIFT_COST = 8.0
_CANDIDATES = 4
"""Pulses that are tracked and read: the one that is easiest to see need not be the one that is easiest to follow."""
_PRIOR_S = 5.0
"""Seconds of music that say as much as what is known of tempi beforehand."""
_USUAL_BPM = 105.0
_USUAL_WIDTH_OCTAVES = 0.6
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
        tempo_over_time: (time in seconds, beats a minute) every four beats, smoothed over eight; empty when there are
            fewer than nine beats.
    """

    tempo_bpm: float | None
    confidence: float
    beats_s: tuple[float, ...]
    tempo_over_time: tuple[tuple[float, float], ...] = ()


NO_PULSE = Pulse(None, 0.0, ())


class OnsetMeter:
    """Turns a mono stream at `ANALYSIS_RATE_HZ` into onset strength, a few numbers for each 12 ms."""

    frame_rate_hz = _FRAME_RATE

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

    def strength(self) -> Mono:
        """Onset strength in three registers, to 150 Hz, to 3 kHz and above [shape=(frames, 3), dtype=float32]."""
        self.feed(np.zeros(_WINDOW // 2, np.float32))
        return np.concatenate([np.zeros((0, 3), np.float32), *self._levels])


def _rise(levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Onset strength in three registers [shape=(frames, 3)]; two frames of `levels` lead in."""
    past = levels[:-2]
    widened = past.copy()
    widened[:, 1:] = np.maximum(widened[:, 1:], past[:, :-1])
    widened[:, :-1] = np.maximum(widened[:, :-1], past[:, 1:])
    rise = np.maximum(levels[2:] - widened, 0)
    low, lower, upper, high = (rise[:, start:end].mean(axis=1) for start, end in pairwise(_EDGES))
    # Neither half of the middle outweighs the other, however many bands it has.
    return np.stack([low, (lower + upper) / 2, high], axis=1)


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


def find_pulse(strength: Mono) -> Pulse:
    """Find tempo and beats in onset strength.

    A track longer than a quarter of an hour is read in parts of ten minutes, each for itself: memory stays bounded, and
    what is that long is hardly one song.

    Args:
        strength: np.ndarray [shape=(frames, 3)] as `OnsetMeter.strength` gives it.

    Returns:
        The pulse; `NO_PULSE` when the track is silent, shorter than 2 s, or has no regular onsets.
    """
    if len(strength) <= 1.5 * _PART_S * _FRAME_RATE:
        return _find(strength)
    count = round(len(strength) / (_PART_S * _FRAME_RATE))
    edges = [round(len(strength) * number / count) for number in range(count + 1)]
    found = [(start / _FRAME_RATE, _find(strength[start:end])) for start, end in pairwise(edges)]
    beats: list[float] = []
    for start_s, pulse in found:
        # A beat on the cut is found from both sides.
        least_s = 30 / (pulse.tempo_bpm or math.inf) + (beats[-1] if beats else -math.inf)
        beats += [start_s + beat for beat in pulse.beats_s if start_s + beat > least_s]
    if not beats:
        return NO_PULSE
    times = np.array(beats)
    confidence = float(np.mean([pulse.confidence for _, pulse in found]))
    return Pulse(_mean_tempo(times), confidence, tuple(beats), _tempo_over_time(times))


def _find(strength: Mono) -> Pulse:
    if len(strength) < 2 * _FRAME_RATE:
        return NO_PULSE
    onsets = _flatten(strength @ np.array([0.25, 0.5, 0.25]))
    if not onsets.any():
        return NO_PULSE
    prominence = contrast(strength)
    correlations, centres = _autocorrelations(onsets)
    scores = np.maximum(np.stack([_comb(row) for row in correlations]), 0.0)
    prior = np.exp(-0.5 * (np.log2(_TEMPI_BPM / _CENTRE_BPM) / _WIDTH_OCTAVES) ** 2)
    marks = scores.mean(axis=0) * prior
    confidence, likeliest, beats = 0.0, -math.inf, np.zeros(0)
    for tempo in _candidates(marks):
        path = _follow(scores, tempo)
        confidence = max(confidence, _confidence(correlations, path))
        periods = 60 * _FRAME_RATE / np.interp(np.arange(len(onsets)), centres, path)
        score, reading = _read(prominence, _track(onsets, periods))
        if score > likeliest:
            likeliest, beats = score, reading
    # Chance agreement grows as the square root of what there is to average over shrinks.
    if confidence < _LEAST_CONFIDENCE * max(1.0, math.sqrt(_SPAN_S * _FRAME_RATE / len(onsets))):
        return NO_PULSE
    beats = _within_music(beats, onsets)
    times = beats / _FRAME_RATE
    if len(times) < 2:
        return NO_PULSE
    return Pulse(_mean_tempo(times), confidence, tuple(map(float, times)), _tempo_over_time(times))


def _candidates(marks: Signal) -> list[float]:
    """The tempi of the highest marks, best first, none close to another."""
    left = marks.copy()
    found: list[float] = []
    while len(found) < _CANDIDATES and left.max() > 0:
        best = float(_TEMPI_BPM[int(left.argmax())])
        found.append(best)
        left[np.abs(np.log2(_TEMPI_BPM / best)) < 0.2] = 0.0
    return found


def _flatten(raw: Signal) -> Signal:
    """Onset strength with its local mean taken off and a local deviation of one."""
    smooth = np.convolve(raw, np.array([0.25, 0.5, 0.25]), "same")
    above = np.maximum(smooth - _local_mean(smooth, 1.0) - _LEAST_RISE, 0.0)
    deviation = np.sqrt(_local_mean(above**2, 5.0))
    flattened: Signal = above / (deviation + 0.05 * float(deviation.max()) + 1e-9)
    return flattened


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


def _track(strength: Signal, periods: Signal) -> Signal:
    """Ellis's dynamic programme: maximise onset strength at beats less the squared log deviation from the period."""
    pulse = np.convolve(strength, np.exp(-0.5 * (np.arange(-3, 4) / 1.2) ** 2), "same")
    total = np.empty(len(pulse))
    before = np.empty(len(pulse), np.int32)
    library().tonearm_track_beats(
        address(pulse, np.float64),
        address(periods, np.float64),
        address(np.log(periods), np.float64),
        address(np.log(np.maximum(1.0, np.arange(2 * periods.max()))), np.float64),
        ctypes.c_double(_TIGHTNESS),
        size(len(pulse)),
        address(total, np.float64),
        address(before, np.int32),
    )
    last = int(periods[-1])
    beats = [len(total) - last + int(total[-last:].argmax())]
    while before[beats[-1]] >= 0:
        beats.append(int(before[beats[-1]]))
    return np.array(beats[::-1], np.float64)


@dataclass(frozen=True)
class _Rhythms:
    """Bars of known rhythms of one metre.

    Attributes:
        beats: beats a bar.
        spectra: np.ndarray [shape=(7, 1, rhythms, bins)]: what each of `tick_statistics` adds to the log likelihood at
            each tick of the bar, as the conjugate of its spectrum.
        centres: where their tempi lie, as log2 of bpm.
        widths: how far those spread, in octaves.
    """

    beats: int
    spectra: npt.NDArray[np.complex128]
    centres: Signal
    widths: Signal


@cache
def _rhythms() -> tuple[_Rhythms, ...]:
    metres = []
    with resources.files("tonearm_audio").joinpath("rhythms.npz").open("rb") as file, np.load(file) as stored:
        for beats in (4, 3, 2):
            mean = stored[f"mean_{beats}"] * (4 / 255)
            variance = (stored[f"deviation_{beats}"] * (2 / 255)) ** 2
            constant = -(np.log(variance) + mean**2 / variance).sum(axis=-1, keepdims=True) / 2
            weights = np.concatenate([constant, mean / variance, -0.5 / variance], axis=-1)
            tempi = stored[f"tempo_{beats}"].astype(np.float64)
            spectra = np.fft.rfft(weights.transpose(2, 0, 1)).conj()[:, np.newaxis]
            metres.append(_Rhythms(beats, spectra, tempi[:, 0], tempi[:, 1]))
    return tuple(metres)


def contrast(strength: Mono) -> Signal:
    """The square root of each register's strength over what is usual around it, within 5 s; 4 at most."""
    columns = []
    for register in strength.T:
        smooth = np.convolve(register, np.array([0.25, 0.5, 0.25]), "same")
        usual = _local_mean(smooth, 10.0) + 0.1 * smooth.mean() + 1e-9
        columns.append(np.minimum(np.sqrt(smooth / usual), 4.0))
    return np.stack(columns, axis=1)


def tick_statistics(prominence: Signal, pulse: Signal, twelfths: int) -> Signal:
    """Count, sums and sums of squares of each tick [shape=(ticks, 7)], twelve to a beat of so many twelfths."""
    frames = np.arange(math.ceil(pulse[0]), math.ceil(pulse[-1]))
    place = np.interp(frames, pulse, np.arange(len(pulse)))
    count = (len(pulse) - 1) * _TICKS_A_PULSE // twelfths + 1
    ticks = np.minimum((place * _TICKS_A_PULSE / twelfths + 0.5).astype(np.intp), count - 1)
    heard = prominence[frames].T
    sums = [np.bincount(ticks, row, count) for row in (np.ones(len(frames)), *heard, *heard**2)]
    return np.stack(sums, axis=1)


def _read(prominence: Signal, pulse: Signal) -> tuple[float, Signal]:
    """Choose which multiple of the pulse is the beat and where it lies.

    Returns:
        How likely the rhythms make it, a second, and the beats in frames.
    """
    if len(pulse) < 3:
        return -math.inf, pulse
    period_s = float(np.median(np.diff(pulse))) / _FRAME_RATE
    best, ticks = -math.inf, np.zeros(0)
    for twelfths in _READINGS:
        tempo = 60 * 12 / (period_s * twelfths)
        if _SLOWEST_BPM <= tempo <= _FASTEST_BPM:
            statistics = tick_statistics(prominence, pulse, twelfths)
            for rhythms in _rhythms():
                score, path = _hold_against(rhythms, statistics, math.log2(tempo), _WINDOW_TICKS // twelfths, period_s)
                if score > best:
                    best, ticks = score, _beat_ticks(path, statistics, twelfths)
    if len(ticks) < 2:
        return -math.inf, pulse
    return best, np.interp(ticks, np.arange(len(pulse)), pulse)


def _hold_against(
    rhythms: _Rhythms, statistics: Signal, log_tempo: float, window: int, period_s: float
) -> tuple[float, list[int]]:
    """How likely the rhythms make a reading, a second, and at which tick a bar begins in each window (Viterbi)."""
    window_s = 8 * period_s
    ticks = 12 * rhythms.beats
    count = max(1, len(statistics) // window)
    numbers = np.arange(min(len(statistics), count * window))
    places = numbers // window * ticks + numbers % ticks
    folded = np.stack([np.bincount(places, row, count * ticks) for row in statistics[: len(numbers)].T])
    # A bar may begin at any tick: a circular correlation, by way of its spectrum.
    spectra = np.fft.rfft(folded.reshape(7, count, 1, ticks)) * rhythms.spectra
    likelihood = _INDEPENDENT * np.fft.irfft(spectra.sum(axis=0), ticks)
    likelihood -= window_s / _PRIOR_S * 0.5 * (((log_tempo - rhythms.centres) / rhythms.widths) ** 2)[:, np.newaxis]
    # Each window may follow another rhythm: verse and chorus differ.
    each = likelihood.max(axis=1)
    starts = np.arange(ticks)
    total, back = each[0], []
    for row in each[1:]:
        stay = total >= total.max() - _SHIFT_COST
        back.append(np.where(stay, starts, total.argmax()))
        total = np.maximum(total, total.max() - _SHIFT_COST) + row
    path = [int(total.argmax())]
    for choices in reversed(back):
        path.append(int(choices[path[-1]]))
    usual = 0.25 * ((log_tempo - math.log2(_USUAL_BPM)) / _USUAL_WIDTH_OCTAVES) ** 2
    return float(total.max()) / (count * window_s) - usual / _PRIOR_S, path[::-1]


def _beat_ticks(path: list[int], statistics: Signal, twelfths: int) -> Signal:
    """The places of the beats, counted in pulses; where the bar shifts, none follows the one before too soon."""
    window = _WINDOW_TICKS // twelfths
    numbers = np.arange(len(statistics))
    start = np.array(path)[np.minimum(numbers // window, len(path) - 1)]
    kept: list[int] = []
    for number in numbers[(numbers - start) % 12 == 0]:
        if not kept or number - kept[-1] > 7:
            kept.append(int(number))
    return np.array(kept) * (twelfths / _TICKS_A_PULSE)


def _within_music(beats: Signal, strength: Signal) -> Signal:
    """Drop the beats that lie in the silence before the first and after the last onset."""
    heard = np.flatnonzero(strength > 0.1 * float(strength.max()))
    slack = round(0.1 * _FRAME_RATE)
    kept: Signal = beats[(beats >= heard[0] - slack) & (beats <= heard[-1] + slack)]
    return kept


def _mean_tempo(times: Signal) -> float:
    """The tempo of the beats that keep to the median distance within a tenth: no gap and no doubled beat tilts it."""
    gaps = np.diff(times)
    usual = gaps[np.abs(gaps / np.median(gaps) - 1) < 0.1]
    return 60 / float(usual.mean())


def _tempo_over_time(times: Signal) -> tuple[tuple[float, float], ...]:
    middles = range(4, len(times) - 4, 4)
    return tuple((float(times[at]), 480 / float(times[at + 4] - times[at - 4])) for at in middles)
