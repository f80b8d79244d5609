"""Long-term spectra, and by how many cents one recording lies above another.

Every pitch moves by the same distance on a logarithmic frequency axis, so the long-term spectra of a song and of its
transposed render are the same picture, shifted. The shift is where their cross-correlation peaks. It needs no notes, no
tempo and no alignment in time, but it does need tones: noise has no picture to shift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from tonearm_audio.decode import FloatBlock
from tonearm_audio.fourier import rfft
from tonearm_audio.loudness import k_weight
from tonearm_audio.parabola import top_near

_RATE_HZ = 22_050
_WINDOW = 16_384
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 9_000.0
_CENTS_A_STEP = 2.0
_FARTHEST_CENTS = 2_600.0
_ENVELOPE_CENTS = 200.0
STEADY = 0.4
"""Steadiness from which a recording holds tones: noise reaches 0.05, 3 s of a song 0.6, a whole song 0.9."""
_NEAR_STEPS = 25
_TURN_FRAMES = 4
_SILENT_POWER = 1e-10
_LEAST_LIKENESS = 0.5
"""Correlation below which two pictures are not the same one shifted. Renders of music reach 0.8 and more."""

Line = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LongTermSpectrum:
    """The long-term spectrum of a recording.

    Attributes:
        tones: what stands out of the spectrum, on a logarithmic frequency axis [shape=(steps,)]; zeros for none.
        steadiness: correlation between the tones of two interleaved halves of the recording: near 0 for noise, whose
            peaks are chance, and near 1 for music.
        power: mean power a frame and frequency bin, both channels together [shape=(bins,)].
        highest_hz: frequency up to which the recording's sample rate lets it be seen.
    """

    tones: Line
    steadiness: float
    power: Line
    highest_hz: float

    @property
    def frequencies_hz(self) -> Line:
        """Of each bin of `power` [shape=(bins,)]."""
        frequencies: Line = np.arange(len(self.power)) * _RATE_HZ / _WINDOW
        return frequencies

    @property
    def line_width_cents(self) -> float:
        """How far the picture can be shifted until it is half like itself, 2 to 2600 cents.

        Songs reach 14. A voice with vibrato, a glide or a short burst draws a line as wide as it moves, and where a
        wide line lies cannot be told as exactly as where a narrow one does.
        """
        likeness = _likeness(self.tones, self.tones)
        beyond = likeness[len(likeness) // 2 :] < 0.5
        return float(beyond.argmax() if beyond.any() else len(beyond) - 1) * _CENTS_A_STEP

    @property
    def partials(self) -> float:
        """How many frequency bins the power is spread over: 3 for one tone, 40 for a song, thousands for noise."""
        power = self.power * k_weight(self.frequencies_hz)
        total = float(power.sum())
        return total**2 / float(power @ power) if total > _SILENT_POWER else 0.0

    def level_db(self, low_hz: float, high_hz: float, *, pitch_ratio: float) -> float | None:
        """K-weighted level between two frequencies of the source, in dB; None for silence.

        Args:
            low_hz: lower edge, before transposition.
            high_hz: upper edge, before transposition.
            pitch_ratio: by how much this recording is transposed: a partial is looked for at this multiple of its
                frequency and weighted as at home, so that a song and its transposed render compare like with like.
        """
        sums = np.concatenate([[0.0], np.cumsum(self.power * k_weight(self.frequencies_hz / pitch_ratio))])
        # Bin k gathers what lies within half a bin of its centre.
        edges = np.array([low_hz, high_hz]) * pitch_ratio * _WINDOW / _RATE_HZ + 0.5
        low, high = np.interp(edges, np.arange(len(sums)), sums)
        power = float(high - low)
        return -0.691 + 10 * math.log10(power) if power > _SILENT_POWER else None


class LongTermSpectrumMeter:
    """Gathers the long-term spectrum of a stream.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._down = soxr.ResampleStream(sample_rate_hz, _RATE_HZ, channels, dtype="float32", quality="MQ")
        self._highest_hz = min(_HIGHEST_HZ, 0.42 * sample_rate_hz)
        self._channels = channels
        self._shape = np.hanning(_WINDOW).astype(np.float32)
        # Half a window of silence at either end lets the first and last samples count as much as the others.
        self._rest: FloatBlock = np.zeros((_WINDOW // 2, channels), np.float32)
        # Two spectra, of every other second and a half, whose likeness tells tones from chance; the third is of the
        # frames between them, which share half their samples with either: a single hit would be alike in both.
        self._compressed = np.zeros((3, _WINDOW // 2 + 1))
        self._sounding = np.zeros(3, np.int64)
        self._power = np.zeros(_WINDOW // 2 + 1)
        self._samples = 0

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._gather(self._down.resample_chunk(block))

    def result(self) -> LongTermSpectrum:
        """What was gathered; the meter can take no more after it."""
        self._gather(self._down.resample_chunk(np.zeros((0, self._channels), np.float32), last=True))
        samples = self._samples
        self._gather(np.zeros((_WINDOW, self._channels), np.float32))
        # A frame every half window, each weighted by the window's own power: the sum is the signal's.
        scale = 2 / (2 * float((self._shape**2).sum()) * max(1, samples))
        tones = self._tones(self._compressed.sum(axis=0), int(self._sounding.sum()))
        return LongTermSpectrum(tones, self._steadiness(), self._power * scale, self._highest_hz)

    def _tones(self, compressed: Line, frames: int) -> Line:
        steps = round(1200 * np.log2(_HIGHEST_HZ / _LOWEST_HZ) / _CENTS_A_STEP)
        frequencies = _LOWEST_HZ * 2 ** (np.arange(steps) * _CENTS_A_STEP / 1200)
        level = np.log(compressed / max(1, frames) + 1e-6)
        line = np.interp(frequencies, np.arange(len(level)) * _RATE_HZ / _WINDOW, level)
        line -= _smoothed(line, round(_ENVELOPE_CENTS / _CENTS_A_STEP))
        line[frequencies > self._highest_hz] = 0.0
        return np.maximum(line, 0.0)

    def _steadiness(self) -> float:
        """Correlation between the tones of the one half of the recording and those of the other."""
        if not self._sounding[:2].all():
            return 0.0
        one, other = (self._tones(self._compressed[half], int(self._sounding[half])) for half in (0, 1))
        if not (one.any() and other.any()):
            return 0.0
        return float(np.corrcoef(one, other)[0, 1])

    def _gather(self, block: FloatBlock) -> None:
        self._samples += len(block)
        samples = np.concatenate([self._rest, block])
        hop = _WINDOW // 2
        count = max(0, (len(samples) - _WINDOW) // hop + 1)
        for index in range(count):
            frame = samples[index * hop : index * hop + _WINDOW]
            if not frame.any():
                continue
            magnitude = np.abs(rfft(frame.T * self._shape)).T * _WINDOW
            # The square root keeps one loud bar from drowning all others.
            turn, place = divmod(int(self._sounding.sum()), _TURN_FRAMES)
            half = turn % 2 if place else 2
            self._compressed[half] += np.sqrt(magnitude).sum(axis=1)
            self._power += (magnitude.astype(np.float64) ** 2).sum(axis=1)
            self._sounding[half] += 1
        self._rest = samples[count * hop :].copy()


def _smoothed(line: Line, reach: int) -> Line:
    sums = np.concatenate([[0.0], np.cumsum(line)])
    index = np.arange(len(line))
    start, end = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(line))
    mean: Line = (sums[end] - sums[start]) / (end - start)
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


def transposition(source: Line, render: Line, *, expected_cents: float) -> Transposition:
    """Measure how far `render` lies above `source`, within ±2600 cents.

    Tones that share most of their partials fit almost as well an octave off. Where the expected distance fits within
    5 % as well as the best one, the measurement is taken there: a promise is broken only by something that fits better.

    Args:
        source: `LongTermSpectrum.tones` of the one recording.
        render: the same of the other.
        expected_cents: where to look in doubt.
    """
    likeness = _likeness(source, render)
    reach = len(likeness) // 2
    best = int(likeness.argmax())
    around = round(expected_cents / _CENTS_A_STEP) + reach
    near = slice(max(0, around - _NEAR_STEPS), around + _NEAR_STEPS + 1)
    close = near.start + int(likeness[near].argmax())
    if likeness[close] >= 0.95 * likeness[best]:
        best = close
    peak = float(likeness[best])
    if peak < _LEAST_LIKENESS:
        return Transposition(None, peak)
    return Transposition((top_near(likeness, best) - reach) * _CENTS_A_STEP, peak)


def _likeness(source: Line, render: Line) -> Line:
    """Pearson's correlation of the parts that overlap, at each distance from -2600 to 2600 cents."""
    reach = round(_FARTHEST_CENTS / _CENTS_A_STEP)
    count = len(source)
    size = 1 << (count + reach).bit_length()

    def correlated(first: Line, second: Line) -> Line:
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
    likeness: Line = np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 1e-6 * count)
    return likeness
