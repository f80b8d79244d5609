"""The key of a track: which chords sound for how long, held against what part each chord plays in a key.

1. Spectral peaks from 65 Hz to 2.1 kHz, with their frequencies interpolated, in a histogram of ten-cent steps an octave
   for every window of time (Gómez, "Tonal description of polyphonic audio for music content processing", INFORMS
   Journal on Computing 18(3), 2006, from whom also comes that a peak counts, less and less, for the fundamentals that
   it may be a harmonic of).
2. The tuning: the circular mean of how far the peaks lie beside the semitones of a' = 440 Hz (Dressler and Streich,
   "Tuning frequency estimation using circular statistics", ISMIR 2007).
3. How well each of the 24 triads, and each of the 12 notes alone, fits the pitch classes of each moment (Fujishima,
   "Realtime chord recognition of musical sound", ICMC 1999), as shares of the moment; their mean tells how much of the
   track each has.
4. A key's score is the sum of these shares, each weighed by the triad's function in the key as books on harmony order
   them: the tonic, dominant and subdominant, the other triads of the scale, all others. A key and its relative have
   the same scale, so that the pitch classes of a whole track, however they are weighed, tell them apart badly; which
   chords last tells it well.
5. To it comes what share of all changes of chord leave the tonic or come back to it as they do in that key: it decides
   where no chord lasts longer than the others. (That chords, and which follows which, say more than pitch classes:
   Noland and Sandler, "Key estimation using a hidden Markov model", ISMIR 2006.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tonearm_audio.fourier import rfft
from tonearm_audio.tempo import ANALYSIS_RATE_HZ, Mono, Signal

TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Names of the tonics, a semitone apart; of two names the one with fewer accidentals in its major key."""

_WINDOW = 8192
_LOWEST_HZ, _HIGHEST_HZ = 65.0, 2_100.0
_STEPS = 120
"""Steps of the histogram an octave: ten cents each."""
_HARMONICS = 6
_HARMONIC_DECAY = 0.6
_FAINTEST = 0.01
"""Peaks below -40 dB of their frame's highest are left out."""
_SILENCE = 0.5
"""Magnitude of a frame's highest peak below which it is silence: a tone at -72 dBFS."""
_LEAST_TONAL = 0.12
"""How closely peaks keep to semitones, at least: noise stays below 0.03, drums below 0.11, music above 0.15."""
_TOGETHER = 128
"""Moments whose chords are told together, by the tuning until then: 48 s."""
_DECIDED = 30.0
"""How far the better fitting of two sounds takes the moment for itself; 20 or 40 find as many keys within 2 %."""
_SURER = 4
"""Power of the triads' shares that tells which one a moment has: a change is of one chord to one other."""
_ORDER = 0.3
"""What the changes count for a key, beside the chords; 0.25 or 0.35 find as many keys within 1 %."""
_FEW_CHANGES = 5.0
"""So many changes count half of what many do: one alone, or the doubt which triad a held sound is, tells little."""
_MINOR_LEAD = 0.02
"""What a minor key has ahead: its dominant is now minor, now major, so that its share falls in two."""
_CLEAR_LEAD = 0.2
"""By how much the best key's score leads the second's when there is no doubt."""
_TURNS = np.exp(2j * np.pi * (12 / _STEPS) * np.arange(_STEPS))
"""Where in its semitone each step of the histogram lies, as an angle."""


def _on_each_tonic(*rows: tuple[float, ...]) -> Signal:
    """Rows of twelve, side by side, moved up to each of the twelve tonics [shape=(12, 12 * rows)]."""
    return np.stack([np.roll(rows, tonic, axis=1).ravel() for tonic in range(12)])


