"""The last stage before an encoder: peaks beyond a ceiling are turned down, everything else passes bit for bit.

Stretching moves partials against each other, so a song mastered to full scale comes out with peaks a decibel or two
above it. Cutting them off would be heard; turning the whole song down would break the promise that the level is kept.
A look-ahead limiter turns down some milliseconds around each such peak. `limit` looks at the samples and at full scale;
`TruePeakLimiter` looks between the samples as well, at any ceiling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.loudness import PEAK_BLOCK, PEAK_TAPS, peak_matrix
from tonearm_audio.product import product

CEILING = 10 ** (-0.1 / 20)
"""-0.1 dBFS: where what lies above full scale ends, so that a render has no more samples there than its source."""

_HOLD_S = 0.003
_SHORT_HOLD_S = 0.0007
"""Of the true-peak limiter: a song mastered into the ceiling leaves it 1.2 LU louder than with 3 ms."""
_COST_MEMORY_S = 3.0
_EXCESS_STEPS = 1 << 14
_INTERPOLATION_SLACK = 10 ** (-0.05 / 20)
"""A gain that moves while a peak lies between samples lets it through by some hundredths of a decibel."""

Gain = npt.NDArray[np.float64]


def limit(blocks: Iterator[FloatBlock], *, sample_rate_hz: int) -> Iterator[FloatBlock]:
    """Turn down peaks beyond full scale.

    The gain at a frame is the least that any frame within 3 ms needs, smoothed over those 3 ms, alike for both
    channels: it never lets a peak pass, and is exactly 1 from 6 ms before a peak on and from 6 ms after it.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        sample_rate_hz: frames a second.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32], as many frames as came in, none beyond ±1.0.
    """
    window = _Window(_HOLD_S * sample_rate_hz, _excess_of_samples, margin=0)
    for block in blocks:
        for _, limited in window.feed(block):
            yield np.clip(limited, -1.0, 1.0)
    for _, limited in window.finish():
        yield np.clip(limited, -1.0, 1.0)


class TruePeakLimiter:
    """Turns down what lies beyond a true-peak ceiling, as `limit` does, and says how much power that has cost.

    It holds each gain for 0.7 ms to both sides, so that as little as possible is lost of a song without peaks.

    Args:
        sample_rate_hz: frames a second.
        ceiling_dbtp: highest true peak that leaves, by BS.1770's measure; below 0.

    Example:
        >>> limiter = TruePeakLimiter(44100, ceiling_dbtp=-1.0)
        >>> for block in blocks:
        ...     sink.extend(limiter.feed(block))
        >>> sink.extend(limiter.finish())
    """

    def __init__(self, sample_rate_hz: int, *, ceiling_dbtp: float) -> None:
        ceiling = 10 ** (ceiling_dbtp / 20) * _INTERPOLATION_SLACK
        self._window = _Window(
            # A gain that moved within the reach of the interpolator would make new peaks between the samples.
            max(_SHORT_HOLD_S * sample_rate_hz, 2 * PEAK_TAPS),
            lambda block: _excess_between_samples(block, ceiling),
            margin=PEAK_TAPS,
        )
        self._fade_s = _COST_MEMORY_S * sample_rate_hz
        self._taken = self._left = 1e-9

    @property
    def makeup(self) -> float:
        """The gain that would give back the power which limiting took over the last seconds, 1.0 for none."""
        return math.sqrt(self._taken / self._left)

    def feed(self, block: FloatBlock) -> Iterator[FloatBlock]:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]; yield what is ready."""
        return self._counted(self._window.feed(block))

    def finish(self) -> Iterator[FloatBlock]:
        """Yield the last frames."""
        return self._counted(self._window.finish())

    def _counted(self, blocks: Iterator[tuple[FloatBlock, FloatBlock]]) -> Iterator[FloatBlock]:
        for before, after in blocks:
            fade = math.exp(-len(before) / self._fade_s)
            self._taken = self._taken * fade + float(np.einsum("fc,fc->", before, before))
            self._left = self._left * fade + float(np.einsum("fc,fc->", after, after))
            yield after


