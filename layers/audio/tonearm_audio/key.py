"""The key of a track: which twelve pitch classes sound how much, held against what keys usually sound like.

1. Spectral peaks from 65 Hz to 2.1 kHz, with their frequencies interpolated, in a histogram of ten-cent steps; each
   peak also counts, less and less, for the fundamentals that it may be a harmonic of (Gómez, "Tonal description of
   polyphonic audio for music content processing", INFORMS Journal on Computing 18(3), 2006).
2. The tuning: the circular mean of how far the peaks lie beside the semitones of a' = 440 Hz (Dressler and Streich,
   "Tuning frequency estimation using circular statistics", ISMIR 2007).
3. Correlation of the twelve classes with the profiles of the 24 keys (as Krumhansl and Kessler did first, Psychological
   Review 89, 1982), counted in classical music (Albrecht and Shanahan, "The use of large corpora to train a new type of
   key-finding algorithm", Music Perception 31(1), 2013) and in electronic dance music (Faraldo, Gómez, Jordà and
   Herrera, "Key estimation in electronic dance music", ECIR 2016); the mean of both decides. Noland and Sandler
   ("Signal processing parameters for tonality estimation", AES 122, 2007) say why the window is as long as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tonearm_audio.tempo import ANALYSIS_RATE_HZ, Mono, Signal

TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Names of the tonics, a semitone apart; of two names the one with fewer accidentals in its major key."""

_WINDOW = 8192
_HOP = 4096
_LOWEST_HZ, _HIGHEST_HZ = 65.0, 2_100.0
_STEPS = 120
"""Steps of the histogram an octave: ten cents each."""
_HARMONICS = 4
_HARMONIC_DECAY = 0.6
_FAINTEST = 0.01
"""Peaks below -40 dB of their frame's highest are left out."""
_SILENCE = 0.5
"""Magnitude of a frame's highest peak below which it is silence: a tone at -72 dBFS."""
_LEAST_TONAL = 0.1
"""How closely peaks keep to semitones, at least: noise stays below 0.03 and drums below 0.09."""
_CLEAR_LEAD = 0.2
"""By how much the best key's correlation leads the second's when there is no doubt."""
_MAJOR_PROFILES = (
    (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    (0.1652, 0.0475, 0.0829, 0.0669, 0.0999, 0.0927, 0.0529, 0.1316, 0.0522, 0.0744, 0.0694, 0.0643),
)
_MINOR_PROFILES = (
    (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    (0.1724, 0.0534, 0.0761, 0.1004, 0.0562, 0.0853, 0.0498, 0.1345, 0.0746, 0.0501, 0.0919, 0.0555),
)


@dataclass(frozen=True)
class Key:
    """The key of a track.

    Attributes:
        tonic: one of `TONICS`.
        mode: "major" or "minor".
        confidence: 0.0 (another key fits as well) to 1.0.
    """

    tonic: str
    mode: Literal["major", "minor"]
    confidence: float


class ChromaMeter:
    """Gathers the pitch classes of a mono stream at `ANALYSIS_RATE_HZ`; memory does not grow with length."""

    def __init__(self) -> None:
        self._shape = np.hanning(_WINDOW).astype(np.float32)
        width = ANALYSIS_RATE_HZ / _WINDOW
        self._bins = slice(int(_LOWEST_HZ / width), int(_HIGHEST_HZ / width) + 1)
        self._rest: Mono = np.zeros(0, np.float32)
        self._histogram = np.zeros(_STEPS)
        self._offsets = 0j
        self._frames = 0

    def feed(self, block: Mono) -> None:
        """Take np.ndarray [shape=(frames,), dtype=float32]."""
        samples = np.concatenate([self._rest, block])
        count = max(0, (len(samples) - _WINDOW) // _HOP + 1)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
            first, beyond = self._bins.start - 1, self._bins.stop + 1
            self._gather(np.abs(np.fft.rfft(frames * self._shape, axis=-1)[:, first:beyond]).astype(np.float64))
        self._rest = samples[count * _HOP :].copy()

    def _gather(self, levels: Signal) -> None:
        """Take the magnitudes of some frames, a bin more than is looked at on either side."""
        levels = levels[levels[:, 1:-1].max(axis=1, initial=0.0) >= _SILENCE]
        middle, left, right = levels[:, 1:-1], levels[:, :-2], levels[:, 2:]
        highest = middle.max(axis=1, initial=0.0)[:, np.newaxis]
        frames, peaks = np.nonzero((middle > left) & (middle >= right) & (middle > _FAINTEST * highest))
        # A parabola through the logarithms of three bins finds the frequency between them.
        below, at, above = (np.log(side[frames, peaks] + 1e-9) for side in (left, middle, right))
        shift = 0.5 * (below - above) / (below - 2 * at + above - 1e-12)
        octaves = np.log2((peaks + self._bins.start + shift) * (ANALYSIS_RATE_HZ / _WINDOW) / 440.0)
        sizes = middle[frames, peaks]
        # Every frame counts alike.
        weight = sizes / np.bincount(frames, sizes, len(levels))[frames]
        self._offsets += complex((weight * np.exp(24j * np.pi * octaves)).sum())
        for number in range(_HARMONICS):
            steps = np.round((octaves - math.log2(number + 1)) * _STEPS).astype(np.intp) % _STEPS
            self._histogram += np.bincount(steps, weight * _HARMONIC_DECAY**number, _STEPS)
        self._frames += len(levels)

    def result(self) -> Key | None:
        """The key; None for silence, noise, and drums alone."""
        if not self._frames or abs(self._offsets) < _LEAST_TONAL * self._frames:
            return None
        scores = _scores(self._chroma())
        best = int(scores.argmax())
        lead = float(scores[best] - np.delete(scores, best).max())
        return Key(TONICS[best % 12], "major" if best < 12 else "minor", min(1.0, lead / _CLEAR_LEAD))

    def _chroma(self) -> Signal:
        """Strength of the twelve pitch classes, C first, in the tuning of the track."""
        tuning = np.angle(self._offsets) / (2 * np.pi)
        semitones = np.arange(_STEPS) * (12 / _STEPS) - tuning + 9
        distance = (semitones - np.arange(12)[:, np.newaxis] + 6) % 12 - 6
        chroma: Signal = (np.exp(-0.5 * (distance / 0.25) ** 2) * self._histogram).sum(axis=1)
        return chroma


def _scores(chroma: Signal) -> Signal:
    """Correlation with each key's profile [shape=(24,)]: major keys from C up, then minor ones."""
    scores = np.zeros(24)
    for start, profiles in ((0, _MAJOR_PROFILES), (12, _MINOR_PROFILES)):
        for profile in profiles:
            for tonic in range(12):
                scores[start + tonic] += np.corrcoef(chroma, np.roll(profile, tonic))[0, 1] / len(profiles)
    return scores
