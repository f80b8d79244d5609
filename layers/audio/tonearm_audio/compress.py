"""Compress: what is loud is turned down, both channels alike, without touching what is soft.

A feed-forward compressor as in Giannoulis, Massberg and Reiss, "Digital dynamic range compressor design: a tutorial and
analysis" (JAES 60, 2012). Of the forms that they compare it takes the ones that they find cleanest: the level is that
of the louder channel, sample by sample and in decibels; a quadratic knee (their eq. 4) gives the reduction that it
asks for; and that, not the level, is smoothed, by the smooth decoupled peak detector (eq. 17). So the knee stays where
it is at any attack, a tone is turned down by what the curve says of its peaks, and there is no lag before the threshold
is crossed. The loop is `native/compress.c`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tonearm_audio.decode import FloatBlock
from tonearm_audio.kernels import address, library, size
from tonearm_audio.operations import Compress

_OCTAVE_DB = 20 * math.log10(2)


def process(
    blocks: Iterator[FloatBlock], *, operation: Compress, sample_rate_hz: int, channels: int
) -> Iterator[FloatBlock]:
    """Compress a stream.

    Args:
        blocks: np.ndarray [shape=(frames, channels), dtype=float32].
        operation: threshold, ratio, times, knee and make-up gain.
        sample_rate_hz: frames a second.
        channels: any number; all get the gain that the loudest asks for.

    Yields:
        np.ndarray [shape=(frames, channels), dtype=float32], as many frames as came in; the very blocks where ratio 1
        and no make-up gain ask for nothing.
    """
    if operation.ratio == 1.0 and operation.makeup_db == 0.0:
        return blocks
    compressor = Compressor(operation, sample_rate_hz=sample_rate_hz, channels=channels)
    return (compressor.feed(block) for block in blocks)


def gain_db(operation: Compress, level_dbfs: float) -> float:
    """What becomes of a steady level, make-up gain included: the compressor's curve.

    Args:
        operation: threshold, ratio, knee and make-up gain.
        level_dbfs: of the peaks.
    """
    above_db = level_dbfs - operation.threshold_dbfs
    within_db = min(max(above_db + operation.knee_db / 2, 0.0), operation.knee_db)
    bent_db = within_db**2 / (2 * operation.knee_db) if operation.knee_db else 0.0
    beyond_db = max(above_db - operation.knee_db / 2, 0.0)
    return operation.makeup_db - (1 - 1 / operation.ratio) * (bent_db + beyond_db)


class Compressor:
    """The compressor of one stream, fed block by block.

    Args:
        operation: threshold, ratio, times, knee and make-up gain.
        sample_rate_hz: frames a second.
        channels: any number; all get the gain that the loudest asks for.
    """

    def __init__(self, operation: Compress, *, sample_rate_hz: int, channels: int) -> None:
        in_octaves = (operation.threshold_dbfs / _OCTAVE_DB, operation.knee_db / _OCTAVE_DB)
        self._curve = np.array([*in_octaves, 1 - 1 / operation.ratio, operation.makeup_db / _OCTAVE_DB])
        times_ms = (operation.attack_ms, operation.release_ms)
        self._memory = np.array([math.exp(-1000 / (time_ms * sample_rate_hz)) for time_ms in times_ms])
        self._state = np.zeros(2)
        self._channels = channels

    def feed(self, block: FloatBlock) -> FloatBlock:
        """Take np.ndarray [shape=(frames, channels), dtype=float32]; as many frames come back."""
        samples = np.ascontiguousarray(block)
        out = np.empty_like(samples)
        library().tonearm_compress(
            address(samples, np.float32),
            address(out, np.float32),
            size(len(samples)),
            size(self._channels),
            address(self._curve, np.float64),
            address(self._memory, np.float64),
            address(self._state, np.float64),
        )
        return out
