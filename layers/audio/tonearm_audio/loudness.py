"""Loudness and peaks of a stream, in one pass and constant memory.

Sources: ITU-R BS.1770-4 (K-weighting, gated loudness, true peak), EBU Tech 3341 (meter; momentary, short-term and
integrated loudness), EBU Tech 3342 (range). The loops over samples are kernels (native/loudness.c); what they find does
not depend on how the stream was cut into blocks.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.kernels import address, library, size

PEAK_TAPS = 16
SHORT_TERM_STEP_S = 1.0
"""Between the values of the short-term curve."""

_ABSOLUTE_GATE_LUFS = -70.0
_ABSOLUTE_GATE = 10 ** ((_ABSOLUTE_GATE_LUFS + 0.691) / 10)
_PHASES = 3
_KAISER_BETA = 5.0
_FEWEST_FRAMES = 8
"""What the kernel looks at together."""
_STEPS_A_SECOND = 10
"""Of the gated measures: windows of 400 ms that overlap by 75 %."""
_HOPS_A_STEP = 10
"""The maxima are looked for ten times as finely: a burst of 400 ms between two steps would read 0.6 LU low."""
_MOMENTARY_HOPS = 40
_SHORT_TERM_STEPS = 30

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MeasuredLoudness:
    """How loud a track is.

    Attributes:
        integrated_lufs: gated loudness of the whole track; None when all of it is below -70 LUFS.
        range_lu: loudness range (LRA), 0.0 when the track is shorter than 3 s or silent.
        max_momentary_lufs: the loudest 400 ms, as a meter reads them that had heard silence before the track; None
            below -70 LUFS.
        max_short_term_lufs: the loudest 3 s, in the same way.
        true_peak_dbtp: highest peak between and on the samples, found at 4 times the rate; None when digitally silent.
        sample_peak_dbfs: highest sample; None when digitally silent.
        short_term_lufs: loudness of the 3 s that begin at 0 s, 1 s, 2 s ...; None below -70 LUFS. Empty when the track
            is shorter than 3 s.
    """

    integrated_lufs: float | None
    range_lu: float
    max_momentary_lufs: float | None
    max_short_term_lufs: float | None
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None
    short_term_lufs: tuple[float | None, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain values, rounded to a hundredth; the curve to a tenth."""
        return {
            "integrated_lufs": _rounded(self.integrated_lufs),
            "range_lu": round(self.range_lu, 2),
            "max_momentary_lufs": _rounded(self.max_momentary_lufs),
            "max_short_term_lufs": _rounded(self.max_short_term_lufs),
            "true_peak_dbtp": _rounded(self.true_peak_dbtp),
            "sample_peak_dbfs": _rounded(self.sample_peak_dbfs),
            "short_term": {
                "step_s": SHORT_TERM_STEP_S,
                "lufs": [_rounded(value, 1) for value in self.short_term_lufs],
            },
        }


class LoudnessMeter:
    """Measures a stream block by block.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2; both weigh 1.0, as left and right do in BS.1770.

    Example:
        >>> meter = LoudnessMeter(48000, 2)
        >>> for block in source.blocks():
        ...     meter.feed(block)
        >>> meter.result().integrated_lufs
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._peaks = PeakMeter(channels)
        self._energy = _EnergyMeter(sample_rate_hz, channels)
        self._momentary = _Loudest(_MOMENTARY_HOPS)
        self._short_term = _Loudest(_SHORT_TERM_STEPS * _HOPS_A_STEP)

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._peaks.feed(block)
        self._follow(self._energy.feed(block))

    def result(self) -> MeasuredLoudness:
        """What was measured; the meter can take no more after it."""
        self._peaks.finish()
        self._follow(self._energy.begun)
        steps = self._energy.steps()
        curve = _windows(steps, _SHORT_TERM_STEPS) if len(steps) >= _SHORT_TERM_STEPS else np.zeros(0)
        curve = curve[:: round(SHORT_TERM_STEP_S * _STEPS_A_SECOND)].copy()
        return MeasuredLoudness(
            integrated_lufs=_integrated(steps),
            range_lu=_range(steps),
            max_momentary_lufs=_audible_lufs(self._momentary.energy),
            max_short_term_lufs=_audible_lufs(self._short_term.energy),
            true_peak_dbtp=_decibels(self._peaks.true_peak),
            sample_peak_dbfs=_decibels(self._peaks.sample_peak),
            short_term_lufs=tuple(_audible_lufs(float(energy)) for energy in curve),
        )

    def _follow(self, energies: Array) -> None:
        self._momentary.feed(energies)
        self._short_term.feed(energies)


class IntegratedMeter:
    """Measures integrated loudness alone, the same as `LoudnessMeter`, in a fraction of the time.

    Args:
        sample_rate_hz: frames a second.
        channels: 1 or 2.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._energy = _EnergyMeter(sample_rate_hz, channels)

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        self._energy.feed(block)

    def lufs(self) -> float | None:
        """What was measured so far; None when all of it is below -70 LUFS."""
        return _integrated(self._energy.steps())