_SOUNDS = np.concatenate(
    [
        _on_each_tonic((1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0)) / math.sqrt(3),
        _on_each_tonic((1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0)) / math.sqrt(3),
        np.eye(12),
    ]
)
"""The pitch classes of major triads, C first, of minor triads, and of notes alone, each of length 1."""
_T, _P, _S = 1.0, 0.6, 0.4
_FUNCTIONS = np.concatenate(
    [
        _on_each_tonic(
            (_T, 0, 0, 0, 0, _P, 0, _P, 0, 0, 0, 0),
            (0, 0, _S, 0, _S, 0, 0, 0, 0, _S, 0, 0),
            (_T, 0, _S, 0, _S, _P, 0, _P, 0, _S, 0, _S),
        ),
        _on_each_tonic(
            (0, 0, 0, _S, 0, 0, 0, _P, _S, 0, _S, 0),
            (_T, 0, 0, 0, 0, _P, 0, _S, 0, 0, 0, 0),
            (_T, 0, _S, _S, 0, _P, 0, _P, _S, 0, _S, 0),
        ),
    ]
)
"""What the major triads, the minor triads and the notes, from the tonic up, count for each key, major keys first.

The tonic counts most; then the subdominant and the dominant, which in minor is a major triad; then the others of the
scale."""
_MAJOR_CHANGES = ((7, 0), (0, 16), (0, 21))
_MINOR_CHANGES = ((7, 12), (8, 12), (10, 12), (12, 3), (12, 8))
"""Changes, from a triad of `_SOUNDS` to another, that speak for the major key and for the minor key of C.

The dominant leads back to the tonic, V - I; in minor VI and VII do as well. The tonic is left for the triads of the
scale that have two notes in common with it, I - iii and I - vi, i - III and i - VI: C before A minor is for C major, A
minor before C for A minor."""


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
    """Gathers the chords of a mono stream at `ANALYSIS_RATE_HZ`; memory does not grow with length."""

    def __init__(self) -> None:
        # Multiplied by its length, which the transform divides by.
        self._shape = np.hanning(_WINDOW).astype(np.float32) * np.float32(_WINDOW)
        width = ANALYSIS_RATE_HZ / _WINDOW
        self._bins = slice(int(_LOWEST_HZ / width), int(_HIGHEST_HZ / width) + 1)
        self._rest: Mono = np.zeros(0, np.float32)
        self._last: Signal = np.zeros((0, _STEPS))
        self._moments: Signal = np.zeros((0, _STEPS))
        self._shares: Signal = np.zeros(len(_SOUNDS))
        self._chord: Signal = np.zeros((0, 24))
        self._changes: Signal = np.zeros((24, 24))
        self._offsets = 0j
        self._told = 0

    def feed(self, block: Mono) -> None:
        """Take np.ndarray [shape=(frames,), dtype=float32]."""
        samples = np.concatenate([self._rest, block])
        count = len(samples) // _WINDOW
        self._rest = samples[count * _WINDOW :].copy()
        if count:
            windows = samples[: count * _WINDOW].reshape(count, _WINDOW) * self._shape
            first, beyond = self._bins.start - 1, self._bins.stop + 1
            self._gather(np.abs(rfft(windows)[:, first:beyond]).astype(np.float64))

    def _gather(self, levels: Signal) -> None:
        """Take the magnitudes of some windows, a bin more than is looked at on either side."""
        levels = levels[levels[:, 1:-1].max(axis=1, initial=0.0) >= _SILENCE]
        middle, left, right = levels[:, 1:-1], levels[:, :-2], levels[:, 2:]
        highest = middle.max(axis=1, initial=0.0)[:, np.newaxis]
        frames, peaks = np.nonzero((middle > left) & (middle >= right) & (middle > _FAINTEST * highest))
        # A parabola through the logarithms of three bins finds the frequency between them.
        below, at, above = (np.log(side[frames, peaks] + 1e-9) for side in (left, middle, right))
        shift = 0.5 * (below - above) / (below - 2 * at + above - 1e-12)
        octaves = np.log2((peaks + self._bins.start + shift) * (ANALYSIS_RATE_HZ / _WINDOW) / 440.0)
        sizes = middle[frames, peaks]
        # Every window counts alike.
        weight = sizes / np.bincount(frames, sizes, len(levels))[frames]
        cells = frames * _STEPS + np.round(octaves * _STEPS).astype(np.intp) % _STEPS
        histograms = np.bincount(cells, weight, len(levels) * _STEPS).reshape(-1, _STEPS)
        # A window without a peak, as of a tone below or above all that is looked at, has no notes: as good as silence.
        histograms = histograms[histograms.any(axis=1)]
        # Two neighbouring windows are a moment: a melody's note counts less, a chord's as much.
        windows = np.concatenate([self._last, histograms])
        self._last = windows[-1:]
        self._moments = np.concatenate([self._moments, windows[:-1] + windows[1:]])
        while len(self._moments) >= _TOGETHER:
            self._tell(self._moments[:_TOGETHER])
            self._moments = self._moments[_TOGETHER:]

    def _tell(self, moments: Signal) -> None:
        """Add what share of each moment [shape=(moments, _STEPS)] each sound has, and which triad follows which."""
        self._told += len(moments)
        self._offsets += complex((moments.sum(axis=0) * _TURNS).sum())
        chroma = moments @ _classes(float(np.angle(self._offsets)) / (2 * np.pi))
        fits = chroma @ _SOUNDS.T / np.linalg.norm(chroma, axis=1, keepdims=True)
        shares = np.exp(_DECIDED * fits)
        shares /= shares.sum(axis=1, keepdims=True)
        self._shares += shares.sum(axis=0)
        # Not the best one alone, lest a moment between two chords is one on this processor and the other on that.
        triads = shares[:, :24] ** _SURER
        chords = np.concatenate([self._chord, triads / triads.sum(axis=1, keepdims=True)])
        self._chord = chords[-1:]
        self._changes += chords[:-1].T @ chords[1:]

    def result(self) -> Key | None:
        """The key; None for silence, noise, drums alone, and less than 0.8 s."""
        if len(self._moments):
            self._tell(self._moments)
            self._moments = self._moments[:0]
        # Each window counts 1, and each moment has two.
        if not self._told or abs(self._offsets) < _LEAST_TONAL * 2 * self._told:
            return None
        scores = _FUNCTIONS @ (self._shares / self._told) + _ORDER * self._in_order()
        scores[12:] += _MINOR_LEAD
        best = int(scores.argmax())
        lead = float(scores[best] - np.delete(scores, best).max())
        return Key(TONICS[best % 12], "major" if best < 12 else "minor", min(1.0, lead / _CLEAR_LEAD))

    def _in_order(self) -> Signal:
        """What share of the changes of chord speaks for each key [shape=(24,)], major keys first."""
        changes = self._changes * (1 - np.eye(24))
        for_keys = np.zeros((2, 12))
        for mode, of_mode in enumerate((_MAJOR_CHANGES, _MINOR_CHANGES)):
            for chord, following in of_mode:
                for_keys[mode] += changes[_on_twelve(chord), _on_twelve(following)]
        return for_keys.ravel() / (_FEW_CHANGES + float(changes.sum()))


def _on_twelve(triad: int) -> npt.NDArray[np.intp]:
    """Places in `_SOUNDS` of a triad, moved up by 0 to 11 semitones."""
    return triad // 12 * 12 + (triad + np.arange(12)) % 12


def _classes(tuning: float) -> Signal:
    """How much each step of the histogram counts for each pitch class, C first [shape=(_STEPS, 12)].

    Args:
        tuning: of the track, in semitones above a' = 440 Hz.
    """
    counts = np.zeros((_STEPS, 12))
    for number in range(_HARMONICS):
        semitones = np.arange(_STEPS) * (12 / _STEPS) - tuning + 9 - 12 * math.log2(number + 1)
        distance = (semitones[:, np.newaxis] - np.arange(12) + 6) % 12 - 6
        counts += _HARMONIC_DECAY**number * np.exp(-0.5 * (distance / 0.25) ** 2)
    return counts
