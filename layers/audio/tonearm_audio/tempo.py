"""Tempo and beats of a track, by a small network that hears beats and a programme that keeps them in time.

Three steps:

1. What rose: a log-mel spectrogram, less the highest of three neighbouring bands 20 and 140 ms before, so that vibrato
   is no onset and a soft attack still is one (SuperFlux; Böck and Widmer, "Maximum filter vibrato suppression for onset
   detection", DAFx 2013).
2. How likely each moment is a beat: a network of dilated convolutions, which hears 10 s to either side (after Davies
   and Böck, "Temporal convolutional networks for musical audio beat tracking", EUSIPCO 2019). Its weights, in
   beats.npz, were learned from composed songs: see docs/tempo-and-key.md.
3. The likeliest series of beats, whose period may move a little from beat to beat and, rarely, step to any other:
   Viterbi over all places and periods (after Krebs, Böck and Widmer, "An efficient state-space model for joint tempo
   and meter tracking", ISMIR 2015, with steps from beat to beat instead of from frame to frame).
"""

from __future__ import annotations

import ctypes
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonearm_audio.fourier import rfft
from tonearm_audio.kernels import address, library, size
from tonearm_audio.product import product

ANALYSIS_RATE_HZ = 22_050
"""Sample rate that the onset analysis works at."""

