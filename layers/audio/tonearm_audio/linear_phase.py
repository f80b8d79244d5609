"""Linear-phase filters for the middle and the sides of a stream, which move nothing in time against anything else.

They can part it into bass and all above it on the way. The two are each other's complement, so that together they are
the filtered stream again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.fourier import rfft
from tonearm_audio.tone_curves import LOWEST_HZ, POINTS_PER_OCTAVE, Curve, hann, middle_and_sides

_TAPS_S = 0.09
_CURVE_STEPS = 64


class Filters:
    """One linear-phase filter for the middle and one for the sides, by overlapping transforms on a fixed grid.

    A response that is symmetric about its middle has a real transform, so that a spectrum is multiplied by numbers and
    not by vectors: nothing turns in phase, and no processor has a way of its own to do it.

    Args:
        sample_rate_hz: frames a second.
        corrections_db: gain at each point [shape=(1 or 2, points)].
        crossover_hz: where bass ends, 6 dB down on both sides and 24 dB an octave from there; None for all in one.
    """

    def __init__(self, sample_rate_hz: int, corrections_db: Curve, *, crossover_hz: float | None = None) -> None:
        taps = 1 << round(math.log2(_TAPS_S * sample_rate_hz))
        self._reach = taps // 2
        self._size = 4 * taps
        self._step = self._size - taps
        bins_hz = [index * sample_rate_hz / self._size for index in range(self._size // 2 + 1)]
        bands = [np.ones(len(bins_hz))]
        if crossover_hz is not None:
            bass = np.array([1 / (1 + (hertz / crossover_hz) ** 4) for hertz in bins_hz])
            bands = [bass, 1 - bass]
        gains = [_gains(line, bins_hz) for line in corrections_db]
        self._gains = [np.stack([_response(line * band, taps) for line in gains]) for band in bands]

    def process(self, blocks: Iterator[FloatBlock]) -> Iterator[list[FloatBlock]]:
        """Filter np.ndarray [shape=(frames, channels), dtype=float32]; as many frames come out.

        Yields:
            one such block, or that of the bass and that of the rest.
        """
        waiting: FloatBlock | None = None
        for block in blocks:
            before = np.zeros((self._reach, block.shape[1]), np.float32) if waiting is None else waiting
            waiting = np.concatenate([before, block])
            while len(waiting) >= self._size:
                yield self._filtered(waiting[: self._size])
                waiting = waiting[self._step :]
        if waiting is not None:
            left = len(waiting) - self._reach
            waiting = np.pad(waiting, ((0, self._size), (0, 0)))
            while left > 0:
                yield [band[:left] for band in self._filtered(waiting[: self._size])]
                waiting, left = waiting[self._step :], left - self._step

    def _filtered(self, window: FloatBlock) -> list[FloatBlock]:
        spectrum = rfft(middle_and_sides(window))
        return [self._shaped(spectrum, gains) for gains in self._gains]

    def _shaped(self, spectrum: npt.NDArray[np.complex64], gains: npt.NDArray[np.float32]) -> FloatBlock:
        shaped = (spectrum.view(np.float32) * gains).view(np.complex64)
        lines = np.fft.irfft(shaped, self._size)[:, self._reach : self._reach + self._step]
        # float32 it is, whatever numpy's stubs say.
        lines = lines.astype(np.float32, copy=False)
        if len(lines) == 1:
            return np.ascontiguousarray(lines.T)
        out = np.empty((self._step, 2), np.float32)
        np.add(lines[0], lines[1], out=out[:, 0])
        np.subtract(lines[0], lines[1], out=out[:, 1])
        return out


def _gains(correction_db: Curve, bins_hz: list[float]) -> Curve:
    """The factor that a correction asks for at each bin."""
    places = [POINTS_PER_OCTAVE * math.log2(max(LOWEST_HZ, hertz) / LOWEST_HZ) for hertz in bins_hz]
    # On a grid so coarse that the last bit of a measurement does not reach the samples.
    curve_db = np.rint(correction_db * _CURVE_STEPS) / _CURVE_STEPS
    levels_db = np.interp(places, np.arange(len(curve_db)), curve_db)
    return np.array([math.pow(10, level_db / 20) for level_db in levels_db])


def _response(gains: Curve, taps: int) -> npt.NDArray[np.float32]:
    """The gain of each bin of a spectrum over its length, twice: for real and imaginary part [shape=(size + 2,)]."""
    # As short as the taps: the window fades what a narrow correction would ring before and after.
    impulse = np.fft.irfft(gains)
    window = hann(taps)
    impulse[: taps // 2] *= window[taps // 2 :]
    impulse[taps // 2 : -taps // 2] = 0.0
    impulse[-taps // 2 :] *= window[: taps // 2]
    return np.repeat((np.fft.rfft(impulse).real * len(impulse)).astype(np.float32), 2)
