"""Resample a stream by any ratio: the second half of a pitch change, and the way to a codec's sample rate.

A pitch change by r is a stretch in time by r, then resampling by r: the length is kept and the ratio is exact, where a
transposing phase vocoder is off by some cents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import soxr

from tonearm_audio.decode import FloatBlock


def resample(blocks: Iterator[FloatBlock], *, ratio: float, channels: int) -> Iterator[FloatBlock]:
    """Resample a stream with soxr (quality VHQ, 28 bits, linear phase, latency compensated).

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        ratio: frames in over frames out; above 1 the pitch rises when played at the old rate.
        channels: 1 or 2.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32]; frames in / ratio frames in all, give or take one.
    """
    stream = soxr.ResampleStream(ratio, 1.0, channels, dtype="float32", quality="VHQ")
    for block in blocks:
        out: FloatBlock = stream.resample_chunk(block)
        if len(out):
            yield out
    rest: FloatBlock = stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)
    if len(rest):
        yield rest


def fit_length(blocks: Iterator[FloatBlock], *, frames: Callable[[], int], channels: int) -> Iterator[FloatBlock]:
    """Make a stream exactly as long as promised, by its last frames.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32], off by a frame or two.
        frames: asked once the stream has ended, when the source's length is known.
        channels: 1 or 2.
    """
    given = 0
    held: FloatBlock | None = None
    for block in blocks:
        if held is not None:
            given += len(held)
            yield held
        held = block
    missing = frames() - given
    last = np.zeros((max(0, missing), channels), np.float32)
    if held is not None:
        usable = held[: len(last)]
        last[: len(usable)] = usable
    if len(last):
        yield last