class _EnergyMeter:
    """Mean energy after K-weighting, all channels together, of every hop and of every step of a stream."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._channels = channels
        self._hop = round(sample_rate_hz / (_STEPS_A_SECOND * _HOPS_A_STEP))
        self._sections = k_weighting_sections(sample_rate_hz)
        self._state = np.zeros((6, 2))
        self._begun, self._filled = 0.0, 0
        """Energy of the frames that make no whole hop yet, and how many those are."""
        self._hops = np.zeros(0)
        """Those that make no whole step yet."""
        self._steps = array("f")
        """All that grows with the stream: 1.5 MB in ten hours."""

    def feed(self, block: FloatBlock) -> Array:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]; get the energies of the hops that it ends."""
        block = np.ascontiguousarray(block)
        sums = np.zeros((self._filled + len(block)) // self._hop + 1)
        sums[0] = self._begun
        library().tonearm_k_energy(
            address(block, np.float32),
            size(len(block)),
            size(self._channels),
            address(self._sections, np.float64),
            address(self._state, np.float64),
            size(self._hop),
            size(self._filled),
            address(sums, np.float64),
        )
        self._begun, self._filled = float(sums[-1]), (self._filled + len(block)) % self._hop
        ended = sums[:-1] / self._hop
        hops = np.concatenate([self._hops, ended])
        whole = len(hops) // _HOPS_A_STEP * _HOPS_A_STEP
        if whole:
            steps = hops[:whole].reshape(-1, _HOPS_A_STEP).mean(axis=1)
            self._steps.frombytes(steps.astype(np.float32).tobytes())
        self._hops = hops[whole:]
        return ended

    @property
    def begun(self) -> Array:
        """The energy of the hop that has begun, as if silence followed; empty where none has."""
        return np.array([self._begun / self._hop] if self._filled else [])

    def steps(self) -> Array:
        """The energies of all steps; of a stream shorter than one, all there is counts as one."""
        frames = len(self._hops) * self._hop + self._filled
        if not self._steps and frames:
            return np.array([(float(self._hops.sum()) * self._hop + self._begun) / frames])
        return np.array(self._steps, np.float64)


class _Loudest:
    """The greatest mean energy of so many hops in a row, silence before the first of them."""

    def __init__(self, hops: int) -> None:
        self.energy = 0.0
        self._hops = hops
        self._before = np.zeros(hops - 1)

    def feed(self, energies: Array) -> None:
        """Take the mean energies of the next hops."""
        if not len(energies):
            return
        joined = np.concatenate([self._before, energies])
        # Each window is added up anew: a running sum would remember how the stream was cut.
        sums = np.lib.stride_tricks.sliding_window_view(joined, self._hops).sum(axis=-1)
        self.energy = max(self.energy, float(sums.max()) / self._hops)
        self._before = joined[len(energies) :].copy()


def k_weight(frequencies_hz: Array) -> Array:
    """Power gain of the K-weighting filter at each frequency, 0 Hz to 20 kHz."""
    sample_rate_hz = 48_000
    delay = np.exp(-2j * np.pi * frequencies_hz / sample_rate_hz)
    powers = np.stack([np.ones_like(delay), delay, delay**2])
    gain: Array = np.ones(len(frequencies_hz))
    for section in k_weighting_sections(sample_rate_hz):
        numerator, denominator = section[:3], np.concatenate([[1.0], section[3:]])
        gain = gain * np.abs((numerator @ powers) / (denominator @ powers)) ** 2
    return gain


def _lufs(energy: Array) -> Array:
    return -0.691 + 10 * np.log10(np.maximum(energy, 1e-30))


def _windows(energies: Array, hops: int) -> Array:
    """Mean energy of every window of so many 100 ms steps; of everything when there are fewer."""
    if len(energies) < hops:
        return energies.mean(keepdims=True) if len(energies) else energies
    means: Array = np.lib.stride_tricks.sliding_window_view(energies, hops).sum(axis=-1)
    means /= hops
    return means


def _integrated(energies: Array) -> float | None:
    """BS.1770-4 eqs. 3-7: 400 ms windows, 75 % overlap, gates at -70 LUFS and 10 LU below the mean."""
    windows = _gated(_windows(energies, 4), -10)
    return float(_lufs(windows.mean())) if len(windows) else None


def _range(energies: Array) -> float:
    """EBU Tech 3342: 3 s windows, gates at -70 LUFS and 20 LU below the mean, 10th to 95th percentile."""
    if len(energies) < _SHORT_TERM_STEPS:
        return 0.0
    windows = _gated(_windows(energies, _SHORT_TERM_STEPS), -20)
    if not len(windows):
        return 0.0
    low, high = np.percentile(_lufs(windows), [10, 95], overwrite_input=True)
    return float(high - low)


def _gated(windows: Array, below_lu: float) -> Array:
    """The windows above -70 LUFS and above a gate so far from the mean of those."""
    # By their energies: each window's loudness would take as much memory again, some times over.
    windows = windows[windows > _ABSOLUTE_GATE]
    return windows[windows > windows.mean() * 10 ** (below_lu / 10)] if len(windows) else windows


def _decibels(peak: float) -> float | None:
    return 20 * math.log10(peak) if peak > 0 else None


def _audible_lufs(energy: float) -> float | None:
    lufs = -0.691 + 10 * math.log10(max(energy, 1e-30))
    return lufs if lufs > _ABSOLUTE_GATE_LUFS else None


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


def k_weighting_sections(sample_rate_hz: int) -> Array:
    """The two biquads of BS.1770-4, Tables 1 and 2, carried from 48 kHz to any rate by the bilinear transform.

    The analogue parameters reproduce the tables' coefficients at 48 kHz (Mansbridge, Finn and Reiss 2012).

    Returns:
        np.ndarray [shape=(2, 5)]: b0, b1, b2, a1, a2 of each, with a0 = 1.
    """
    frequency, gain_db, quality = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * frequency / sample_rate_hz)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    shelf = [
        (high + band * k / quality + k * k) / scale,
        2 * (k * k - high) / scale,
        (high - band * k / quality + k * k) / scale,
        2 * (k * k - 1) / scale,
        (1 - k / quality + k * k) / scale,
    ]
    frequency, quality = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * frequency / sample_rate_hz)
    scale = 1 + k / quality + k * k
    highpass = [1.0, -2.0, 1.0, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale]
    return np.array([shelf, highpass])


