"""The last stage before an encoder: samples beyond full scale are turned down, everything else passes bit for bit.

Stretching moves partials against each other, so a song mastered to full scale comes out with peaks a decibel or two
above it. Cutting them off would be heard; turning the whole song down would break the promise that the level is kept.
A look-ahead limiter turns down some milliseconds around each such peak.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock

CEILING = 10 ** (-0.1 / 20)
"""-0.1 dBFS: where what lies above full scale ends, so that a render has no more samples there than its source."""

_HOLD_S = 0.003

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
    hold = max(1, round(_HOLD_S * sample_rate_hz))
    reach = 2 * hold
    waiting: FloatBlock | None = None
    context = 0  # frames at the front of `waiting` that have left already
    for block in blocks:
        waiting = block if waiting is None else np.concatenate([waiting, block])
        ready = len(waiting) - reach
        if ready > context:
            yield _turned_down(waiting, hold)[context:ready]
            kept = max(0, ready - reach)
            waiting, context = waiting[kept:], ready - kept
    if waiting is not None and len(waiting) > context:
        yield _turned_down(waiting, hold)[context:]


def _turned_down(block: FloatBlock, hold: int) -> FloatBlock:
    peaks = np.abs(block).max(axis=1)
    if float(peaks.max()) <= 1.0:
        return block
    excess = np.where(peaks > 1.0, 1.0 - CEILING / np.maximum(peaks, 1.0), 0.0)
    held = _sliding_max(excess, hold)
    smooth = _sliding_mean(held, hold)
    # The running sum leaves a residue of rounding; where no peak is near, the gain is one and nothing else.
    smooth[_sliding_max(held, hold) == 0.0] = 0.0
    limited: FloatBlock = (block * (1.0 - smooth)[:, np.newaxis]).astype(np.float32)
    return np.clip(limited, -1.0, 1.0)


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