class _Window:
    """A stream with what lies around each frame, and the gains that follow from it.

    Args:
        hold_frames: how long a gain is held around the frame that needs it.
        excess: by how much each frame of a block must be turned down [shape=(frames,)]: 1 minus its gain.
        margin: frames at both ends of a block whose excess is not yet known.
    """

    def __init__(self, hold_frames: float, excess: Callable[[FloatBlock], Gain], *, margin: int) -> None:
        self._hold = max(1, round(hold_frames))
        self._reach = 2 * self._hold + margin
        self._excess = excess
        self._waiting: FloatBlock | None = None
        self._context = 0  # frames at the front of `waiting` that have left already

    def feed(self, block: FloatBlock) -> Iterator[tuple[FloatBlock, FloatBlock]]:
        """Take a block; yield what is ready, before and after."""
        waiting = block if self._waiting is None else np.concatenate([self._waiting, block])
        ready = len(waiting) - self._reach
        if ready > self._context:
            frames = slice(self._context, ready)
            limited = self._turned_down(waiting)[frames]
            kept = max(0, ready - self._reach)
            before, self._waiting, self._context = waiting[frames], waiting[kept:], ready - kept
            yield before, limited
        else:
            self._waiting = waiting

    def finish(self) -> Iterator[tuple[FloatBlock, FloatBlock]]:
        """Yield what is left."""
        if self._waiting is not None and len(self._waiting) > self._context:
            yield self._waiting[self._context :], self._turned_down(self._waiting)[self._context :]

    def _turned_down(self, block: FloatBlock) -> FloatBlock:
        excess = self._excess(block)
        if not excess.any():
            return block
        held = _sliding_max(excess, self._hold)
        smooth = _sliding_mean(held, self._hold)
        # The running sum leaves a residue of rounding; where no peak is near, the gain is one and nothing else.
        smooth[_sliding_max(held, self._hold) == 0.0] = 0.0
        limited: FloatBlock = (block * (1.0 - smooth)[:, np.newaxis]).astype(np.float32)
        return limited


def _louder_channel(block: FloatBlock) -> npt.NDArray[np.float32]:
    """Highest magnitude of each frame; numpy's own maximum along an axis of two costs ten times as much."""
    magnitude = np.abs(block)
    highest = magnitude[:, 0]
    for channel in range(1, block.shape[1]):
        highest = np.maximum(highest, magnitude[:, channel])
    return highest


def _excess_of_samples(block: FloatBlock) -> Gain:
    peaks = _louder_channel(block)
    excess: Gain = np.where(peaks > 1.0, 1.0 - CEILING / np.maximum(peaks, 1.0), 0.0)
    return excess


def _excess_between_samples(block: FloatBlock, ceiling: float) -> Gain:
    """Of each frame, by the highest of its samples and of what is interpolated on both sides of it."""
    peaks = _louder_channel(block)
    matrix = peak_matrix()
    # Nothing between samples can exceed them by more than the interpolator's gain: rows of soft samples are left out.
    near = ceiling / float(np.abs(matrix).sum(axis=0).max())
    if float(peaks.max()) > near:
        rows = -(-len(block) // PEAK_BLOCK)
        before, after = PEAK_TAPS // 2 - 1, PEAK_TAPS // 2
        padded = np.pad(block, ((before, after + rows * PEAK_BLOCK - len(block)), (0, 0)))
        spread = _sliding_max(np.pad(peaks, (0, rows * PEAK_BLOCK - len(block))).astype(np.float64), PEAK_TAPS // 2)
        loud = spread.reshape(rows, PEAK_BLOCK).max(axis=1) > near
        between = np.zeros((rows, PEAK_BLOCK), np.float32)
        for channel in padded.T:
            windows = np.lib.stride_tricks.sliding_window_view(channel, PEAK_BLOCK + PEAK_TAPS - 1)[::PEAK_BLOCK]
            found = np.abs(product(windows[loud], matrix)).reshape(-1, PEAK_BLOCK, 3)
            for phase in range(3):
                between[loud] = np.maximum(between[loud], found[:, :, phase])
        gaps = between.ravel()[: len(block)]
        # A peak between two frames belongs to both.
        peaks = np.maximum(peaks, gaps)
        peaks[1:] = np.maximum(peaks[1:], gaps[:-1])
    excess = np.where(peaks > ceiling, 1.0 - ceiling / np.maximum(peaks, ceiling), 0.0).astype(np.float64)
    # In steps so coarse that the last bit of a matrix product, which differs between processors, cannot move them.
    return np.ceil(excess * _EXCESS_STEPS) / _EXCESS_STEPS


def _sliding_max(values: Gain, reach: int) -> Gain:
    """Largest value within ±reach, by van Herk's two running maxima: three operations a sample at any reach."""
    width = 2 * reach + 1
    count = len(values)
    rows = -(-(count + 2 * reach) // width)
    padded = np.zeros(rows * width)
    padded[reach : reach + count] = values
    table = padded.reshape(rows, width)
    forward = np.maximum.accumulate(table, axis=1).ravel()
    backward = np.maximum.accumulate(table[:, ::-1], axis=1)[:, ::-1].ravel()
    largest: Gain = np.maximum(backward[:count], forward[width - 1 : width - 1 + count])
    return largest


def _sliding_mean(values: Gain, reach: int) -> Gain:
    width = 2 * reach + 1
    # Beyond the ends the outermost value goes on: a song may begin on a peak.
    sums = np.cumsum(np.pad(values, reach, mode="edge"))
    sums = np.concatenate([[0.0], sums])
    mean: Gain = (sums[width:] - sums[:-width]) / width
    return np.maximum(mean, 0.0)
