"""Measure by how many cents one recording lies above another.

Every pitch moves by the same distance on a logarithmic frequency axis, so the long-term spectra of a song and of its
transposed render are the same picture, shifted. The shift is where their cross-correlation peaks. It needs no notes, no
tempo and no alignment in time, but it does need tones: noise has no picture to shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from tonearm_audio.decode import FloatBlock

_RATE_HZ = 22_050
_WINDOW = 16_384
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 9_000.0
_CENTS_A_STEP = 2.0
_FARTHEST_CENTS = 2_600.0
_ENVELOPE_CENTS = 200.0
_LEAST_LIKENESS = 0.5
"""Correlation below which two pictures are not the same one shifted. Renders of music reach 0.8 and more."""

Picture = npt.NDArray[np.float64]


class SpectrumMeter:
    """Gathers the long-term spectrum of a stream.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._down = soxr.ResampleStream(sample_rate_hz, _RATE_HZ, channels, dtype="float32", quality="MQ")
        self._highest_hz = min(_HIGHEST_HZ, 0.4 * sample_rate_hz)
        self._channels = channels
        self._shape = np.hanning(_WINDOW).astype(np.float32)
        self._rest: FloatBlock = np.zeros((0, channels), np.float32)
        self._sum = np.zeros(_WINDOW // 2 + 1)
        self._count = 0

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._gather(self._down.resample_chunk(block))

    def picture(self) -> Picture:
        """The spectrum on a logarithmic axis, envelope taken off [shape=(steps,)]; zeros when there is none."""
        self._gather(self._down.resample_chunk(np.zeros((0, self._channels), np.float32), last=True))
        if not self._count and len(self._rest):
            self._gather(np.zeros((_WINDOW - len(self._rest), self._channels), np.float32))
        steps = round(1200 * np.log2(_HIGHEST_HZ / _LOWEST_HZ) / _CENTS_A_STEP)
        frequencies = _LOWEST_HZ * 2 ** (np.arange(steps) * _CENTS_A_STEP / 1200)
        level = np.log(self._sum / max(1, self._count) + 1e-6)
        line = np.interp(frequencies, np.arange(len(level)) * _RATE_HZ / _WINDOW, level)
        reach = round(_ENVELOPE_CENTS / _CENTS_A_STEP)
        line -= _smoothed(line, reach)
        line[frequencies > self._highest_hz] = 0.0
        # Only what stands out is a tone.
        return np.maximum(line, 0.0)

    def _gather(self, block: FloatBlock) -> None:
        samples = np.concatenate([self._rest, block])
        count = max(0, (len(samples) - _WINDOW) // (_WINDOW // 2) + 1)
        for index in range(count):
            at = index * _WINDOW // 2
            frame = samples[at : at + _WINDOW]
            if not frame.any():
                continue
            spectrum = np.abs(np.fft.rfft(frame * self._shape[:, np.newaxis], axis=0))
            # The square root keeps one loud bar from drowning all others.
            self._sum += np.sqrt(spectrum).sum(axis=1)
            self._count += 1
        self._rest = samples[count * (_WINDOW // 2) :].copy()


def _smoothed(line: Picture, reach: int) -> Picture:
    sums = np.concatenate([[0.0], np.cumsum(line)])
    index = np.arange(len(line))
    start, end = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(line))
    mean: Picture = (sums[end] - sums[start]) / (end - start)
    return mean


@dataclass(frozen=True)
class Transposition:
    """How far one recording lies above another.

    Attributes:
        cents: the distance; None when the recordings hold no tones in common, so that none can be measured.
        likeness: correlation of the two spectra at that distance, -1.0 to 1.0.
    """

    cents: float | None
    likeness: float


def transposition(source: Picture, render: Picture) -> Transposition:
    """Measure how far `render` lies above `source`, within ±2600 cents.

    Args:
        source: as `SpectrumMeter.picture` gives it.
        render: the same of the other recording.
    """
    reach = round(_FARTHEST_CENTS / _CENTS_A_STEP)
    count = len(source)
    size = 1 << (count + reach).bit_length()

    def correlated(first: Picture, second: Picture) -> Picture:
        """Sum over n of first[n] * second[n + lag], for each lag from -reach to reach."""
        product = np.fft.irfft(np.fft.rfft(first, size).conj() * np.fft.rfft(second, size), size)
        return np.concatenate([product[-reach:], product[: reach + 1]])

    inside = np.ones(count)
    overlap = np.maximum(correlated(inside, inside), 1.0)
    source_sum, render_sum = correlated(source, inside), correlated(inside, render)
    covariance = correlated(source, render) - source_sum * render_sum / overlap
    source_power = correlated(source**2, inside) - source_sum**2 / overlap
    render_power = correlated(inside, render**2) - render_sum**2 / overlap
    spread = np.sqrt(np.maximum(source_power, 0) * np.maximum(render_power, 0))
    likeness = np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 1e-6 * count)
    best = int(likeness.argmax())
    peak = float(likeness[best])
    if peak < _LEAST_LIKENESS:
        return Transposition(None, peak)
    offset = 0.0
    if 0 < best < len(likeness) - 1:
        left, middle, right = likeness[best - 1 : best + 2]
        bend = left - 2 * middle + right
        offset = float(0.5 * (left - right) / bend) if bend < 0 else 0.0
    return Transposition((best - reach + offset) * _CENTS_A_STEP, peak)
