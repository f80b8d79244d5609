"""Loudness and peaks of a stream, in one pass and constant memory, with numpy alone.

Sources: ITU-R BS.1770-4 (K-weighting, gated loudness, true peak), EBU Tech 3341 (meter), EBU Tech 3342 (range). The
recursive K-weighting filter runs as matrix products over blocks of 32 samples in float64, exactly as the recursion
would: scipy.signal does the same at the price of 1.4 s of imports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import BLOCK_FRAMES, FloatBlock
from tonearm_audio.product import product

_BLOCK = 32
_GROUP = 32
_ABSOLUTE_GATE_LUFS = -70.0
PEAK_TAPS = 16
PEAK_BLOCK = 32

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MeasuredLoudness:
    """How loud a track is.

    Attributes:
        integrated_lufs: gated loudness of the whole track; None when all of it is below -70 LUFS.
        range_lu: loudness range (LRA), 0.0 when the track is shorter than 3 s or silent.
        true_peak_dbtp: highest peak between and on the samples, found at 4 times the rate; None when digitally silent.
        sample_peak_dbfs: highest sample; None when digitally silent.
    """

    integrated_lufs: float | None
    range_lu: float
    true_peak_dbtp: float | None
    sample_peak_dbfs: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Plain values, rounded to a hundredth."""
        return {
            "integrated_lufs": _rounded(self.integrated_lufs),
            "range_lu": round(self.range_lu, 2),
            "true_peak_dbtp": _rounded(self.true_peak_dbtp),
            "sample_peak_dbfs": _rounded(self.sample_peak_dbfs),
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
        self._weighting = KWeighting(sample_rate_hz, channels)
        self._peaks = PeakMeter(channels)
        self._hop = round(sample_rate_hz / 10)
        self._rest: Array = np.zeros((channels, 0))
        self._energies: list[Array] = []

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32], at most a few seconds of it."""
        self._peaks.feed(block)
        self._gather(self._weighting.feed(block))

    def result(self) -> MeasuredLoudness:
        """What was measured so far; the meter can take no more after it."""
        self._gather(self._weighting.finish())
        self._peaks.finish()
        if not self._energies and self._rest.shape[1]:
            # Shorter than one step of the meter: all there is counts as one.
            self._energies.append(np.array([float((self._rest**2).sum()) / self._rest.shape[1]]))
        energies = np.concatenate(self._energies) if self._energies else np.zeros(0)
        return MeasuredLoudness(
            integrated_lufs=_integrated(energies),
            range_lu=_range(energies),
            true_peak_dbtp=_decibels(self._peaks.true_peak),
            sample_peak_dbfs=_decibels(self._peaks.sample_peak),
        )

    def _gather(self, weighted: Array) -> None:
        weighted = np.concatenate([self._rest, weighted], axis=1)
        hops = weighted.shape[1] // self._hop
        whole = weighted[:, : hops * self._hop].reshape(len(weighted), hops, self._hop)
        if hops:
            self._energies.append(np.einsum("chs,chs->h", whole, whole) / self._hop)
        self._rest = weighted[:, hops * self._hop :].copy()


def k_weighted_power(signal: npt.NDArray[np.float32], sample_rate_hz: int) -> float:
    """Mean power of a signal after K-weighting, both channels together, not gated.

    Args:
        signal: np.ndarray [shape=(frames, channels), dtype=float32].
        sample_rate_hz: frames a second.
    """
    weighting = KWeighting(sample_rate_hz, signal.shape[1])
    total = 0.0
    for start in range(0, len(signal), BLOCK_FRAMES):
        weighted = weighting.feed(signal[start : start + BLOCK_FRAMES])
        total += float(np.einsum("cs,cs->", weighted, weighted))
    rest = weighting.finish()
    return (total + float(np.einsum("cs,cs->", rest, rest))) / max(1, signal.size)


def k_weight(frequencies_hz: Array) -> Array:
    """Power gain of the K-weighting filter at each frequency, 0 Hz to 20 kHz."""
    sample_rate_hz = 48_000
    delay = np.exp(-2j * np.pi * frequencies_hz / sample_rate_hz)
    powers = np.stack([np.ones_like(delay), delay, delay**2])
    gain: Array = np.ones(len(frequencies_hz))
    for numerator, denominator in _k_weighting_sections(sample_rate_hz):
        gain = gain * np.abs((numerator @ powers) / (denominator @ powers)) ** 2
    return gain


def _lufs(energy: Array) -> Array:
    return -0.691 + 10 * np.log10(np.maximum(energy, 1e-30))


def _windows(energies: Array, hops: int) -> Array:
    """Mean energy of every window of so many 100 ms steps; of everything when there are fewer."""
    if len(energies) < hops:
        return energies.mean(keepdims=True) if len(energies) else energies
    sums = np.concatenate([[0.0], np.cumsum(energies)])
    means: Array = np.maximum(sums[hops:] - sums[:-hops], 0.0) / hops
    return means


def _integrated(energies: Array) -> float | None:
    """BS.1770-4 eqs. 3-7: 400 ms windows, 75 % overlap, gates at -70 LUFS and 10 LU below the mean."""
    windows = _windows(energies, 4)
    loudness = _lufs(windows)
    audible = loudness > _ABSOLUTE_GATE_LUFS
    if not audible.any():
        return None
    gate = float(_lufs(windows[audible].mean(keepdims=True))[0]) - 10
    return float(_lufs(windows[audible & (loudness > gate)].mean(keepdims=True))[0])


def _range(energies: Array) -> float:
    """EBU Tech 3342: 3 s windows, gates at -70 LUFS and 20 LU below the mean, 10th to 95th percentile."""
    if len(energies) < 30:
        return 0.0
    windows = _windows(energies, 30)
    loudness = _lufs(windows)
    audible = loudness > _ABSOLUTE_GATE_LUFS
    if not audible.any():
        return 0.0
    gate = float(_lufs(windows[audible].mean(keepdims=True))[0]) - 20
    low, high = np.percentile(loudness[audible & (loudness > gate)], [10, 95])
    return float(high - low)


def _decibels(peak: float) -> float | None:
    return 20 * math.log10(peak) if peak > 0 else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _k_weighting_sections(sample_rate_hz: int) -> list[tuple[Array, Array]]:
    """The two biquads of BS.1770-4, Tables 1 and 2, carried from 48 kHz to any rate by the bilinear transform.

    The analogue parameters reproduce the tables' coefficients at 48 kHz (Mansbridge, Finn and Reiss 2012).
    """
    frequency, gain_db, quality = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * frequency / sample_rate_hz)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    shelf = (
        np.array([high + band * k / quality + k * k, 2 * (k * k - high), high - band * k / quality + k * k]) / scale,
        np.array([scale, 2 * (k * k - 1), 1 - k / quality + k * k]) / scale,
    )
    frequency, quality = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * frequency / sample_rate_hz)
    scale = 1 + k / quality + k * k
    highpass = (
        np.array([1.0, -2.0, 1.0]),
        np.array([scale, 2 * (k * k - 1), 1 - k / quality + k * k]) / scale,
    )
    return [shelf, highpass]


@dataclass(frozen=True)
class _BlockFilter:
    """A recursive filter of order 4, written for whole blocks of samples x and the state s before each block.

    y = from_input x + from_state s, and the next state is next_from_input x + next_from_state s.
    """

    from_input: Array
    from_state: Array
    next_from_input: Array
    next_from_state: Array


@cache
def _block_filter(sample_rate_hz: int) -> _BlockFilter:
    (b1, a1), (b2, a2) = _k_weighting_sections(sample_rate_hz)

    def step(x: float, state: Array) -> tuple[float, Array]:
        """One sample through both sections in transposed direct form II."""
        y = b1[0] * x + state[0]
        z = b2[0] * y + state[2]
        after = np.array(
            [
                b1[1] * x - a1[1] * y + state[1],
                b1[2] * x - a1[2] * y,
                b2[1] * y - a2[1] * z + state[3],
                b2[2] * y - a2[2] * z,
            ]
        )
        return z, after

    # What a single sample, and each part of the state, leads to over one block, is all there is to know.
    response, states = np.zeros(_BLOCK), np.zeros((_BLOCK + 1, 4))
    value = 1.0
    for index in range(_BLOCK):
        response[index], states[index + 1] = step(value, states[index])
        value = 0.0
    from_input = np.zeros((_BLOCK, _BLOCK))
    for index in range(_BLOCK):
        from_input[index:, index] = response[: _BLOCK - index]
    next_from_input = states[_BLOCK - np.arange(_BLOCK)].T
    from_state, next_from_state = np.zeros((_BLOCK, 4)), np.zeros((4, 4))
    for part in range(4):
        state = np.eye(4)[part]
        for index in range(_BLOCK):
            from_state[index, part], state = step(0.0, state)
        next_from_state[:, part] = state
    return _BlockFilter(from_input, from_state, next_from_input, next_from_state)


class KWeighting:
    """The K-weighting filter of BS.1770 as a stream.

    Args:
        sample_rate_hz: frames a second.
        channels: how many, each filtered alone.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        self._filter = _block_filter(sample_rate_hz)
        self._state = np.zeros((channels, 4))
        self._rest = np.zeros((channels, 0))
        # Powers of the state's own transition, for a scan over groups of blocks.
        powers = [np.eye(4)]
        for _ in range(_GROUP):
            powers.append(self._filter.next_from_state @ powers[-1])
        self._powers = np.stack(powers)
        within = np.zeros((_GROUP, 4, _GROUP, 4))
        for row in range(1, _GROUP):
            for column in range(row):
                within[row, :, column, :] = powers[row - 1 - column]
        self._within = within.reshape(_GROUP * 4, _GROUP * 4)

    def feed(self, block: FloatBlock) -> Array:
        """Take np.ndarray [shape=(frames, channels)]; get what is ready, in 32s of frames [shape=(channels, n)]."""
        samples = np.concatenate([self._rest, block.T], axis=1)
        whole = samples.shape[1] // _BLOCK * _BLOCK
        self._rest = samples[:, whole:].copy()
        return self._filtered(samples[:, :whole])

    def finish(self) -> Array:
        """The last frames [shape=(channels, n)]."""
        count = self._rest.shape[1]
        padded = np.zeros((len(self._rest), _BLOCK))
        padded[:, :count] = self._rest
        self._rest = self._rest[:, :0]
        return self._filtered(padded)[:, :count]

    def _filtered(self, samples: Array) -> Array:
        channels, count = samples.shape
        blocks = samples.reshape(channels, count // _BLOCK, _BLOCK)
        states = self._states(product(blocks, self._filter.next_from_input.T))
        filtered = product(blocks, self._filter.from_input.T)
        filtered += product(states, self._filter.from_state.T)
        out: Array = filtered.reshape(channels, count)
        return out

    def _states(self, pushes: Array) -> Array:
        """The state before each block, from what each block's samples push into it [shape=(channels, blocks, 4)]."""
        channels, count, _ = pushes.shape
        groups = -(-count // _GROUP)
        padded = np.zeros((channels, groups * _GROUP, 4))
        padded[:, :count] = pushes
        grouped = padded.reshape(channels, groups, _GROUP * 4)
        inside = product(grouped, self._within.T).reshape(channels, groups, _GROUP, 4)
        # What a whole group pushes into the state after it.
        totals = inside[:, :, -1] @ self._powers[1].T + padded.reshape(channels, groups, _GROUP, 4)[:, :, -1]
        state = self._state
        starts = np.empty((channels, groups, 4))
        for group in range(groups):
            starts[:, group] = state
            state = state @ self._powers[_GROUP].T + totals[:, group]
        states = inside + np.einsum("kij,cgj->cgki", self._powers[:_GROUP], starts)
        flat = states.reshape(channels, groups * _GROUP, 4)
        if count:
            last = flat[:, count - 1]
            self._state = last @ self._powers[1].T + pushes[:, -1]
        before: Array = flat[:, :count]
        return before


@cache
def peak_matrix() -> npt.NDArray[np.float32]:
    """Interpolates a block of samples at 1/4, 1/2 and 3/4 between them: 16 taps of a Kaiser-windowed sinc each.

    BS.1770-4 annex 2 asks for 4 times oversampling; the original samples are the fourth phase.
    """
    reach = PEAK_TAPS // 2
    matrix = np.zeros((PEAK_BLOCK + PEAK_TAPS - 1, PEAK_BLOCK, 3))
    offsets = np.arange(PEAK_TAPS) - (reach - 1)
    for phase in range(3):
        distance = offsets - (phase + 1) / 4
        window = np.i0(5.0 * np.sqrt(np.maximum(0, 1 - (distance / reach) ** 2))) / np.i0(5.0)
        taps = np.sinc(distance) * window
        taps /= taps.sum()
        for index in range(PEAK_BLOCK):
            matrix[index : index + PEAK_TAPS, index, phase] = taps
    flat: npt.NDArray[np.float32] = matrix.reshape(len(matrix), PEAK_BLOCK * 3).astype(np.float32)
    return flat


class PeakMeter:
    """Sample peak and true peak of a stream.

    No sample between others can exceed them by more than the interpolator's gain, the sum of its taps' magnitudes. So
    only stretches that come that close to the peak so far are interpolated: the result is the same as for all.
    """

    def __init__(self, channels: int) -> None:
        self.sample_peak = 0.0
        self._between = 0.0
        self._matrix = peak_matrix()
        self._gain = float(np.abs(self._matrix).sum(axis=0).max())
        self._rest: FloatBlock = np.zeros((PEAK_TAPS // 2 - 1, channels), np.float32)

    @property
    def true_peak(self) -> float:
        """Highest magnitude between and on the samples, full scale 1.0."""
        return max(self.sample_peak, self._between)

    def feed(self, block: FloatBlock) -> None:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]."""
        if len(block):
            self.sample_peak = max(self.sample_peak, float(np.abs(block).max()))
        samples = np.concatenate([self._rest, block])
        overlap = PEAK_TAPS - 1
        count = (len(samples) - overlap) // PEAK_BLOCK
        if count <= 0:
            self._rest = samples
            return
        for channel in samples.T:
            self._interpolate(np.ascontiguousarray(channel[: count * PEAK_BLOCK + overlap]))
        self._rest = samples[count * PEAK_BLOCK :].copy()

    def finish(self) -> None:
        """Look at what lies between the last samples and the silence after them."""
        self.feed(np.zeros((PEAK_BLOCK + PEAK_TAPS, self._rest.shape[1]), np.float32))

    def _interpolate(self, samples: npt.NDArray[np.float32]) -> None:
        rows = np.lib.stride_tricks.sliding_window_view(samples, PEAK_BLOCK + PEAK_TAPS - 1)[::PEAK_BLOCK]
        size = np.abs(samples)
        own = size[: len(rows) * PEAK_BLOCK].reshape(len(rows), PEAK_BLOCK).max(axis=1)
        after = np.append(own[1:], size[len(rows) * PEAK_BLOCK :].max())
        highest = np.maximum(own, after)
        # The loudest rows first: they raise the bar for all others.
        loudest = np.argsort(highest)[-16:]
        self._take(rows[loudest])
        near = highest * self._gain > self.true_peak
        near[loudest] = False
        if near.any():
            self._take(rows[near])

    def _take(self, rows: npt.NDArray[np.float32]) -> None:
        self._between = max(self._between, float(np.abs(product(rows, self._matrix)).max()))