_WINDOW = 1024
_HOP = 441
FRAME_RATE = ANALYSIS_RATE_HZ / _HOP
BANDS = 40
LAGS = (1, 7)
"""Frames, of 20 ms, over which a rise is looked for."""
DILATIONS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Frames between the taps of each layer of the network."""
_SUREST = 5.0
"""Log odds beyond which the network is not believed."""
_PLACES_A_FRAME = 2
_PLACE_RATE = FRAME_RATE * _PLACES_A_FRAME
_SHORTEST, _LONGEST = 26, 150
"""Beat periods in places: 231 and 40 beats a minute."""
_TURN_COST = 60.0
"""What a factor of e costs, from one beat to the next."""
_STEP_COST = 35.0
"""What any other period costs."""
_BEAT_ODDS = 1.8
"""Log odds that a beat is given beyond what the network says: there is one of them to some thirty other places."""
_WHOLE_S, _PART_S = 900.0, 300.0
_LEAST_CONFIDENCE = 0.21
"""Noise, speech and nearly all randomly placed hits stay below it."""
_LEAST_LIKELY = 0.2
"""Beats less likely than that, before the first and after the last likelier one, lie in silence."""

Signal = npt.NDArray[np.float64]
Mono = npt.NDArray[np.float32]
Odds = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Pulse:
    """The pulse of a track.

    Attributes:
        tempo_bpm: beats a minute, 40 to 231; None when there is no pulse.
        confidence: 0.0 (no pulse) to 1.0: how sure the beats are on average.
        beats_s: times of the beats in seconds, rising; empty when there is no pulse.
    """

    tempo_bpm: float | None
    confidence: float
    beats_s: Sequence[float]

    def tempo_over_time(self) -> Iterator[tuple[float, float]]:
        """Time in seconds and beats a minute, every four beats, smoothed over eight; none for fewer than nine beats."""
        for at in range(4, len(self.beats_s) - 4, 4):
            yield self.beats_s[at], 480 / (self.beats_s[at + 4] - self.beats_s[at - 4])


NO_PULSE = Pulse(None, 0.0, array("d"))


class OnsetMeter:
    """Turns a mono stream at `ANALYSIS_RATE_HZ` into what rose in it, every 20 ms."""

    def __init__(self) -> None:
        self._filters = _mel_filters()
        # Multiplied by its length, which the transform divides by.
        self._shape = np.hanning(_WINDOW).astype(np.float32) * np.float32(_WINDOW)
        # Half a window of silence before the first sample, so that an attack at 0 s is an onset.
        self._rest: Mono = np.zeros(_WINDOW // 2, np.float32)
        self._before: Mono = np.zeros((max(LAGS), BANDS), np.float32)

    def feed(self, block: Mono) -> Mono:
        """Take np.ndarray [shape=(frames,), dtype=float32]; get the rise of each band over each lag so far unheard.

        Returns:
            np.ndarray [shape=(frames, 80), dtype=float32].
        """
        levels = np.concatenate([self._before, np.log1p(100 * self.mel(block))])
        self._before = levels[len(levels) - max(LAGS) :]
        return rises(levels)

    def finish(self) -> Mono:
        """The last ones; the meter is used up."""
        return self.feed(np.zeros(_WINDOW // 2, np.float32))

    def mel(self, block: Mono) -> Mono:
        """The spectrogram that `feed` looks at [shape=(frames, 40), dtype=float32]."""
        samples = np.concatenate([self._rest, block])
        count = max(0, (len(samples) - _WINDOW) // _HOP + 1)
        self._rest = samples[count * _HOP :].copy()
        if not count:
            return np.zeros((0, BANDS), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
        return product(np.abs(rfft(frames * self._shape)), self._filters)


def rises(levels: Mono) -> Mono:
    """Rise of each band over each lag [shape=(frames - 7, 80)]; the first seven frames of `levels` lead in."""
    lead = max(LAGS)
    found = []
    for lag in LAGS:
        past = levels[lead - lag : len(levels) - lag]
        widened = past.copy()
        widened[:, 1:] = np.maximum(widened[:, 1:], past[:, :-1])
        widened[:, :-1] = np.maximum(widened[:, :-1], past[:, 1:])
        found.append(np.maximum(levels[lead:] - widened, 0))
    return np.concatenate(found, axis=1)


def _mel_filters() -> Mono:
    """Triangular filters, evenly spaced in mel from 30 Hz to 10 kHz [shape=(bins, bands)], each with unit sum."""
    frequencies = np.linspace(0, ANALYSIS_RATE_HZ / 2, _WINDOW // 2 + 1)
    low, high = (2595 * np.log10(1 + f / 700) for f in (30.0, 10_000.0))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    rising = (frequencies[:, np.newaxis] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies[:, np.newaxis]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(np.minimum(rising, falling), 0)
    unit: Mono = (filters / (filters.sum(axis=0) + 1e-9)).astype(np.float32)
    return unit


@cache
def _weights() -> dict[str, Mono]:
    with resources.files("tonearm_audio").joinpath("beats.npz").open("rb") as file, np.load(file) as stored:
        return {name: np.ascontiguousarray(stored[name], np.float32) for name in stored.files}


class _Layer:
    """One layer of the network as a stream: a convolution, with silence before the first frame and after the last.

    Args:
        weights: np.ndarray [shape=(taps, channels in, 16), dtype=float32].
        bias: np.ndarray [shape=(16,), dtype=float32].
        dilation: frames between taps.
        residual: whether what comes in is added to what comes out.
    """

    def __init__(self, weights: Mono, bias: Mono, dilation: int, *, residual: bool) -> None:
        self._weights, self._bias, self._dilation = weights, bias, dilation
        self._residual = residual
        self._silence = np.zeros((len(weights) // 2 * dilation, weights.shape[1]), np.float32)
        self._rest = self._silence

    def feed(self, block: Mono) -> Mono:
        heard = np.concatenate([self._rest, block])
        frames = max(0, len(heard) - 2 * len(self._silence))
        self._rest = heard[frames:]
        out = np.empty((frames, self._weights.shape[2]), np.float32)
        library().tonearm_convolve(
            address(heard, np.float32),
            address(out, np.float32),
            size(frames),
            size(heard.shape[1]),
            size(len(self._weights)),
            size(self._dilation),
            address(self._weights, np.float32),
            address(self._bias, np.float32),
            ctypes.c_int(self._residual),
        )
        return out

    def finish(self, block: Mono) -> Mono:
        return self.feed(np.concatenate([block, self._silence]))


class BeatMeter:
    """Turns a mono stream at `ANALYSIS_RATE_HZ` into the log odds that there is a beat, every 20 ms."""

    def __init__(self) -> None:
        self._onsets = OnsetMeter()
        weights = _weights()
        self._layers = [_Layer(weights["weights_in"], weights["bias_in"], 1, residual=False)]
        self._layers += [
            _Layer(layer, bias, dilation, residual=True)
            for layer, bias, dilation in zip(weights["weights"], weights["bias"], DILATIONS, strict=True)
        ]
        self._out, self._out_bias = weights["weights_out"], weights["bias_out"]
        self._odds = bytearray()
        """In half precision, by far precise enough: all that grows with the stream, 1 MB in three hours."""

    def feed(self, block: Mono) -> None:
        """Take np.ndarray [shape=(frames,), dtype=float32]."""
        heard = self._onsets.feed(block)
        for layer in self._layers:
            heard = layer.feed(heard)
        self._keep(heard)

    def odds(self) -> Odds:
        """Log odds of a beat at each frame [shape=(frames,), dtype=float16]; the meter is used up."""
        heard = self._onsets.finish()
        for layer in self._layers:
            heard = layer.finish(heard)
        self._keep(heard)
        return np.frombuffer(self._odds, np.float16)

    def _keep(self, heard: Mono) -> None:
        self._odds += (product(heard, self._out)[:, 0] + self._out_bias).astype(np.float16).tobytes()


def find_pulse(odds: Odds) -> Pulse:
    """Find tempo and beats in the odds of beats.

    A track longer than a quarter of an hour is read in parts of five minutes, each for itself: memory stays bounded,
    and what is that long is hardly one song.

    Args:
        odds: np.ndarray [shape=(frames,)] as `BeatMeter.odds` gives it.

    Returns:
        The pulse; `NO_PULSE` when the track is silent, shorter than 2 s, or has no regular beats.
    """
    if len(odds) <= _WHOLE_S * FRAME_RATE:
        return _find(odds)
    count = round(len(odds) / (_PART_S * FRAME_RATE))
    edges = [round(len(odds) * number / count) for number in range(count + 1)]
    beats, sureness, counted = array("d"), 0.0, 0
    for start, end in pairwise(edges):
        pulse, start_s = _find(odds[start:end]), start / FRAME_RATE
        sureness += pulse.confidence * len(pulse.beats_s)
        counted += len(pulse.beats_s)
        # A beat on the cut is found from both sides.
        least_s = 30 / (pulse.tempo_bpm or math.inf) + (beats[-1] if beats else -math.inf)
        beats.extend(start_s + beat for beat in pulse.beats_s if start_s + beat > least_s)
    return Pulse(_mean_tempo(np.frombuffer(beats)), sureness / counted, beats) if beats else NO_PULSE


def _find(odds: Odds) -> Pulse:
    if len(odds) < 2 * FRAME_RATE:
        return NO_PULSE
    smooth = _smoothed(np.clip(odds.astype(np.float64), -_SUREST, _SUREST))
    beats = _track(smooth + _BEAT_ODDS)
    # The beat is the best place near the one found, to a fraction of it.
    likely = 1 / (1 + np.exp(-smooth[beats]))
    heard = np.flatnonzero(likely > _LEAST_LIKELY)
    if len(heard) < 2:
        return NO_PULSE
    kept = slice(heard[0], heard[-1] + 1)
    confidence = float(likely[kept].mean())
    if confidence < _LEAST_CONFIDENCE:
        return NO_PULSE
    times = _sharpen(beats[kept], smooth) / _PLACE_RATE
    return Pulse(_mean_tempo(times), confidence, array("d", times.tobytes()))


def _smoothed(believed: Signal) -> Signal:
    """The odds at each place, half of them between frames, under a short window."""
    places = np.arange(_PLACES_A_FRAME * (len(believed) - 1) + 1)
    fine = np.interp(places / _PLACES_A_FRAME, np.arange(len(believed)), believed)
    return np.convolve(np.pad(fine, 2, mode="edge"), np.array([0.125, 0.25, 0.25, 0.25, 0.125]), "valid")


def _track(gains: Signal) -> npt.NDArray[np.intp]:
    """The series of places that gains most, less what its changes of period cost."""
    periods = np.arange(_SHORTEST, _LONGEST + 1)
    # One logarithm after the other: the same bits on every processor.
    costs = np.array(
        [0.0] + [_TURN_COST * math.log(longer / shorter) for shorter, longer in pairwise(periods.tolist())]
    )
    recent = np.empty((_LONGEST, len(periods)))
    # Two bits a period and place: of all that finding beats takes, this would be nearly all the memory.
    ways = np.empty((len(gains), (len(periods) + 3) // 4), np.uint8)
    leaders = np.empty(len(gains), np.uint8)
    beats = np.empty(len(gains) // _SHORTEST + 1, np.int64)
    count = np.empty(1, np.int64)
    library().tonearm_track_beats(
        address(gains, np.float64),
        size(len(gains)),
        size(_SHORTEST),
        size(len(periods)),
        address(costs, np.float64),
        ctypes.c_double(_STEP_COST),
        address(recent, np.float64),
        address(ways, np.uint8),
        address(leaders, np.uint8),
        address(beats, np.int64),
        address(count, np.int64),
    )
    return beats[: count[0]][::-1].astype(np.intp)


def _sharpen(beats: npt.NDArray[np.intp], smooth: Signal) -> Signal:
    """Each beat at the top of the parabola through the three places around it, at most half a place away."""
    inner = np.clip(beats, 1, len(smooth) - 2)
    before, here, after = smooth[inner - 1], smooth[inner], smooth[inner + 1]
    bend = np.minimum(before - 2 * here + after, -1e-9)
    sharpened = beats + np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return np.maximum(sharpened, 0.0, dtype=np.float64)


def _mean_tempo(times: Signal) -> float:
    """The tempo of the beats that keep to the median distance within a tenth: no gap and no doubled beat tilts it."""
    gaps = np.diff(times)
    usual = gaps[np.abs(gaps / np.median(gaps) - 1) < 0.1]
    return 60 / float(usual.mean())