class KWeighting:
    """The K-weighting filter of BS.1770 as a stream.

    Args:
        sample_rate_hz: frames a second.
        channels: how many, each filtered alone.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._sections = k_weighting_sections(sample_rate_hz)
        self._state = np.zeros((channels, 4))

    def feed(self, block: npt.NDArray[np.float32] | Array) -> Array:
        """Take np.ndarray [shape=(frames, channels)]; get as many frames [shape=(channels, frames), dtype=float64]."""
        block = np.ascontiguousarray(block, np.float32)
        out = np.empty(block.shape[::-1])
        library().tonearm_k_weight(
            address(block, np.float32),
            address(out, np.float64),
            size(len(block)),
            size(block.shape[1]),
            address(self._sections, np.float64),
            address(self._state, np.float64),
        )
        return out


@cache
def peak_taps() -> npt.NDArray[np.float32]:
    """Interpolate at 1/4, 1/2 and 3/4 after a sample: a Kaiser-windowed sinc, from 7 samples before it to 8 after it.

    BS.1770-4 annex 2 asks for 4 times oversampling; the original samples are the fourth phase.

    Returns:
        np.ndarray [shape=(3, 16), dtype=float32], each row with unit sum.
    """
    reach = PEAK_TAPS // 2
    rows = []
    for phase in range(_PHASES):
        row = []
        for index in range(PEAK_TAPS):
            distance = index - (reach - 1) - (phase + 1) / 4
            window = _bessel(_KAISER_BETA * math.sqrt(max(0.0, 1 - (distance / reach) ** 2))) / _bessel(_KAISER_BETA)
            row.append(math.sin(math.pi * distance) / (math.pi * distance) * window)
        rows.append(np.array(row) / math.fsum(row))
    return np.array(rows, np.float32)


@cache
def peak_reach() -> npt.NDArray[np.float32]:
    """By how much what lies between two samples can exceed those two, and the others: the magnitudes of `peak_taps`.

    Returns:
        np.ndarray [shape=(2,), dtype=float32], a thousandth more than that: rounding must not leave a peak out.
    """
    magnitudes = np.abs(peak_taps())
    near = magnitudes[:, PEAK_TAPS // 2 - 1 : PEAK_TAPS // 2 + 1].sum(axis=1)
    far = magnitudes.sum(axis=1) - near
    return np.array([near.max(), far.max()], np.float32) * np.float32(1.001)


def _bessel(x: float) -> float:
    """The modified Bessel function of the first kind and order zero, by its series."""
    return math.fsum((x / 2) ** (2 * power) / math.factorial(power) ** 2 for power in range(30))


class PeakMeter:
    """Sample peak and true peak of a stream.

    Args:
        channels: how many.
    """

    def __init__(self, channels: int) -> None:
        self._peaks = np.zeros(2, np.float32)
        self._rest: FloatBlock = np.zeros((PEAK_TAPS // 2 - 1, channels), np.float32)

    @property
    def sample_peak(self) -> float:
        """Highest magnitude of a sample, full scale 1.0."""
        return float(self._peaks[0])

    @property
    def true_peak(self) -> float:
        """Highest magnitude between and on the samples, full scale 1.0."""
        return float(self._peaks.max())

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        samples = np.concatenate([self._rest, block])
        count = len(samples) - (PEAK_TAPS - 1)
        if count < _FEWEST_FRAMES:
            self._rest = samples
            return
        library().tonearm_true_peak(
            address(samples, np.float32),
            size(count),
            size(samples.shape[1]),
            address(peak_taps(), np.float32),
            address(peak_reach(), np.float32),
            address(self._peaks, np.float32),
        )
        self._rest = samples[count:].copy()

    def finish(self) -> None:
        """Look at what lies between the last samples and the silence after them."""
        self.feed(np.zeros((PEAK_TAPS, self._rest.shape[1]), np.float32))
