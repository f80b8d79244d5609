"""Fade: the song comes from silence and goes to it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tonearm_audio.decode import FloatBlock
from tonearm_audio.operations import Fade, FadeShape

_KNOTS = 4096
"""Steps of a curve that is drawn in straight lines: 2e-8 from the true one at most, -154 dB."""
_GRID = 1 << 32
"""What a sine is rounded to, so that no C library's last bit reaches the sound."""

Line = npt.NDArray[np.float64]


def process(
    blocks: Iterator[FloatBlock],
    *,
    operation: Fade,
    sample_rate_hz: int,
    channels: int,  # noqa: ARG001  (every operation is called alike)
) -> Iterator[FloatBlock]:
    """Fade the beginning in and the end out.

    The gain is a function of the way x from silence (0) to the full sound (1): x for "linear", sin(x π/2) for
    "equal_power" (two songs that are not alike, one faded out while the other fades in, keep their power), and
    (1 - cos(x π))/2 for "s_curve" (the sum of the gains is 1). The first frame faded in and the last frame faded out
    are silent. Where a song is so short that both meet, their gains multiply.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        operation: lengths in seconds, and the shape.
        sample_rate_hz: frames a second.
        channels: any number.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32], as many frames as came in; bit for bit between the fades.
        Only the length of the fade-out is held in memory.
    """
    curve = _curve(operation.shape)
    blocks = _faded_in(blocks, round(operation.in_s * sample_rate_hz), curve)
    return _faded_out(blocks, round(operation.out_s * sample_rate_hz), curve)


def _faded_in(blocks: Iterator[FloatBlock], length: int, curve: Line) -> Iterator[FloatBlock]:
    done = 0
    for block in blocks:
        within = min(len(block), length - done)
        if within <= 0:
            yield block
            continue
        rising = block.copy()
        rising[:within] *= _gains(curve, np.arange(done, done + within), length)
        done += within
        yield rising


def _faded_out(blocks: Iterator[FloatBlock], length: int, curve: Line) -> Iterator[FloatBlock]:
    """Hold back as many frames as could be the last."""
    held: deque[FloatBlock] = deque()
    frames = 0
    for block in blocks:
        held.append(block)
        frames += len(block)
        while held and frames - len(held[0]) >= length:
            ready = held.popleft()
            frames -= len(ready)
            yield ready
    # Blocks of any size may be waiting, and the fade may begin within the first of them.
    after = frames
    for block in held:
        after -= len(block)
        to_end = np.arange(after + len(block) - 1, after - 1, -1)
        fading = to_end < length
        if not fading.all():
            yield block[~fading]
        if fading.any():
            yield block[fading] * _gains(curve, to_end[fading], length)


def _curve(shape: FadeShape) -> Line:
    """The gain at `_KNOTS` + 1 points from silence to the full sound."""
    ways = [index / _KNOTS for index in range(_KNOTS + 1)]
    if shape == "linear":
        return np.array(ways)
    if shape == "equal_power":
        gains = [math.sin(math.pi / 2 * way) for way in ways]
    else:
        gains = [0.5 - 0.5 * math.cos(math.pi * way) for way in ways]
    return np.array([round(gain * _GRID) / _GRID for gain in gains])


def _gains(curve: Line, frames: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.float32]:
    """The gain at some frames' distance from silence [shape=(n, 1)]."""
    way = frames * (_KNOTS / length)
    knot = way.astype(np.int64)
    gains = curve[knot] + (curve[knot + 1] - curve[knot]) * (way - knot)
    return gains.astype(np.float32)[:, np.newaxis]
