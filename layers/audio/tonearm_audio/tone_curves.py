"""Long-term spectra of a song's middle and sides, on the grid on which a master compares and corrects them."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.fourier import rfft
from tonearm_audio.loudness import k_weight

POINTS_PER_OCTAVE = 6
LOWEST_HZ = 20.0
_HIGHEST_HZ = 20_000.0
_WINDOW_S = 0.18
_AUDIBLE_DB, _SILENT_DB = -60.0, -70.0
"""Below the loudest third of an octave: from here down less is boosted, and from here nothing, which would be noise."""
_NO_POWER = 1e-30

Curve = npt.NDArray[np.float64]
Knots = tuple[tuple[float, float], ...]


def level_at(knots: Knots, hertz: float) -> float:
    """A curve of straight lines over the logarithm of frequency, level beyond its ends."""
    for (low_hz, low), (high_hz, high) in pairwise(knots):
        if hertz < high_hz:
            way = max(0.0, math.log(hertz / low_hz) / math.log(high_hz / low_hz))
            return low + way * (high - low)
    return knots[-1][1]


@cache
def points_hz() -> tuple[float, ...]:
    """Where spectra are looked at: six points an octave."""
    count = int(POINTS_PER_OCTAVE * math.log2(_HIGHEST_HZ / LOWEST_HZ)) + 1
    return tuple(LOWEST_HZ * 2 ** (point / POINTS_PER_OCTAVE) for point in range(count))


def known_hz(sample_rate_hz: int) -> float:
    """Up to where a file at this rate has anything to tell."""
    return 0.45 * sample_rate_hz


class Spectra:
    """Long-term spectra of a stream: mean power over windows of 0.2 s, side by side, on a fixed grid."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._rate = sample_rate_hz
        self._size = 1 << round(math.log2(_WINDOW_S * sample_rate_hz))
        self._window = hann(self._size).astype(np.float32)
        self._powers = np.zeros((channels, self._size // 2 + 1))
        self._rest: FloatBlock = np.zeros((0, channels), np.float32)

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        waiting = np.concatenate([self._rest, block])
        whole = len(waiting) // self._size
        for index in range(whole):
            self._add(waiting[index * self._size : (index + 1) * self._size])
        self._rest = waiting[whole * self._size :].copy()

    def levels_db(self) -> Curve:
        """Power in a hertz, over a third of an octave about each point, in dB [shape=(channels, points)].

        Of the middle, and of the sides where there are two channels.
        """
        if len(self._rest):
            self._add(np.pad(self._rest, ((0, self._size - len(self._rest)), (0, 0))))
            self._rest = self._rest[:0]
        edge = 2 ** (0.5 / 3)
        bin_hz = self._rate / self._size
        places = np.arange(self._powers.shape[1] + 1) - 0.5
        levels = np.empty((len(self._powers), len(points_hz())))
        for line, powers in zip(levels, self._powers, strict=True):
            sums = np.concatenate([[0.0], np.cumsum(powers)])
            for index, hertz in enumerate(points_hz()):
                # A third of an octave of bass is narrower than what a window tells apart.
                reach = max(hertz * (edge - 1 / edge) / 2 / bin_hz, 1.0)
                middle = hertz * (edge + 1 / edge) / 2 / bin_hz
                low, high = np.interp([middle - reach, middle + reach], places, sums)
                line[index] = 10 * math.log10(max(float(high - low) / (2 * reach), _NO_POWER))
        return levels

    def _add(self, frames: FloatBlock) -> None:
        spectrum = rfft(middle_and_sides(frames) * self._window).astype(np.complex128) * self._size
        self._powers += spectrum.real * spectrum.real + spectrum.imag * spectrum.imag


def middle_and_sides(frames: FloatBlock) -> npt.NDArray[np.float32]:
    """The sum and the difference of both channels, each at half, or the only one [shape=(channels, frames)]."""
    if frames.shape[1] == 1:
        return np.ascontiguousarray(frames.T)
    left, right = frames[:, 0], frames[:, 1]
    return np.stack([left + right, left - right]) * np.float32(0.5)


@cache
def hann(size: int) -> Curve:
    """Hann's window, periodic [shape=(size,)]."""
    return np.array([0.5 - 0.5 * math.cos(2 * math.pi * index / size) for index in range(size)])


def audible_shares(levels_db: Curve) -> Curve:
    """How much of a boost each point gets: none where there is nothing but noise."""
    thirds_db = levels_db + np.array([10 * math.log10(hertz) for hertz in points_hz()])
    below_db = thirds_db - thirds_db.max()
    share: Curve = np.clip((below_db - _SILENT_DB) / (_AUDIBLE_DB - _SILENT_DB), 0.0, 1.0)
    return share


def powers_of(levels_db: Curve) -> Curve:
    """Powers of levels in decibels, bit for bit on any processor [shape=(lines, points)]."""
    return np.array([[math.pow(10, level / 10) for level in line] for line in levels_db])


def points_up_to(highest_hz: float) -> int:
    """How many points lie below a frequency."""
    return max(1, sum(hertz <= highest_hz for hertz in points_hz()))


def held(given_db: Curve, audible: Curve, known: int) -> Curve:
    """No noise is boosted, and what lies beyond the last point that is known goes on as that."""
    held_db = np.where(given_db > 0, given_db * audible, given_db)
    held_db[known:] = held_db[known - 1]
    return held_db


def louder_db_by(spectra_db: Curve, corrections_db: Curve) -> float:
    """About how much louder the corrections make a song, by BS.1770's weighting of its spectrum."""
    heard = k_weight(np.array(points_hz())) * np.array(points_hz())
    before = float((powers_of(spectra_db) * heard).sum())
    after = float((powers_of(spectra_db + corrections_db) * heard).sum())
    return 10 * math.log10(after / before)
